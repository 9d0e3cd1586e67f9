package leioci

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci/internal/pulled"
	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/internal/serve"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

// A Handler is a registry that is only read, for the machines of a site to pull from what one of
// them has pulled. It serves a place on this machine by the [OCI distribution specification]:
// manifests, blobs, tags and referrers, by GET and HEAD, with ranges, under the digests that they
// have elsewhere. Any client can pull from it. It accepts no push and no delete (405, UNSUPPORTED).
//
// There is one repository. It has every valid name, unless [HandlerRepository] gives it one.
//
// Content is verified before it is sent for the first time, and again if the time of its file has
// changed, even while it is sent. What cannot be read is a response with status 500 or 503, or the
// connection is aborted: a client never receives as much as was announced of a blob that is not
// right, except from somebody who writes to a file without its time showing that, as when it is set
// back, or coarse. Responses tell no paths; those are logged.
//
// Nothing is asked of clients: whoever can connect can read. Content is not kept in memory. A client
// that takes nothing for ten minutes is disconnected, and a slow one is not, unless it takes less
// than about 10 kB a second: what the operating system has buffered for it, which is some megabytes,
// is not seen to get less. Deadlines for writing are set for each request, whatever the server's own
// WriteTimeout is. The server sets ReadHeaderTimeout, IdleTimeout and how many clients there may be
// at once.
//
// It is safe for concurrent use.
//
// [OCI distribution specification]: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md
type Handler struct {
	from    store.Local
	handler http.Handler
}

// A HandlerOption changes what [NewHandler] and [NewDirectoryHandler] return.
type HandlerOption func(*handlerOptions) error

type handlerOptions struct {
	name string
	log  logrus.FieldLogger
}

// HandlerRepository gives the repository a name, such as "org/lei-cache". Any other is not found.
func HandlerRepository(name string) HandlerOption {
	return func(o *handlerOptions) error {
		if err := checkPath(name); err != nil {
			return fmt.Errorf("option HandlerRepository: %w: %w", ErrInvalidReference, err)
		}
		o.name = name
		return nil
	}
}

// HandlerLogger sets where to log: requests at level debug, without their headers, and as warnings
// what cannot be read. The default is to log nothing.
func HandlerLogger(log logrus.FieldLogger) HandlerOption {
	return func(o *handlerOptions) error {
		if registry.IsNil(log) {
			return errors.New("option HandlerLogger: nil logger")
		}
		o.log = log
		return nil
	}
}

// NewHandler returns a handler that serves all of an OCI image layout or of an archive: its tags,
// and all that its index lists. A layout may be written to meanwhile, by [Client.Copy] for example.
// The caller must close the Handler.
//
// The errors: [ErrInvalidReference] for a registry, and for a location with a tag or a digest;
// [ErrNotFound]; [ErrUnsupportedManifest] for what is no layout.
func NewHandler(ctx context.Context, src Location, opts ...HandlerOption) (*Handler, error) {
	_, isRegistry := src.Repository()
	switch {
	case registry.IsNil(ctx):
		return nil, fmt.Errorf("serve %s: %w", src, errNilContext)
	case isRegistry:
		return nil, fmt.Errorf("serve %s: %w: it is a registry already; pull from it, and serve the directory", src, ErrInvalidReference)
	case src.isZero():
		return nil, fmt.Errorf("serve: %w: no location; use ParseLocation, or NewDirectoryHandler for a directory", ErrInvalidReference)
	case src.id != "":
		return nil, fmt.Errorf("serve %s: %w: all of a layout or an archive is served; use %s", src, ErrInvalidReference, src.Place())
	}
	return newHandler(src.String(), opts, func() (store.Local, error) { return openLocal(ctx, src, defaultMaxBlobBytes) })
}

// NewDirectoryHandler returns a handler that serves a directory that was pulled into: the artifact
// as it was pulled, under its date, "latest" and, on a Sunday, "weekly", as [GenerateTags] has them.
// Its files are read to the end first. Layers that are not LEI's were not pulled, and are not found.
// Neither are signatures: who asks for them ([VerifyKey]) can pull from a layout or an archive that
// [Client.Copy] wrote. The caller must close the Handler.
//
// Another pull may replace the directory meanwhile. Then the new snapshot is served, as soon as it
// is verified. The blobs of the former one can be had for an hour longer, for clients that have its
// manifest; for so long, and until the next request, its files take room on the disk. A directory
// that is damaged, or absent, is an error response until the next pull mends it.
//
// The errors: [ErrNotFound] for a directory without oci-manifest.json, or without a file, and
// [ErrVerification] for a damaged one. A directory from an earlier version may lack config.json, and
// a pull of what is up to date does not look at it: if it is absent or damaged, it is made of
// manifest.json if that gives the right digest. If not, that is the error, whose message says how to
// get it.
func NewDirectoryHandler(ctx context.Context, dir string, opts ...HandlerOption) (*Handler, error) {
	switch {
	case registry.IsNil(ctx):
		return nil, fmt.Errorf("serve %s: %w", dir, errNilContext)
	case dir == "":
		return nil, fmt.Errorf("serve: %w: the directory's name is empty", ErrNotFound)
	}
	return newHandler(dir, opts, func() (store.Local, error) { return openPulled(ctx, dir) })
}

// openPulled opens a directory that was pulled into.
func openPulled(ctx context.Context, dir string) (store.Local, error) {
	d, err := pulled.Open(ctx, dir, GenerateTags)
	if err != nil {
		return nil, err // and not a nil pointer of a type
	}
	return d, nil
}

func newHandler(what string, opts []HandlerOption, open func() (store.Local, error)) (*Handler, error) {
	o := handlerOptions{log: silent()}
	for i, opt := range opts {
		if opt == nil {
			return nil, fmt.Errorf("serve %s: option %d of %d is nil", what, i+1, len(opts))
		}
		if err := opt(&o); err != nil {
			return nil, fmt.Errorf("serve %s: %w", what, err)
		}
	}
	from, err := open()
	if err != nil {
		return nil, fmt.Errorf("serve %s: %w", what, err)
	}
	return &Handler{from, serve.New(from, o.name, o.log)}, nil
}

// ServeHTTP implements [http.Handler]. A Handler that none of the two functions made has nothing to
// serve: the response has status 500.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h == nil || h.handler == nil {
		http.Error(w, "no handler was made", http.StatusInternalServerError)
		return
	}
	h.handler.ServeHTTP(w, r)
}

// Close closes the files. Shut the server down first: what is being sent breaks off.
func (h *Handler) Close() error {
	if h == nil || h.from == nil { // as where making it failed, and its Close is deferred already
		return nil
	}
	return h.from.Close()
}
