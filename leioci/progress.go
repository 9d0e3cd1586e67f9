package leioci

import (
	"errors"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/progress"
)

// An Event says how far a transfer has got with one blob. It is the state at that moment, and not
// what has changed: see [Progress].
type Event struct {
	// Blob numbers the blobs of a call, from 1.
	Blob int
	// Name is the name of the blob's file, as in "cache.jsonl.gz", or "config", or else the blob's
	// digest. A blob that is pushed may have a name that comes from outside, with whatever
	// characters.
	Name string
	// Digest is the digest of the blob. It is zero while it is being computed, which may be until
	// the blob has been sent.
	Digest v1.Hash
	// Phase is what is being done.
	Phase Phase
	// Place is the repository, or other location, that the blob is read from or written to. A pull
	// may change it, if there are mirrors. It is empty if nothing was read or written, and for an
	// image.
	Place string
	// Done is how many bytes of the blob are there, and Total how many it has.
	//
	// Done includes Resumed, the bytes that an earlier, interrupted pull left. It includes what came
	// in ranges before its turn. It goes back, to 0 if need be, if what has come turns out to be
	// wrong or lost, and whenever an upload begins again. While a blob is verified, hashed or
	// indexed, it stays what it is.
	Done, Resumed, Total int64
}

// A Phase is what is being done with a blob, or was done last.
type Phase int

// The phases of a blob. Most blobs go through a few of them only. After [PhaseDone], the reports may
// be verified or indexed, and after that they are done again.
const (
	// PhaseHashing: the digest is computed, before the blob is sent.
	PhaseHashing = Phase(progress.Hashing)
	// PhaseFetching: the blob comes from a registry or an image.
	PhaseFetching = Phase(progress.Fetching)
	// PhaseUploading: the blob is sent. The digest may be computed meanwhile.
	PhaseUploading = Phase(progress.Uploading)
	// PhaseVerifying: a file that is there is compared with its digest, or its reports are read
	// ([VerifyReports]).
	PhaseVerifying = Phase(progress.Verifying)
	// PhaseIndexing: the reports are verified, and their index is made ([IndexReports]).
	PhaseIndexing = Phase(progress.Indexing)
	// PhaseReused: nothing had to be transferred, because the directory or the repository had the
	// blob.
	PhaseReused = Phase(progress.Reused)
	// PhaseDone: the blob was transferred.
	PhaseDone = Phase(progress.Done)
)

// String returns the phase in one word, such as "fetching".
func (p Phase) String() string { return progress.Phase(p).String() }

// Final reports whether the phase is one that a blob can end with: [PhaseReused] or [PhaseDone].
func (p Phase) Final() bool { return progress.Phase(p).Final() }

// A TransferOption is an option for pulls, for pushes and for copies.
type TransferOption interface {
	PullOption
	PushOption
	CopyOption
}

// Progress lets f be told how a transfer gets on, for example to show it: that of
// [Client.PullSnapshot], [Client.Watch], [Unpack], [Client.PushSnapshot] and [Client.Copy]. Of
// several, the last counts. Nothing is told of a call that does not get as far as the first blob,
// nor of more blobs than the first 10,000 of a copy.
//
// f cannot hold up a transfer. It is called on a goroutine of its own, and never while another call
// of it goes on, not even by two transfers at once with the same option. If it takes long, it
// misses what happens meanwhile: it gets the latest event of each blob, at most twenty a second.
// Phases that were left by then are missed, too, but not the last event of a blob.
//
// The transfer returns after the last call of f. If f takes longer than a second for what is left to
// tell at the end, or never returns, the transfer returns all the same: f is not called again then,
// and a call of it that goes on is left to itself. If f panics, it is not called again, and the
// transfer panics with the same value at its end.
func Progress(f func(Event)) TransferOption {
	if f == nil {
		return progressOption{}
	}
	return progressOption{progress.NewListener(func(s progress.State) {
		f(Event{
			Blob: s.Blob, Name: s.Name, Digest: s.Digest, Phase: Phase(s.Phase), Place: s.Place,
			Done: s.Done, Resumed: s.Resumed, Total: s.Total,
		})
	})}
}

type progressOption struct{ listener *progress.Listener }

// begin returns what keeps and tells the states of the blobs of one call.
func (p progressOption) begin() (*progress.Tracker, error) {
	if p.listener == nil {
		return nil, errors.New("option Progress: nil; to be told nothing, omit it")
	}
	return p.listener.Begin(), nil
}

func (p progressOption) pull(o *pullOptions) (err error) {
	o.Progress, err = p.begin()
	return err
}

func (p progressOption) push(o *pushOptions) (err error) {
	o.progress, err = p.begin()
	return err
}

func (p progressOption) copy(o *copyOptions) (err error) {
	o.progress, err = p.begin()
	return err
}
