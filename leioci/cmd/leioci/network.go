package main

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"github.com/lowendinsight/lei-go/leioci"
)

// networkFlags are the flags of every command that speaks to a registry.
type networkFlags struct {
	plainHTTP, skipVerify     bool
	plainHosts                []string
	caFile, certFile, keyFile string
	private                   []string
	attempts                  int
	stall                     time.Duration
	verbose                   bool
	cmd                       *cobra.Command
}

func addNetworkFlags(cmd *cobra.Command) *networkFlags {
	f := &networkFlags{cmd: cmd}
	set := cmd.Flags()
	set.BoolVar(&f.plainHTTP, "plain-http", false, "speak http, and only http, to the references' registries, credentials included")
	set.StringSliceVar(&f.plainHosts, "plain-http-host", nil, "`host` or host:port of another registry, such as a mirror, for which this holds")
	set.StringVar(&f.caFile, "ca-file", "", "PEM `file` with further certificate authorities")
	set.StringVar(&f.certFile, "cert-file", "", "PEM `file` with a client certificate; needs --key-file")
	set.StringVar(&f.keyFile, "key-file", "", "PEM `file` with the key of --cert-file")
	set.BoolVar(&f.skipVerify, "insecure-skip-verify", false, "take any certificate: others can then read the credentials and change what is pulled")
	set.StringSliceVar(&f.private, "allow-private-redirects", nil, "private `networks` (10.0.0.0/8) that a registry may redirect to")
	set.IntVar(&f.attempts, "attempts", 0, "tries in all where a failure may pass (default 5)")
	set.DurationVar(&f.stall, "stall-timeout", 0, "give up after so long without a byte (default 30s)")
	set.BoolVarP(&f.verbose, "verbose", "v", false, "log every request to standard error, without credentials")
	return f
}

// options turns the flags into options of a client for repos.
func (f *networkFlags) options(env environment, repos []name.Repository) ([]leioci.Option, error) {
	opts := []leioci.Option{leioci.WithUserAgent("leioci/" + version()), leioci.WithLogger(f.logger(env))}
	if f.plainHTTP {
		for _, r := range repos {
			opts = append(opts, leioci.WithPlainHTTP(r.RegistryStr()))
		}
	}
	opts = append(opts, leioci.WithPlainHTTP(f.plainHosts...))
	if f.cmd.Flags().Changed("attempts") {
		if f.attempts < 1 {
			return nil, usageError{fmt.Errorf("--attempts %d: want 1 or more", f.attempts)}
		}
		opts = append(opts, leioci.WithRetry(leioci.RetryPolicy{Attempts: f.attempts}))
	}
	if f.cmd.Flags().Changed("stall-timeout") {
		opts = append(opts, leioci.WithStallTimeout(f.stall))
	}
	if len(f.private) > 0 {
		networks, err := parseNetworks(f.private)
		if err != nil {
			return nil, usageError{err}
		}
		opts = append(opts, leioci.WithPrivateRedirects(networks...))
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
		pem, err := os.ReadFile(f.caFile)
		if err != nil {
			return t, usageError{fmt.Errorf("--ca-file: %w", err)}
		}
		t.RootCAs = pem
	}
	if (f.certFile == "") != (f.keyFile == "") {
		return t, usageError{fmt.Errorf("--cert-file and --key-file belong together")}
	}
	if f.certFile != "" {
		pair, err := tls.LoadX509KeyPair(f.certFile, f.keyFile)
		if err != nil {
			return t, usageError{fmt.Errorf("--cert-file, --key-file: %w", err)}
		}
		t.Certificates = []tls.Certificate{pair}
	}
	return t, nil
}

// logger writes warnings, and with --verbose everything, to standard error.
func (f *networkFlags) logger(env environment) logrus.FieldLogger {
	l := logrus.New()
	l.SetOutput(env.stderr)
	l.SetFormatter(plainFormatter{})
	l.SetLevel(logrus.WarnLevel)
	if f.verbose {
		l.SetFormatter(&logrus.TextFormatter{FullTimestamp: true, DisableColors: true})
		l.SetLevel(logrus.DebugLevel)
	}
	return l
}

// plainFormatter writes a warning as the command writes its errors.
type plainFormatter struct{}

func (plainFormatter) Format(e *logrus.Entry) ([]byte, error) {
	return []byte("leioci: " + e.Level.String() + ": " + oneLine(e.Message) + "\n"), nil
}

func parseNetworks(texts []string) ([]netip.Prefix, error) {
	networks := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		n, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("--allow-private-redirects: %w", err)
		}
		networks[i] = n
	}
	return networks, nil
}
