package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/spf13/cobra"

	"github.com/lowendinsight/lei-go/leioci"
)

// serveFlags are the flags of serve.
type serveFlags struct {
	listen            string
	certFile, keyFile string
	repository        string
	verbose           bool
	format            *format
}

func newServe(env environment) *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve DIR|LOCATION",
		Short: "Serve what was pulled to other machines",
		Long: `Serve a directory that was pulled, or an OCI image layout, as a registry that is only read. One machine
of a site pulls, and the others pull from it, with leioci or any other client of OCI registries, what has
the same digest.

LOCATION is oci-layout:DIR or oci-archive:FILE, and all that is in it is served. DIR is a directory that
was pulled into: its snapshot is served under its date, latest and, on a Sunday, weekly. It may be pulled
into meanwhile: then the new snapshot is served, and those who began with the old one can end. An archive
that is replaced is served as it was, until serve is started again. Signatures are not pulled into DIR: for
clients that ask for them, with --key, serve a LOCATION that leioci copy wrote, to which they come along.

Whoever can connect can pull, and nobody can push: there is no authentication. Without --listen, only
this machine can connect. A registry that others reach should have a certificate, or they need
--plain-http. It speaks HTTP/1.1, and answers 512 requests at once; others wait.

Prints a reference to pull from, once it listens; the name of the repository in it may be any other,
unless --repository gives it one. As JSON, these are the members format_version (1), source, address
(host:port), url and reference. It ends when it is interrupted, by SIGINT or SIGTERM, with status 0, after
what is being sent was sent, if that takes no longer than 20 seconds; a second signal ends it at once.`,
		Example: "  leioci serve ./lei-cache-latest\n" +
			"  leioci serve --listen :5000 --cert-file tls.pem --key-file tls.key oci-layout:./mirror",
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range []string{"cert-file", "key-file", "repository"} { // "$CERT", where CERT is not set
				if flag := cmd.Flags().Lookup(name); flag.Changed && flag.Value.String() == "" {
					return withUsage(cmd, fmt.Errorf("--%s is empty", name))
				}
			}
			return interruptible(cmd.Context(), func(ctx context.Context) error {
				return serve(ctx, env, f, args[0])
			})
		},
	}
	cmd.Flags().StringVar(&f.listen, "listen", "127.0.0.1:5000", "`address` (host:port) to listen at; port 0 is any free one")
	cmd.Flags().StringVar(&f.certFile, "cert-file", "", "PEM `file` with a certificate to serve https with; requires --key-file")
	cmd.Flags().StringVar(&f.keyFile, "key-file", "", "PEM `file` with the private key for --cert-file")
	cmd.Flags().StringVar(&f.repository, "repository", "", "the only `name` of the repository, such as org/lei-cache")
	cmd.Flags().BoolVarP(&f.verbose, "verbose", "v", false, "log every request to standard error")
	f.format = addFormatFlag(cmd)
	return cmd
}

// serve serves until ctx ends, which is a success.
func serve(ctx context.Context, env environment, f serveFlags, source string) (err error) {
	_, port, err := net.SplitHostPort(f.listen)
	if err == nil {
		_, err = net.DefaultResolver.LookupPort(ctx, "tcp", port)
	}
	if err != nil {
		return usageError{fmt.Errorf("--listen %q: want host:port, such as 127.0.0.1:5000 or :5000", f.listen)}
	}
	config, err := f.tls()
	if err != nil {
		return err
	}
	handler, err := openServed(ctx, env, f, source)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, handler.Close()) }()
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", f.listen)
	if err != nil {
		return fmt.Errorf("serve %s: %w", source, err)
	}
	a := newServed(source, f, listener.Addr().(*net.TCPAddr))
	if err := a.announce(env, f); err != nil {
		return errors.Join(err, listener.Close())
	}
	if config != nil {
		listener = tls.NewListener(listener, config)
	}
	if err := serveUntil(ctx, listener, handler, newLogger(env.stderr, f.verbose)); err != nil {
		return fmt.Errorf("serve %s: %w", source, err)
	}
	fmt.Fprintln(env.stderr, "stopped")
	return nil
}

// openServed opens a directory or a location.
func openServed(ctx context.Context, env environment, f serveFlags, source string) (*leioci.Handler, error) {
	opts := []leioci.HandlerOption{leioci.HandlerLogger(newLogger(env.stderr, f.verbose))}
	if f.repository != "" {
		if _, err := leioci.ParseRepository("localhost/" + f.repository); err != nil {
			return nil, usageError{fmt.Errorf("--repository %q: want lower-case letters and digits with single separators between them", f.repository)}
		}
		opts = append(opts, leioci.HandlerRepository(f.repository))
	}
	if source == "" { // "$DIR", where DIR is not set
		return nil, usageError{errors.New("DIR|LOCATION is empty")}
	}
	if !isReference(source) {
		if err := refuseOtherThanDir(source); err != nil {
			return nil, err
		}
		handler, err := leioci.NewDirectoryHandler(ctx, source, opts...)
		if errors.Is(err, leioci.ErrNotFound) {
			err = fmt.Errorf("%w; what is served has to be pulled first, with leioci pull", err)
		}
		return handler, err
	}
	location, err := parseLocation(source)
	if err != nil {
		return nil, err
	}
	handler, err := leioci.NewHandler(ctx, location, opts...)
	if errors.Is(err, leioci.ErrInvalidReference) {
		err = usageError{err}
	}
	return handler, err
}

// tls returns the configuration for https, or nil for http. It does not offer HTTP/2: there, all
// blobs of a client share one connection, in frames, and how much memory it takes depends on how
// many streams the client opens and on what it leaves unread. All clients of registries speak
// HTTP/1.1.
func (f serveFlags) tls() (*tls.Config, error) {
	switch {
	case f.certFile == "" && f.keyFile == "":
		return nil, nil
	case f.certFile == "" || f.keyFile == "":
		return nil, usageError{errors.New("--cert-file and --key-file must be given together")}
	}
	pair, err := readKeyPair(f.certFile, f.keyFile)
	if err != nil {
		return nil, usageError{fmt.Errorf("--cert-file, --key-file: %w", err)}
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}

// served describes a registry that listens.
type served struct {
	FormatVersion int    `json:"format_version"`
	Source        string `json:"source"`
	Address       string `json:"address"`
	URL           string `json:"url"`
	Reference     string `json:"reference"`

	at                           net.IP
	everywhere, loopback, secure bool
}

func newServed(source string, f serveFlags, at *net.TCPAddr) served {
	s := served{
		FormatVersion: formatVersion, Source: source, at: at.IP, secure: f.certFile != "",
		everywhere: at.IP.IsUnspecified(), loopback: at.IP.IsLoopback(),
	}
	s.Address = at.String()
	if s.everywhere { // which is no name to connect to
		s.Address = fmt.Sprintf("localhost:%d", at.Port)
	}
	s.URL = "http://" + s.Address
	if s.secure {
		// A certificate is for names, and seldom for addresses.
		host, _, _ := net.SplitHostPort(f.listen)
		if _, err := netip.ParseAddr(host); err != nil && host != "" {
			s.Address = fmt.Sprintf("%s:%d", host, at.Port)
		}
		s.URL = "https://" + s.Address
	}
	name := f.repository
	if name == "" {
		name = "lei-cache"
	}
	s.Reference = s.Address + "/" + name
	return s
}

// announce says that the registry listens, and how to pull from it.
func (s served) announce(env environment, f serveFlags) error {
	flag := ""
	// Clients speak http to these by themselves, and not to 127.0.1.1, which is some hosts' own name.
	known := s.everywhere || s.at.Equal(net.IPv4(127, 0, 0, 1)) || s.at.Equal(net.IPv6loopback)
	if !known && !s.secure {
		flag = " --plain-http"
	}
	fmt.Fprintf(env.stderr, "serving %s at %s; pull from it with: leioci pull%s %s\n", s.Source, s.URL, flag, s.Reference)
	if !s.loopback {
		text := "warning: there is no authentication: whoever can connect to this machine can pull"
		if !s.secure {
			text += ", and nothing is encrypted; see --cert-file"
		}
		fmt.Fprintln(env.stderr, "leioci: "+text)
	}
	if !f.format.isJSON() {
		_, err := fmt.Fprintln(env.stdout, s.Reference)
		return err
	}
	encoder := json.NewEncoder(env.stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(s)
}
