package target

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/artifact"
	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/progress"
	"github.com/lowendinsight/lei-go/leioci/internal/regular"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// reports identify the files of a snapshot, and its index, where they are now.
type reports struct {
	files []fs.FileInfo
	index fs.FileInfo // nil if there is none, or none was asked for
}

func reportsIn(dir string, files []artifact.File) reports {
	var r reports
	for _, f := range files {
		info, err := os.Stat(filepath.Join(dir, f.Name))
		if err != nil {
			return reports{}
		}
		r.files = append(r.files, info)
	}
	return r
}

// withIndex returns r with the index in dir, if that was asked for.
func (d *Dir) withIndex(r reports, dir string) reports {
	if d.policy.IndexReports {
		r.index, _ = os.Lstat(filepath.Join(dir, snapshot.IndexFile)) // nil if it is absent
	}
	return r
}

// unchanged reports whether r is what it was.
func (r reports) unchanged(then reports) bool {
	if len(r.files) == 0 || len(r.files) != len(then.files) {
		return false
	}
	for i := range r.files {
		if !regular.Unchanged(then.files[i], r.files[i]) {
			return false
		}
	}
	if r.index == nil || then.index == nil {
		return r.index == nil && then.index == nil
	}
	return regular.Unchanged(then.index, r.index)
}

// errDisk is the kind of a failure that says nothing about the publisher.
var errDisk = errors.New("the disk does not hold what was written to it, or somebody else wrote to it")

// diskError returns an errDisk. It is not an errdef.ErrVerification, which is about what a registry
// sent.
func diskError(name string, err error) error {
	if errors.Is(err, errdef.ErrVerification) {
		return fmt.Errorf("%w: %s: %s", errDisk, name, err)
	}
	return fmt.Errorf("%w: %s: %w", errDisk, name, err)
}

// verifyReports reads the reports in a directory whose files are known to be intact, if the policy
// asks for that, and makes their index if it asks for that, too. What is malformed by its publisher
// is remembered, so that it is not fetched again, and so is what is well-formed where it is, unless
// its index may still be made later. Anything else that goes wrong is errDisk, or comes from ctx.
func (d *Dir) verifyReports(ctx context.Context, dir string, raw []byte, files []artifact.File) error {
	if !d.policy.VerifyReports {
		return nil
	}
	if err := d.memory.refused(raw); err != nil {
		return err
	}
	now := reportsIn(dir, files) // as they were before they are read: a later change shows
	if d.memory.acceptedReports(d.withIndex(now, dir)) {
		return nil
	}
	done := d.tellReading(files)
	settled, err := d.readReports(ctx, dir)
	if err != nil && ctx.Err() == nil {
		// The disk, or memory, may have changed a bit since the digests were verified.
		if settled, err = d.again(ctx, dir, files); err != nil && !errors.Is(err, errDisk) && ctx.Err() == nil {
			err = fmt.Errorf("the digests match, but the publisher's reports are malformed: %w", err)
			d.memory.refuse(raw, err)
		}
	}
	if err == nil {
		done()
	}
	if err == nil && settled {
		d.memory.acceptReports(d.withIndex(now, dir))
	}
	return err
}

// tellReading tells that the reports are read now, and returns what tells that they have been.
func (d *Dir) tellReading(files []artifact.File) (done func()) {
	reports := files[len(files)-1]
	blob := d.policy.Progress.Blob(reports.Name, reports.Descriptor.Digest, reports.Descriptor.Size)
	phase := progress.Verifying
	if d.policy.IndexReports {
		phase = progress.Indexing
	}
	blob.Enter(phase)
	return func() { blob.Finish(progress.Done, reports.Descriptor.Digest) }
}

// again verifies the digests, and then the reports once more.
func (d *Dir) again(ctx context.Context, dir string, files []artifact.File) (settled bool, err error) {
	for _, f := range files {
		if err := verifyFile(ctx, filepath.Join(dir, f.Name), f.Descriptor); err != nil {
			d.memory.forget(digests(files)...)
			return false, diskError(f.Name, err)
		}
	}
	settled, err = d.readReports(ctx, dir)
	var number syscall.Errno
	if errors.As(err, &number) {
		return false, diskError(snapshot.CacheFile, err)
	}
	return settled, err
}

// readReports verifies the reports. Where an index was asked for and one fits, whoever made it has
// done that. It is not settled whether there is an index if something other than the reports is in
// the way, such as a full disk.
func (d *Dir) readReports(ctx context.Context, dir string) (settled bool, err error) {
	if d.policy.IndexReports {
		err := snapshot.Index(ctx, dir)
		if errors.Is(err, snapshot.ErrNotIndexed) {
			d.log.Warnf("%s has no index, and answers slowly: %v", d.path, err)
			return errors.Is(err, snapshot.ErrTooLarge), nil
		}
		return true, err
	}
	s, err := snapshot.Open(dir)
	if err != nil {
		return false, err
	}
	defer s.Close()
	return true, s.Verify(ctx)
}

func digests(files []artifact.File) []v1.Hash {
	hashes := make([]v1.Hash, len(files))
	for i, f := range files {
		hashes[i] = f.Descriptor.Digest
	}
	return hashes
}
