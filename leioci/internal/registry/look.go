package registry

import (
	"context"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// slowAfter is how long a look may take before its caller goes on with what does not depend on it.
// On a fast link, the answer is there by then, and may say that there is nothing to do. On a slow
// one, waiting so long is little beside the round trip that is saved.
const slowAfter = 10 * time.Millisecond

// Look fetches the manifest under a tag, before anything is written. It calls slow, possibly more
// than once, if the registry was asked and takes a while to respond.
func (d *Destination) Look(ctx context.Context, tag string, slow func()) (m *Manifest, err error) {
	err = d.do(ctx, d.look(tag, slow, &m))
	return m, err
}

// LookOnce is Look without retries, for a look that may fail.
func (d *Destination) LookOnce(ctx context.Context, tag string, slow func()) (m *Manifest, err error) {
	err = d.inSession(ctx, d.look(tag, slow, &m))
	return m, err
}

func (d *Destination) look(tag string, slow func(), found **Manifest) operation {
	return func(ctx context.Context, s *session) (err error) {
		timer := time.AfterFunc(slowAfter, slow)
		defer timer.Stop() // while nobody is asked, as between two tries, nothing is begun
		*found, err = s.manifest(ctx, s.repo.Tag(tag))
		return err
	}
}

// InHandshake reports whether err is that of an authentication, or of a registry of which nothing is
// known yet, and not of what it was for.
func InHandshake(err error) bool {
	with, ok := errdef.NoteOf[inSessionWith](err)
	_, atTokenServer := errdef.NoteOf[AtTokenServer](err)
	return ok && !with.begun || atTokenServer
}
