package leioci

import (
	"fmt"
	"io"

	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci/internal/guard"
)

// A Client pushes to and pulls from OCI registries. Make one with [New] and keep it: it keeps its connections,
// and its tokens for each repository. It is safe for concurrent use.
type Client struct {
	*options
	guard    guard.Transport // what all requests go through
	sessions sessions
}

// New returns a client. Without options it works anonymously where there is no docker or podman configuration,
// and needs no home directory. The error names the option that is wrong.
func New(opts ...Option) (*Client, error) {
	o, err := makeOptions(opts)
	if err != nil {
		return nil, fmt.Errorf("new client: %w", err)
	}
	return &Client{options: o, guard: o.newGuard()}, nil
}

// silent returns a logger that writes nothing.
func silent() logrus.FieldLogger {
	l := logrus.New()
	l.SetOutput(io.Discard)
	l.SetLevel(logrus.PanicLevel)
	return l
}
