package leioci

import (
	"io"
	"os"
	"runtime"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/artifact"
	"github.com/lowendinsight/lei-go/leioci/internal/progress"
)

// tell lets a tracker, which may be nil, know how far the push has got with each blob.
func (p *pushPlan) tell(tracker *progress.Tracker) {
	if tracker == nil {
		return
	}
	p.progress = tracker
	for i := range p.blobs {
		b := &p.blobs[i]
		digest, _ := b.digest.known()
		b.told = tracker.Blob(p.title(b.name, digest), digest, b.size)
		b.told.From(p.repo)
		b.Layer = toldLayer{b.Layer, b.told}
	}
}

// title returns the name of the file with a digest, if the manifest tells, or else the one given.
func (p *pushPlan) title(name string, digest v1.Hash) string {
	m, known := p.manifest.known()
	if !known || digest == (v1.Hash{}) {
		return name
	}
	if m.Config.Digest == digest {
		return configName
	}
	for _, l := range m.Layers {
		if title := l.Annotations[artifact.AnnotationTitle]; title != "" && l.Digest == digest {
			return title
		}
	}
	return name
}

// finished tells that the repository has the blob, which was sent or was there.
func (b blobToPush) finished(digest v1.Hash, sent bool) {
	phase := progress.Reused
	if sent {
		phase = progress.Done
	}
	b.told.Finish(phase, digest)
}

// toldLayer is a layer whose content tells how much of it was sent.
type toldLayer struct {
	v1.Layer
	told *progress.Blob
}

// Compressed opens the content. Where the kernel sends a file by itself, the file must not be
// wrapped, but has an offset, which only Linux moves then.
func (l toldLayer) Compressed() (io.ReadCloser, error) {
	content, err := contentOf(l.Layer)
	if err != nil {
		return nil, err
	}
	if f, ok := content.(*os.File); ok && runtime.GOOS == "linux" {
		l.told.SendFrom(func() (int64, error) { return f.Seek(0, io.SeekCurrent) })
		return f, nil
	}
	return l.told.Send(content), nil
}
