package staging

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// names are what is put beside a target for a while. They carry a hash of the target's name, so that what belongs to
// another target in the same parent directory is left alone.
type names struct {
	parent  string
	staging string // begins the name of a staging directory
	partial string // begins the name of a partial file
}

// privatePrefix begins the name, in a staging directory, of a partial file that is no other's business.
const privatePrefix = ".leioci-private-"

func namesOf(target string) names {
	sum := sha256.Sum256([]byte(filepath.Base(target)))
	hash := hex.EncodeToString(sum[:6])
	return names{
		parent:  filepath.Dir(target),
		staging: ".leioci-staging-" + hash + "-",
		partial: ".leioci-partial-" + hash + "-",
	}
}

// newStage is the path of a staging directory that begins now.
func (n names) newStage(now time.Time) string {
	return filepath.Join(n.parent, fmt.Sprintf("%s%x-%s", n.staging, now.Unix(), rand.Text()))
}

// begun is when a staging directory was made, by its name: the directory that is there may be older, the former target.
func (n names) begun(path string) time.Time {
	stamp, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(path), n.staging), "-")
	seconds, err := strconv.ParseInt(stamp, 16, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}

func (n names) partialPath(id string) string { return filepath.Join(n.parent, n.partial+id) }

// kept is the path of what was taken out of the target's place and cannot be put back. No sweep looks at it.
func kept(target string) string { return target + ".kept-" + rand.Text() }
