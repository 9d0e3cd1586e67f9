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

// names are the names of temporary files and directories beside a target. They contain a hash of
// the target's name, so that those of other targets in the same parent directory are left alone.
type names struct {
	parent  string
	staging string // prefix of a staging directory's name
	partial string // prefix of a partial file's name
	lock    string // path of the lock file
}

// privatePrefix is the name prefix of a private partial file, which is inside the staging
// directory.
const privatePrefix = ".leioci-private-"

func namesOf(target string) names {
	sum := sha256.Sum256([]byte(filepath.Base(target)))
	hash := hex.EncodeToString(sum[:6])
	parent := filepath.Dir(target)
	return names{
		parent:  parent,
		staging: ".leioci-staging-" + hash + "-",
		partial: ".leioci-partial-" + hash + "-",
		lock:    filepath.Join(parent, ".leioci-lock-"+hash),
	}
}

// newStage returns a path for a staging directory that is created now.
func (n names) newStage(now time.Time) string {
	return filepath.Join(n.parent, fmt.Sprintf("%s%x-%s-%s", n.staging, now.Unix(), rand.Text(), n.place()))
}

// place identifies this host, since it was started, and the mount that the parent is on: where a
// lock on a directory is sure to be seen. Two hosts that share a file system are two places, and so
// are two mounts of it on one host.
func (n names) place() string {
	sum := sha256.Sum256([]byte(hostID() + " " + mountID(n.parent)))
	return hex.EncodeToString(sum[:4])
}

// elsewhere reports whether a staging directory was created at another place.
func (n names) elsewhere(path string) bool {
	parts := strings.Split(strings.TrimSuffix(filepath.Base(path), asideSuffix), "-")
	return len(parts) == 6 && parts[5] != n.place()
}

// created returns when a staging directory was created, according to its name. The directory there
// may itself be older: after an exchange it is the former target.
func (n names) created(path string) time.Time {
	stamp, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(path), n.staging), "-")
	seconds, err := strconv.ParseInt(stamp, 16, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}

func (n names) partialPath(id string) string { return filepath.Join(n.parent, n.partial+id) }

// keptPath returns a path for a former target that cannot be put back. No sweep touches it.
func keptPath(target string) string {
	const longest = 255 // bytes of a file's name, on nearly every file system
	dir, base := filepath.Split(target)
	suffix := ".kept-" + rand.Text()
	if most := longest - len(suffix); len(base) > most {
		base = strings.ToValidUTF8(base[:most], "")
	}
	return filepath.Join(dir, base+suffix)
}
