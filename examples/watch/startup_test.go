package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// TestAConfigurationThatCannotWorkEndsTheProcess uses a registry that is down: what is wrong shows
// without it.
func TestAConfigurationThatCannotWorkEndsTheProcess(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		says string
	}{
		"a target that is a file":       {[]string{"-dir", "file"}, "not a directory"},
		"a target with other content":   {[]string{"-dir", "foreign"}, "notes.txt"},
		"the working directory":         {[]string{"-dir", "."}, "cannot be replaced"},
		"a dangling link":               {[]string{"-dir", "dangling"}, "dangling symbolic link"},
		"a parent that is a file":       {[]string{"-dir", "file/cache"}, "-dir file/cache: its parent directory must be writable"},
		"a parent nobody can make":      {[]string{"-dir", "file/a/b"}, "must be writable"},
		"no authorities":                {[]string{"-dir", "cache", "-ca-file", "file"}, "-ca-file"},
		"authorities that do not exist": {[]string{"-dir", "cache", "-ca-file", "absent"}, "-ca-file"},
		"a token with a newline":        {[]string{"-dir", "cache"}, "token"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			must(t, os.WriteFile("file", nil, 0o600))
			must(t, os.Mkdir("foreign", 0o700))
			must(t, os.WriteFile("foreign/notes.txt", nil, 0o600))
			must(t, os.Symlink("absent", "dangling"))
			listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
			must(t, err)
			down := listener.Addr().String()
			must(t, listener.Close())
			listener, err = new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
			must(t, err)
			cfg, err := parseConfig(append([]string{"-ref", down + "/org/lei-cache"}, tc.args...), func(variable string) string {
				if tc.says == "token" && variable == "LEI_REGISTRY_TOKEN" {
					return "t0ken\n"
				}
				return ""
			}, nil)
			must(t, err)
			err = run(t.Context(), cfg, listener, newLogger(logrus.InfoLevel, io.Discard))
			if exitStatus(err) != 2 || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, want %q", err, tc.says)
			}
			if err != nil && strings.Contains(err.Error(), "t0ken") {
				t.Errorf("the error shows the token: %v", err)
			}
		})
	}
}

func TestAnAddressThatCannotBeListenedOnEndsTheProcess(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	defer func() { must(t, listener.Close()) }()
	for address, status := range map[string]int{listener.Addr().String(): 1, "127.0.0.1:99999": 2, "192.0.2.1:0": 2} {
		cfg, err := parseConfig([]string{"-ref", "ghcr.io/a/b", "-dir", "d", "-listen", address}, noEnvironment, nil)
		must(t, err)
		if err := listenAndRun(t.Context(), cfg, newLogger(logrus.InfoLevel, io.Discard)); err == nil || exitStatus(err) != status {
			t.Errorf("%s: got %v, want status %d", address, err, status)
		}
	}
}

func TestCredentialsThatMayNotBeSentEndTheProcessOnlyIfNothingIsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.reg.On("", "/org/", leiocitest.Always, leiocitest.Status(http.StatusUnauthorized, "UNAUTHORIZED"))
		w.start()
		w.look()
		w.stop()
		must(t, w.ended) // rejected credentials may be accepted later
	})
	for _, s := range []bool{false, true} {
		if cannotWork(leioci.ErrInsecure, s) == s || cannotWork(leioci.ErrInvalidReference, s) == s || !cannotWork(leioci.ErrTargetNotEmpty, s) ||
			cannotWork(leioci.ErrNotFound, s) || cannotWork(leioci.ErrUnauthorized, s) || cannotWork(leioci.ErrStalled, s) {
			t.Errorf("serving %v", s)
		}
	}
}

func TestATargetThatBecomesImpossibleLaterDoesNotEndTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		date, digest := w.publish(0)
		w.start()
		notes := filepath.Join(w.cfg.dir, "notes.txt")
		must(t, os.WriteFile(notes, nil, 0o600))
		w.publish(1)
		w.look()
		w.serves(date, digest)
		if _, s := w.health(); s.LastError == nil || !strings.Contains(s.LastError.Message, "notes.txt") {
			t.Errorf("got %+v", s.LastError)
		}
		must(t, os.Remove(notes))
		w.look()
		if _, s := w.health(); s.LastError != nil {
			t.Errorf("got %+v", s.LastError)
		}
		w.stop()
		must(t, w.ended)
	})
}

func TestReplicasThatAreRestartedDoNotCheckTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		date, digest := w.publish(0)
		w.start()
		w.stop()
		before := len(w.reg.Requests())
		started := time.Now()
		w.start()
		w.serves(date, digest)
		w.ready(http.StatusOK)
		if requests := w.reg.Requests()[before:]; len(requests) > 0 && time.Since(started) == 0 {
			t.Errorf("at once: %q", requests)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if requests := w.reg.Requests()[before:]; len(requests) == 0 {
			t.Error("no check within an hour")
		}
	})
}

// pullUnverified pulls the newest snapshot as an earlier version of this service did.
func (w *world) pullUnverified() {
	w.t.Helper()
	client, err := w.cfg.client(w.network.Transport(), w.svc.log)
	must(w.t, err)
	_, err = client.PullSnapshot(w.t.Context(), w.cfg.ref, w.cfg.dir)
	must(w.t, err)
}

func TestADirectoryThatNobodyCanReadIsReplacedEvenByAnOlderSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		time.Sleep(10 * 24 * time.Hour)
		w.publishBroken(0)
		w.pullUnverified()
		w.start()
		w.ready(http.StatusServiceUnavailable)
		if _, s := w.health(); s.LastError == nil || !strings.Contains(s.LastError.Message, "manifest.json says") {
			t.Errorf("got %+v", s.LastError)
		}
		date, digest := w.publish(-2) // the publisher moves the tag back
		w.look()
		w.serves(date, digest)
		w.ready(http.StatusOK)
		w.publish(-5) // but a good snapshot is not rolled back, as by a stale mirror
		w.look()
		w.look()
		w.serves(date, digest)
		if _, s := w.health(); s.LastError == nil || !strings.Contains(s.LastError.Message, "-allow-older") {
			t.Errorf("got %+v", s.LastError)
		}
		date, digest = w.publish(0)
		w.look()
		w.serves(date, digest)
	})
}

func TestATagThatIsMovedBackIsFollowedIfAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, allowed := range []bool{false, true} {
			w := newWorld(t)
			w.cfg.allowOlder = allowed
			date, digest := w.publish(3)
			w.start()
			older, olderDigest := w.publish(1)
			w.look()
			if allowed {
				date, digest = older, olderDigest
			}
			w.serves(date, digest)
			w.stop()
		}
	})
}

func TestTheLogIsAJSONObjectOnEachLine(t *testing.T) {
	var out bytes.Buffer
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	reg := leiocitest.NewRegistry(t)
	reached := make(chan struct{}, 100)
	reg.On("", "", leiocitest.Always, leiocitest.Hang(reached))
	cfg, err := parseConfig([]string{"-ref", reg.Host() + "/org/lei-cache", "-dir", filepath.Join(t.TempDir(), "cache")}, noEnvironment, nil)
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-reached; cancel() }()
	must(t, run(ctx, cfg, listener, newLogger(logrus.InfoLevel, &out)))
	n := 0
	for line := range strings.Lines(out.String()) {
		var entry struct{ Level, Msg, Time string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.Level == "" || entry.Msg == "" || entry.Time == "" {
			t.Errorf("%v in %q", err, line)
		}
		n++
	}
	if n < 2 {
		t.Errorf("only %q", out.String())
	}
}

// A snapshot that is in order is not given up for an older one because it has no index.
func TestOnlyADamagedDirectoryIsReplacedByAnything(t *testing.T) {
	tooMany := fmt.Errorf("%w: %w", snapshot.ErrNotIndexed, snapshot.ErrTooLarge)
	for err, want := range map[error]bool{tooMany: false, snapshot.ErrTooLarge: true, snapshot.ErrCorrupt: true, fs.ErrNotExist: false} {
		if isDamaged(err) != want {
			t.Errorf("%v: %v", err, !want)
		}
	}
}
