package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// sourceHelp explains DIR|REF in a command's help.
const sourceHelp = `DIR is what exists as a directory, which is only read. REF is registry/repository with a tag or a
digest, where the registry has a dot or a port, or begins with oci://, or it is oci-layout:DIR or
oci-archive:FILE; it is pulled into a temporary directory, which is removed at the end.`

// sourceFlags are the flags of a command that reads snapshots from directories and registries.
type sourceFlags struct {
	env     environment
	network *networkFlags
	mirrors []string
	maxAge  days
	future  bool
	trust   *trustFlags

	allowance days
}

func addSourceFlags(cmd *cobra.Command, env environment) *sourceFlags {
	f := &sourceFlags{env: env}
	cmd.Flags().Var(&f.maxAge, "max-age", "fail if the snapshot's date is longer ago than this, such as 48h or 2d")
	cmd.Flags().StringSliceVar(&f.mirrors, "mirror", nil,
		"`repository` to try before REF's own; several are tried in the order given")
	cmd.Flags().BoolVar(&f.future, "allow-future", false, "accept a snapshot that is dated later than tomorrow (UTC)")
	addAllowanceFlag(cmd, &f.allowance)
	f.trust = addTrustFlags(cmd, env)
	f.network = addNetworkFlags(cmd)
	return f
}

// A source is a snapshot that was opened for a command.
type source struct {
	*snapshot.Snapshot
	name  string   // the directory, or the reference by digest
	temps []string // directories of its own

	validity validityJSON
}

// close closes the snapshot and removes what is temporary.
func (s *source) close() error {
	err := s.Close()
	for _, temp := range s.temps {
		err = errors.Join(err, os.RemoveAll(temp))
	}
	return err
}

// open opens the snapshot that DIR|REF names.
func (f *sourceFlags) open(ctx context.Context, text string) (*source, error) {
	if text == "" { // "$DIR", where DIR is not set
		return nil, usageError{errors.New("DIR|REF is empty")}
	}
	if isReference(text) {
		return f.pull(ctx, text)
	}
	if err := refuseOtherThanDir(text); err != nil {
		return nil, err
	}
	s, err := f.openDir(ctx, text)
	if err != nil {
		return nil, err
	}
	if err := f.refuseAge(s.Metadata().Date, time.Now()); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", text, err), s.Close())
	}
	return s, nil
}

// isReference tells a REF from a DIR. What exists is not fetched, and what does not exist and looks
// like a path is not looked for in the network.
func isReference(text string) bool {
	for _, scheme := range []string{"oci://", "oci-layout:", "oci-archive:"} {
		if len(text) > len(scheme) && strings.EqualFold(text[:len(scheme)], scheme) {
			return true
		}
	}
	host, _, ok := strings.Cut(text, "/")
	if !ok || strings.HasPrefix(host, ".") || !strings.ContainsAny(host, ".:") && host != "localhost" {
		return false
	}
	_, err := os.Stat(text)
	return errors.Is(err, fs.ErrNotExist)
}

// pull pulls a snapshot into a temporary directory.
func (f *sourceFlags) pull(ctx context.Context, text string) (_ *source, err error) {
	at, err := parseLocation(text)
	if err != nil {
		return nil, err
	}
	client, err := newReader(f.env, f.network, at, f.mirrors)
	if err != nil {
		return nil, err
	}
	temp, err := makeTemporary()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(temp))
		}
	}()
	trust, err := f.trust.options()
	if err != nil {
		return nil, err
	}
	opts := append(pullOptions(trust), leioci.ClockAllowance(time.Duration(f.allowance)))
	if f.maxAge > 0 {
		opts = append(opts, leioci.MaxAge(time.Duration(f.maxAge)))
	}
	if f.future {
		opts = append(opts, leioci.AllowFuture())
	}
	dir := filepath.Join(temp, "lei")
	var res *leioci.PullResult
	err = f.network.show(f.env, func(shown leioci.TransferOption) (err error) {
		res, err = client.PullFrom(ctx, at, dir, append(opts, shown)...)
		return err
	})
	if err != nil {
		return nil, err
	}
	s, err := snapshot.Open(dir)
	if err != nil {
		return nil, err
	}
	return &source{Snapshot: s, name: res.From.String(), temps: []string{temp}, validity: newValidity(res)}, nil
}

// refuseAge does for a directory what a pull does with [leioci.MaxAge]. A date in the future would
// pass every limit.
func (f *sourceFlags) refuseAge(date, now time.Time) error {
	limit := time.Duration(f.maxAge)
	switch {
	case limit == 0:
		return nil
	case !f.future && date.After(now.UTC().Truncate(day).Add(day)):
		return fmt.Errorf("%w: it is dated %s, and today is %s; accept it with --allow-future", leioci.ErrFuture, date.Format(time.DateOnly), now.UTC().Format(time.DateOnly))
	case now.Sub(date) > limit:
		return fmt.Errorf("%w: it is dated %s, and --max-age is %v", leioci.ErrStale, date.Format(time.DateOnly), limit)
	}
	return nil
}
