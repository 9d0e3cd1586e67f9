package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"go.uber.org/goleak"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// running is the whole service, on a loopback address.
type running struct {
	parent string // of the snapshot directory
	url    string
	client *http.Client
	stop   func() error
}

func start(t *testing.T, registry string) *running {
	t.Helper()
	parent := t.TempDir()
	cfg, err := parseConfig([]string{
		"-ref", registry + "/org/lei-cache", "-dir", filepath.Join(parent, "cache"), "-interval", "5ms", "-first-look", "-1s", "-max-age", "0",
		"-plain-http", // or a registry that is slow to respond is asked over https, too, which its server is slow to forget
	}, noEnvironment, nil)
	must(t, err)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	log := logrus.New()
	log.SetOutput(io.Discard)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, cfg, listener, log) }()
	stop := sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	transport := &http.Transport{MaxIdleConnsPerHost: 8}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := stop(); err != nil {
			t.Errorf("ended with %v", err)
		}
	})
	return &running{parent, "http://" + listener.Addr().String(), &http.Client{Transport: transport}, stop}
}

// lookUp requests the reports on repoA.
func (r *running) lookUp(ctx context.Context) (status int, a answer, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url+"/risk?repo="+url.QueryEscape(repoA), nil)
	if err != nil {
		return 0, a, err
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return 0, a, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, a, err
	}
	return resp.StatusCode, a, json.Unmarshal(body, &a)
}

// untilServing repeats the request until there is a snapshot.
func (r *running) untilServing(t *testing.T) {
	t.Helper()
	for status := 0; status != http.StatusOK; {
		var err error
		status, _, err = r.lookUp(t.Context())
		must(t, err)
	}
}

// TestNoRequestIsDroppedOrTornWhileSnapshotsAreSwapped makes at least 1,000 lookups while 20
// snapshots are published.
func TestNoRequestIsDroppedOrTornWhileSnapshotsAreSwapped(t *testing.T) {
	const swaps, want = 20, 1000
	reg := leiocitest.NewRegistry(t)
	pushed := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(pushed.CloseIdleConnections)
	digests := sync.Map{} // by date
	publish := func(i int) string {
		date := day.AddDate(0, 0, i)
		text := date.Format(time.DateOnly)
		dir := leiocitest.WriteSnapshot(t, date, reports(text)...)
		digests.Store(text, push(t, pushed, reg.Host(), text, dir))
		return text
	}
	publish(0)
	r := start(t, reg.Host())
	r.untilServing(t)
	var newest atomic.Value // the newest date that a lookup has seen
	newest.Store("")
	var looked atomic.Int64
	var allSeen atomic.Bool
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for seen := ""; !allSeen.Load() || looked.Load() < want; looked.Add(1) {
				status, a, err := r.lookUp(t.Context())
				if err != nil || status != http.StatusOK || a.whole() != nil {
					t.Errorf("status %d, %v, %v", status, err, a.whole())
					return
				}
				if a.Snapshot.Date < seen {
					t.Errorf("%s came after %s", a.Snapshot.Date, seen)
				}
				seen = a.Snapshot.Date
				newest.Store(seen)
			}
		})
	}
	for i := range swaps {
		date := publish(i + 1)
		for newest.Load() != date && !t.Failed() {
			status, a, err := r.lookUp(t.Context())
			if err != nil || status != http.StatusOK || a.whole() != nil {
				t.Fatalf("status %d, %v, %v", status, err, a.whole())
			}
			if digest, _ := digests.Load(a.Snapshot.Date); a.Snapshot.Digest != digest {
				t.Errorf("%s has digest %s, want %v", a.Snapshot.Date, a.Snapshot.Digest, digest)
			}
		}
	}
	allSeen.Store(true)
	group.Wait()
	t.Logf("%d lookups while %d snapshots were published", looked.Load(), swaps)
}

func TestRequestsInProgressAreAnsweredBeforeShutdown(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	log := logrus.New()
	log.SetOutput(io.Discard)
	began, finish := make(chan struct{}), make(chan struct{})
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(began)
		<-finish
		fmt.Fprintln(w, "whole")
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, listener, handler, log) }()
	answered := make(chan string, 1)
	go func() {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+listener.Addr().String(), nil)
		if err != nil {
			answered <- err.Error()
			return
		}
		transport := &http.Transport{DisableKeepAlives: true}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			answered <- err.Error()
			return
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		answered <- fmt.Sprint(string(body), err)
	}()
	<-began
	cancel()
	for { // until nothing listens any more
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", listener.Addr().String())
		if err != nil {
			break
		}
		must(t, conn.Close())
	}
	close(finish)
	if got := <-answered; got != "whole\n<nil>" {
		t.Errorf("got %q", got)
	}
	must(t, <-ended)
}

func TestTheServiceEndsWhileTheRegistryHangs(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	reached := make(chan struct{}, 100)
	reg.On("", "", leiocitest.Always, leiocitest.Hang(reached))
	r := start(t, reg.Host())
	<-reached
	must(t, r.stop())
}

// TestNothingIsLeftOfTheServiceAtItsEnd checks goroutines, connections and files, while the
// registry keeps running.
func TestNothingIsLeftOfTheServiceAtItsEnd(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	pushed := http.DefaultTransport.(*http.Transport).Clone()
	push(t, pushed, reg.Host(), "2026-02-08", leiocitest.WriteSnapshot(t, day, reports("2026-02-08")...))
	pushed.CloseIdleConnections()
	before := goleak.IgnoreCurrent()
	r := start(t, reg.Host())
	r.untilServing(t)
	r.client.CloseIdleConnections()
	must(t, r.stop())
	goleak.VerifyNone(t, before)
	if left := entries(t, r.parent); left != "cache" {
		t.Errorf("left behind: %s", left)
	}
	// Only Linux lists the open files, including unlinked ones. Elsewhere the list is empty.
	links, err := filepath.Glob("/proc/self/fd/*")
	must(t, err)
	for _, link := range links {
		if file, err := os.Readlink(link); err == nil && strings.HasPrefix(file, r.parent) {
			t.Errorf("left open: %s", file)
		}
	}
}
