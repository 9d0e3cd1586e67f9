package main

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/regular"
)

// networkFlags are the flags of every command that contacts a registry.
type networkFlags struct {
	plainHTTP, httpsOnly      bool
	skipVerify                bool
	plainHosts                []string
	caFile, certFile, keyFile string
	privateNetworks           []string
	attempts                  int
	stall                     time.Duration
	verbose, quiet            bool
	stderr                    *stderr
	cmd                       *cobra.Command
}

func addNetworkFlags(cmd *cobra.Command) *networkFlags {
	f := &networkFlags{cmd: cmd}
	flags := cmd.Flags()
	flags.BoolVar(&f.plainHTTP, "plain-http", false,
		"use http, never https, for the registries of the references; credentials are sent unencrypted")
	flags.StringSliceVar(&f.plainHosts, "plain-http-host", nil,
		"`host` or host:port of another registry, such as a mirror, to use http for")
	flags.BoolVar(&f.httpsOnly, "https-only", false,
		"never use http, not even for a registry at a private address that does not respond over https")
	flags.StringVar(&f.caFile, "ca-file", "", "PEM `file` with additional certificate authorities")
	flags.StringVar(&f.certFile, "cert-file", "", "PEM `file` with a client certificate; requires --key-file")
	flags.StringVar(&f.keyFile, "key-file", "", "PEM `file` with the private key for --cert-file")
	flags.BoolVar(&f.skipVerify, "insecure-skip-verify", false,
		"accept any server certificate: an attacker can then read credentials and alter what is pulled")
	flags.StringSliceVar(&f.privateNetworks, "allow-private-redirects", nil,
		"private `networks` that a registry may redirect to, such as 10.0.0.0/8")
	flags.IntVar(&f.attempts, "attempts", 0, "total attempts per request when failures may be transient (default 5)")
	flags.DurationVar(&f.stall, "stall-timeout", 0, "give up when no byte moves for this long (default 30s)")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "log every request to standard error, without credentials")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "print only results, warnings and errors: no progress, and no outcome in words")
	return f
}

// options converts the flags into options for a client of repos.
func (f *networkFlags) options(env environment, repos []name.Repository) ([]leioci.Option, error) {
	opts := []leioci.Option{leioci.WithUserAgent("leioci/" + version()), leioci.WithLogger(f.logger(env))}
	if f.httpsOnly && (f.plainHTTP || len(f.plainHosts) > 0) {
		return nil, usageError{errors.New("--https-only excludes --plain-http and --plain-http-host")}
	}
	if f.httpsOnly {
		opts = append(opts, leioci.WithHTTPSOnly())
	}
	if f.plainHTTP {
		for _, r := range repos {
			opts = append(opts, leioci.WithPlainHTTP(r.RegistryStr()))
		}
	}
	plain := leioci.WithPlainHTTP(f.plainHosts...)
	if err := checkOption("--plain-http-host", plain); err != nil {
		return nil, err
	}
	opts = append(opts, plain)
	if f.cmd.Flags().Changed("attempts") {
		if f.attempts < 1 {
			return nil, usageError{fmt.Errorf("--attempts %d: must be at least 1", f.attempts)}
		}
		opts = append(opts, leioci.WithRetry(leioci.RetryPolicy{Attempts: f.attempts}))
	}
	if f.cmd.Flags().Changed("stall-timeout") {
		if f.stall <= 0 {
			return nil, usageError{fmt.Errorf("--stall-timeout %v: must be positive", f.stall)}
		}
		opts = append(opts, leioci.WithStallTimeout(f.stall))
	}
	if len(f.privateNetworks) > 0 {
		networks, err := parseNetworks(f.privateNetworks)
		if err != nil {
			return nil, usageError{err}
		}
		opts = append(opts, leioci.WithPrivateRedirects(networks...))
	}
	if f.caFile == "" && f.certFile == "" && f.keyFile == "" && !f.skipVerify {
		return opts, nil
	}
	t, err := f.tls()
	if err != nil {
		return nil, err
	}
	return append(opts, leioci.WithTLS(t)), nil
}

// tls reads the files that the flags name.
func (f *networkFlags) tls() (leioci.TLS, error) {
	t := leioci.TLS{InsecureSkipVerify: f.skipVerify}
	if f.caFile != "" {
		pem, err := readPEM(f.caFile)
		if err != nil {
			return t, usageError{fmt.Errorf("--ca-file: %w", err)}
		}
		if err := checkOption("--ca-file "+f.caFile, leioci.WithTLS(leioci.TLS{RootCAs: pem})); err != nil {
			return t, err
		}
		t.RootCAs = pem
	}
	if (f.certFile == "") != (f.keyFile == "") {
		return t, usageError{fmt.Errorf("--cert-file and --key-file must be given together")}
	}
	if f.certFile != "" {
		pair, err := readKeyPair(f.certFile, f.keyFile)
		if err != nil {
			return t, usageError{fmt.Errorf("--cert-file, --key-file: %w", err)}
		}
		t.Certificates = []tls.Certificate{pair}
	}
	return t, nil
}

func readKeyPair(certFile, keyFile string) (tls.Certificate, error) {
	cert, err := readPEM(certFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := readPEM(keyFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	// As in --ca-file, a byte order mark, which editors on Windows write, is no damage.
	mark := []byte("\ufeff")
	return tls.X509KeyPair(bytes.TrimPrefix(cert, mark), bytes.TrimPrefix(key, mark))
}

// maxPEMBytes is several times the size of an operating system's bundle of authorities.
const maxPEMBytes = 4 << 20

// readPEM reads a file. It refuses what is not a regular file: opening a named pipe waits for its
// other end, which no interrupt ends.
func readPEM(path string) ([]byte, error) {
	pem, err := regular.Read(path, maxPEMBytes+1)
	if err == nil && len(pem) > maxPEMBytes {
		err = fmt.Errorf("%s exceeds %d bytes", path, maxPEMBytes)
	}
	return pem, err
}

// logger returns a logger to standard error: warnings only, or everything with --verbose.
func (f *networkFlags) logger(env environment) logrus.FieldLogger {
	return newLogger(f.standardError(env), f.verbose)
}

func newLogger(to io.Writer, verbose bool) logrus.FieldLogger {
	l := logrus.New()
	l.SetOutput(to)
	l.SetFormatter(inCommandsWords{plainFormatter{}})
	l.SetLevel(logrus.WarnLevel)
	if verbose {
		l.SetFormatter(inCommandsWords{&logrus.TextFormatter{FullTimestamp: true, DisableColors: true}})
		l.SetLevel(logrus.DebugLevel)
	}
	return l
}

// plainFormatter formats a warning like the command's errors.
type plainFormatter struct{}

func (plainFormatter) Format(e *logrus.Entry) ([]byte, error) {
	return []byte("leioci: " + e.Level.String() + ": " + shorter(oneLine(e.Message)) + "\n"), nil
}

// inCommandsWords is a formatter of messages in which flags take the place of options.
type inCommandsWords struct{ logrus.Formatter }

func (f inCommandsWords) Format(e *logrus.Entry) ([]byte, error) {
	const field = "options" // where the library says which are named
	options, ok := e.Data[field].([]errdef.Option)
	if !ok {
		return f.Formatter.Format(e)
	}
	with := e.Dup()
	with.Level, with.Message = e.Level, inFlags(e.Message, options)
	delete(with.Data, field)
	return f.Formatter.Format(with)
}

func parseNetworks(texts []string) ([]netip.Prefix, error) {
	networks := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		n, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("--allow-private-redirects %q: want a network, such as 10.0.0.0/8 or fd00::/8", text)
		}
		networks[i] = n
	}
	return networks, nil
}
