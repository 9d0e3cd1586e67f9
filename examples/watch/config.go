package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci"
)

// config holds the flags, which the package comment explains.
type config struct {
	ref        name.Reference
	dir        string
	listen     string
	interval   time.Duration
	firstLook  time.Duration // 0 for the library's default, negative for at once
	allowOlder bool
	maxAge     time.Duration // 0 for no limit
	maxContent int64
	plainHTTP  bool
	caFile     string
	policy     *leioci.Policy // nil for none
	token      string
	logLevel   logrus.Level
}

// variablePrefix is the prefix of the environment variables that set flags.
const variablePrefix = "LEI_WATCH_"

// parseConfig parses the flags. The environment provides those that args does not set.
func parseConfig(args []string, getenv func(string) string, stderr io.Writer) (*config, error) {
	c := &config{token: getenv("LEI_REGISTRY_TOKEN")}
	set := flag.NewFlagSet("lei-watch", flag.ContinueOnError)
	set.SetOutput(io.Discard) // the caller prints errors
	ref := set.String("ref", "", "`reference` to watch, registry/repository[:tag]")
	set.StringVar(&c.dir, "dir", "", "`directory` to keep the snapshot in; its parent must be writable")
	set.StringVar(&c.listen, "listen", "127.0.0.1:8080", "`address` to serve on")
	set.DurationVar(&c.interval, "interval", time.Hour, "how often to check for a new snapshot")
	set.DurationVar(&c.firstLook, "first-look", 0,
		"spread the first check over this time if there is a snapshot to serve; negative for at once (default -interval, at most 1h)")
	set.BoolVar(&c.allowOlder, "allow-older", false, "follow a tag that is moved back to an older snapshot")
	set.DurationVar(&c.maxAge, "max-age", 72*time.Hour, "/healthz reports the snapshot as stale if its date is longer ago; 0 for never")
	set.Int64Var(&c.maxContent, "max-content", 4<<30, "limit on a snapshot's uncompressed reports, in `bytes`")
	set.BoolVar(&c.plainHTTP, "plain-http", false,
		"use http, never https, for the registry; credentials are sent unencrypted")
	set.StringVar(&c.caFile, "ca-file", "", "PEM `file` with additional certificate authorities")
	policy := set.String("policy", "", "JSON `file` that says whose signatures are needed, for each repository (leioci.ReadPolicy)")
	set.TextVar(&c.logLevel, "log-level", logrus.InfoLevel, "`level`: debug, info, warning or error")
	if err := fromEnvironment(set, getenv); err != nil {
		return nil, err
	}
	switch err := set.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		set.SetOutput(stderr)
		set.Usage()
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w; see lei-watch -h", err)
	}
	if set.NArg() > 0 {
		return nil, fmt.Errorf("unexpected arguments %q", set.Args())
	}
	if err := c.check(*ref); err != nil || *policy == "" {
		return c, err
	}
	var err error
	if c.policy, err = leioci.ReadPolicy(*policy); err != nil {
		return nil, fmt.Errorf("-policy: %w", err)
	}
	return c, nil
}

// fromEnvironment sets the flags that the environment defines. The command line is parsed later, so
// it takes precedence.
func fromEnvironment(set *flag.FlagSet, getenv func(string) string) error {
	var errs []error
	set.VisitAll(func(f *flag.Flag) {
		variable := variablePrefix + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if value := getenv(variable); value != "" {
			if err := f.Value.Set(value); err != nil {
				errs = append(errs, fmt.Errorf("%s=%q: %w", variable, value, err))
			}
		}
	})
	return errors.Join(errs...)
}

// check validates the flags.
func (c *config) check(ref string) (err error) {
	switch {
	case ref == "":
		return errors.New("-ref is required: the snapshot to watch, such as ghcr.io/org/lei-cache:latest")
	case c.dir == "":
		return errors.New("-dir is required: the directory to keep the snapshot in, such as /var/lib/lei/cache")
	case c.interval < time.Millisecond:
		return fmt.Errorf("-interval %v: must be at least 1ms", c.interval)
	case c.maxAge < 0:
		return fmt.Errorf("-max-age %v: must not be negative", c.maxAge)
	case c.maxContent < 1:
		return fmt.Errorf("-max-content %d: must be at least 1", c.maxContent)
	}
	if _, _, err := net.SplitHostPort(c.listen); err != nil {
		return fmt.Errorf("-listen: %w; want host:port or :port", err)
	}
	c.ref, err = leioci.ParseReference(ref)
	return err
}
