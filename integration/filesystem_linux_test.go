package integration

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// lacks are what a file system cannot do, and how it says so.
type lacks struct {
	fsyncDir, fsync, chmod, link, exchange, lock syscall.Errno
	localLocks                                   bool // each mount has its own, as on NFS with nolock
}

// A node of a FUSE file system that passes everything on to a directory, except what it lacks.
type node struct {
	fusefs.LoopbackNode
	lacks lacks
}

func (n *node) WrapChild(_ context.Context, ops fusefs.InodeEmbedder) fusefs.InodeEmbedder {
	if loopback, ok := ops.(*fusefs.LoopbackNode); ok {
		return &node{LoopbackNode: fusefs.LoopbackNode{RootData: loopback.RootData}, lacks: n.lacks}
	}
	return ops
}

func (n *node) Setattr(ctx context.Context, f fusefs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if _, ok := in.GetMode(); ok && n.lacks.chmod != 0 {
		return n.lacks.chmod
	}
	return n.LoopbackNode.Setattr(ctx, f, in, out)
}

func (n *node) Link(ctx context.Context, target fusefs.InodeEmbedder, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	if n.lacks.link != 0 {
		return nil, n.lacks.link
	}
	return n.LoopbackNode.Link(ctx, target, name, out)
}

func (n *node) Rename(ctx context.Context, name string, to fusefs.InodeEmbedder, toName string, flags uint32) syscall.Errno {
	if flags != 0 && n.lacks.exchange != 0 {
		return n.lacks.exchange
	}
	return n.LoopbackNode.Rename(ctx, name, to, toName, flags)
}

func (n *node) OpendirHandle(ctx context.Context, flags uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	h, fuseFlags, errno := n.LoopbackNode.OpendirHandle(ctx, flags)
	if dir, ok := h.(dirStream); ok && errno == 0 && n.lacks.fsyncDir != 0 {
		return unflushedDir{dir, n.lacks.fsyncDir}, fuseFlags, errno
	}
	return h, fuseFlags, errno
}

type dirStream interface {
	fusefs.FileReaddirenter
	fusefs.FileReleasedirer
	fusefs.FileSeekdirer
}

type unflushedDir struct {
	dirStream
	errno syscall.Errno
}

func (d unflushedDir) Fsyncdir(context.Context, uint32) syscall.Errno { return d.errno }

func (n *node) Fsync(ctx context.Context, f fusefs.FileHandle, flags uint32) syscall.Errno {
	if n.lacks.fsync != 0 {
		return n.lacks.fsync
	}
	return f.(fusefs.FileFsyncer).Fsync(ctx, flags)
}

func (n *node) Setlk(ctx context.Context, f fusefs.FileHandle, owner uint64, lk *fuse.FileLock, flags uint32) syscall.Errno {
	if n.lacks.lock != 0 {
		return n.lacks.lock
	}
	return f.(fusefs.FileSetlker).Setlk(ctx, owner, lk, flags)
}

// mount mounts a directory once more, until the test ends.
func mount(t *testing.T, dir string, l lacks) string {
	t.Helper()
	if _, err := os.Stat("/dev/fuse"); err != nil || os.Geteuid() != 0 {
		skipUnavailable(t, "FUSE, and the right to mount it")
	}
	var st syscall.Stat_t
	if err := syscall.Stat(dir, &st); err != nil {
		t.Fatal(err)
	}
	root := &fusefs.LoopbackRoot{Path: dir, Dev: st.Dev}
	top := &node{LoopbackNode: fusefs.LoopbackNode{RootData: root}, lacks: l}
	root.RootNode = top
	at, none := t.TempDir(), time.Duration(0) // no cache: another mount may change everything
	server, err := fusefs.Mount(at, top, &fusefs.Options{
		EntryTimeout: &none, AttrTimeout: &none, NegativeTimeout: &none,
		MountOptions: fuse.MountOptions{DirectMountStrict: true, EnableLocks: !l.localLocks, FsName: "leioci"},
	})
	if err != nil {
		skipUnavailable(t, "FUSE: "+err.Error())
	}
	t.Cleanup(func() {
		if err := server.Unmount(); err != nil {
			t.Error(err)
		}
	})
	return at
}

// Two hosts pull into one directory of a network file system. That two mounts are on one host makes
// no difference to what they know of each other: a lock on a directory is local to its mount.
func TestTwoHostsOnOneNetworkFileSystemLeaveWholeSnapshots(t *testing.T) {
	for name, l := range map[string]lacks{
		"locks":                           {},
		"no exchange in one step":         {exchange: syscall.EINVAL},
		"locks that each has for its own": {localLocks: true},
		"no locks":                        {lock: syscall.ENOLCK},
	} {
		t.Run(name, func(t *testing.T) {
			w := newFileSystemWorld(t)
			shared := t.TempDir()
			dirs := []string{filepath.Join(mount(t, shared, l), "lei"), filepath.Join(mount(t, shared, l), "lei")}
			var pulls sync.WaitGroup
			for i, dir := range dirs {
				pulls.Go(func() {
					for j := range 20 {
						err := w.pull(dir, (i+j)%len(w.tags))
						// Without locks, one may come in the other's way: that is an error, and not damage.
						if err != nil && !l.localLocks && l.lock == 0 {
							t.Error(err)
						}
					}
				})
			}
			stop, reader := make(chan struct{}), sync.WaitGroup{}
			reader.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						if err := verify(filepath.Join(shared, "lei")); err != nil {
							t.Error(err)
							return
						}
					}
				}
			})
			pulls.Wait()
			close(stop)
			reader.Wait()
			for i, dir := range dirs {
				if err := w.pull(dir, i); err != nil {
					t.Errorf("a later pull: %v", err)
				}
				if err := verify(dir); err != nil {
					t.Error(err)
				}
			}
			if left := besides(t, shared); len(left) > 0 && !l.localLocks && l.lock == 0 {
				t.Errorf("beside it are %q", left)
			}
		})
	}
}

// verify verifies the snapshot in a directory, which may be absent, but not half there.
func verify(dir string) error {
	s, err := snapshot.Open(dir)
	if errors.Is(err, fs.ErrNotExist) && !errors.Is(err, snapshot.ErrNotSnapshot) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(s.Verify(context.Background()), s.Close())
}

// besides returns what is in a directory, except its target.
func besides(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if e.Name() != "lei" {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestWhatAFileSystemLacksDoesNotStopAPull(t *testing.T) {
	for name, l := range map[string]lacks{
		"directories cannot be flushed": {fsyncDir: syscall.EINVAL},
		"files cannot be flushed":       {fsync: syscall.EINVAL},
		"modes cannot be changed":       {chmod: syscall.EPERM},
		"there are no links":            {link: syscall.ENOTSUP},
		"there is no exchange":          {exchange: syscall.EINVAL},
		"there are no locks":            {lock: syscall.ENOLCK},
		"locks fail":                    {lock: syscall.EIO},
		"locks are forbidden":           {lock: syscall.EACCES},
		"there is next to nothing": {
			fsyncDir: syscall.EINVAL, chmod: syscall.EPERM, link: syscall.EPERM, exchange: syscall.ENOSYS, lock: syscall.ENOSYS,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newFileSystemWorld(t)
			shared := t.TempDir()
			dir := filepath.Join(mount(t, shared, l), "lei")
			for i := range w.tags {
				if err := w.pull(dir, i); err != nil {
					t.Fatalf("pull %d: %v", i, err)
				}
				if err := verify(dir); err != nil {
					t.Error(err)
				}
				assertAccessible(t, dir)
				if left := besides(t, shared); len(left) > 0 {
					t.Errorf("after pull %d, beside it are %q", i, left)
				}
			}
		})
	}
}

// assertAccessible fails unless everybody may read the snapshot in a directory, as the umask has
// it.
func assertAccessible(t *testing.T, dir string) {
	t.Helper()
	for _, path := range []string{dir, filepath.Join(dir, snapshot.ManifestFile), filepath.Join(dir, snapshot.CacheFile)} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o044 != 0o044 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}

// A fileSystemWorld is a registry with a few snapshots.
type fileSystemWorld struct {
	registry *leiocitest.Registry
	client   *leioci.Client
	tags     []string
}

func newFileSystemWorld(t *testing.T) *fileSystemWorld {
	t.Helper()
	w := &fileSystemWorld{registry: leiocitest.NewRegistry(t)}
	var err error
	if w.client, err = leioci.New(); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		date := sunday().AddDate(0, 0, -i)
		w.tags = append(w.tags, date.Format(time.DateOnly))
		dir := leiocitest.WriteSnapshot(t, date, fmt.Sprintf(`{"data":{"repo":"https://example.org/%d","noise":%q}}`, i, strings.Repeat("x", i)))
		img, err := leioci.Package(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		repo, err := leioci.ParseRepository(w.registry.Host() + "/org/lei-cache")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.client.PushSnapshot(t.Context(), repo, w.tags[i:], img); err != nil {
			t.Fatal(err)
		}
	}
	slices.Reverse(w.tags)
	return w
}

// pull pulls one of the snapshots.
func (w *fileSystemWorld) pull(dir string, i int) error {
	ref, err := leioci.ParseReference(w.registry.Host() + "/org/lei-cache:" + w.tags[i])
	if err != nil {
		return err
	}
	_, err = w.client.PullSnapshot(context.Background(), ref, dir)
	return err
}
