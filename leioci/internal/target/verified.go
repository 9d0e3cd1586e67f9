package target

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"github.com/lowendinsight/lei-go/leioci/internal/regular"
	"github.com/lowendinsight/lei-go/leioci/internal/staging"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// verifiedFile says under which policy the snapshot beside it was found to be trusted. Whoever can
// write it can write the reports, too: it protects against sources, not against the machine's users.
const verifiedFile = "oci-verified.json"

// maxVerifiedBytes is how much of it is read.
const maxVerifiedBytes = 256 << 10

// A Verdict is that a snapshot is trusted under a policy.
type Verdict struct {
	// Policy names what was asked for. What was verified under one counts for no other.
	Policy string `json:"policy"`
	// Place is where it was asked for, as far as a policy tells places apart: what it asks for in one
	// need not be enough for another.
	Place string `json:"place"`
	// Path is the absolute path of a place on this machine. To a policy all of them are one, but another
	// verifier may tell them apart.
	Path string `json:"path,omitempty"`
	// Note is what is to be known of it.
	Note json.RawMessage `json:"note,omitempty"`
}

// record is the content of verifiedFile.
type record struct {
	Digest string `json:"digest"` // of the manifest
	Verdict
}

// Trust says that the snapshot which is to be installed, or is there, is trusted. An empty policy
// is not remembered.
func (d *Dir) Trust(v Verdict) { d.verdict = v }

// Trusted returns the verdict under a policy on what the directory holds, if there is one.
func (d *Dir) Trusted(policy string) (Verdict, bool) {
	if d.held == nil || policy == "" {
		return Verdict{}, false
	}
	text, err := regular.Read(filepath.Join(d.path, verifiedFile), maxVerifiedBytes+1)
	var r record
	if err != nil || len(text) > maxVerifiedBytes || json.Unmarshal(text, &r) != nil {
		return Verdict{}, false
	}
	if r.Digest != d.held.digest.String() || r.Policy != policy {
		return Verdict{}, false
	}
	return r.Verdict, true
}

// Remember writes the verdict of [Dir.Trust] into the directory, which holds the snapshot already.
// Where that fails, the snapshot is verified again the next time.
func (d *Dir) Remember() {
	if d.verdict.Policy == "" || d.held == nil {
		return
	}
	if !bytes.Equal(d.held.raw, readHeld(d.path).bytes()) {
		return // another pull has replaced it, and has its own verdict
	}
	temp := filepath.Join(d.path, snapshot.TempPrefix+rand.Text())
	err := d.writeVerdict(d.held.raw, func() (staging.File, error) {
		return os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	})
	if err == nil {
		err = os.Rename(temp, filepath.Join(d.path, verifiedFile))
	}
	if err != nil {
		err = errors.Join(err, os.Remove(temp))
		d.log.Infof("%s is trusted, but that cannot be written there: %v", d.path, err)
	}
}

// writeVerdict writes the verdict on the snapshot with a manifest, if there is one to remember.
func (d *Dir) writeVerdict(raw []byte, create func() (staging.File, error)) error {
	text, err := json.Marshal(record{digestOf(raw).String(), d.verdict})
	if err != nil || d.verdict.Policy == "" {
		return err
	}
	w, err := create()
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return staging.Finish(w, err)
}
