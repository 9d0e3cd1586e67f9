package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// signedDigest is the artifact in the layouts of the library's testdata/signed.
const signedDigest = "sha256:47619040fe35f99f36f95366e4f40022ae9c74f343957e394aa91f5860adef4a"

const signed = "../../leioci/testdata/signed/"

// trust makes the service trust only what a key of the library's testdata has signed.
func (w *world) trust(key string) {
	w.t.Helper()
	pem, err := filepath.Abs(signed + key)
	must(w.t, err)
	file := filepath.Join(w.t.TempDir(), "policy.json")
	must(w.t, os.WriteFile(file, []byte(`{"format_version":1,"repositories":{"`+host+`":{"keys":["`+pem+`"]}}}`), 0o600))
	w.cfg.policy, err = leioci.ReadPolicy(file)
	must(w.t, err)
}

// copySigned copies one of the signed layouts to the registry.
func (w *world) copySigned(layout string) {
	w.t.Helper()
	client, err := leioci.New(leioci.WithTransport(w.network.Transport()))
	must(w.t, err)
	src, err := leioci.ParseLocation("oci-layout:" + signed + layout)
	must(w.t, err)
	_, err = client.Copy(w.t.Context(), src, leioci.RegistryLocation(w.cfg.ref))
	must(w.t, err)
}

// servesSigned checks that the signed snapshot is served, and who signed it.
func (w *world) servesSigned(signers int) {
	w.t.Helper()
	if _, s := w.health(); s.Snapshot == nil || s.Snapshot.Digest != signedDigest || len(s.SignedBy) != signers {
		w.t.Errorf("got %+v, %+v", s, s.LastError)
	}
}

// refused checks that nothing is served, because it is not trusted.
func (w *world) refused() {
	w.t.Helper()
	w.ready(http.StatusServiceUnavailable)
	if _, s := w.health(); s.LastError == nil || !strings.Contains(s.LastError.Message, "not trusted") {
		w.t.Errorf("got %+v", s.LastError)
	}
}

// inTime moves the bubble's clock to a day that no clock which is right can be before. The library
// does not believe one that is.
func inTime() { time.Sleep(time.Until(time.Date(2027, 2, 7, 0, 0, 0, 0, time.UTC))) }

func TestOnlyWhatThePolicyTrustsIsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inTime()
		w := newWorld(t)
		w.trust("trusted.pub")
		w.copySigned("otherkey")
		w.start()
		w.refused()
		w.copySigned("v3") // the same artifact, and now somebody trusted has signed it
		w.look()
		w.servesSigned(1)
		w.publish(0) // newer, and unsigned
		w.look()
		w.servesSigned(1)
		if _, s := w.health(); s.LastError == nil || !strings.Contains(s.LastError.Message, "not signed by key") {
			t.Errorf("got %+v", s.LastError)
		}
	})
}

func TestWhatTheDirectoryHoldsIsServedOnlyIfItWasPulledUnderThePolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inTime()
		w := newWorld(t)
		w.copySigned("v3")
		w.start()
		w.servesSigned(0)
		w.stop()
		w.network.Refuse(host, leiocitest.Always)
		w.trust("trusted.pub") // it was pulled without
		w.svc.status.learned(provenance{})
		w.start()
		w.ready(http.StatusServiceUnavailable)
		w.network.Refuse(host, 0)
		w.look()
		w.servesSigned(1)
		w.stop()
		w.network.Refuse(host, leiocitest.Always)
		w.svc.status.learned(provenance{})
		w.start() // and now nobody has to be asked
		w.servesSigned(1)
		w.stop()
		w.trust("other.pub")
		w.svc.status.learned(provenance{})
		w.start()
		w.ready(http.StatusServiceUnavailable)
	})
}

func TestASnapshotThatHasExpiredIsServedAndReportedAsStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inTime()
		w := newWorld(t)
		now := time.Now().UTC()
		w.publishValid(now, now.Add(48*time.Hour), now.Add(24*time.Hour))
		w.start()
		if _, s := w.health(); s.Status != stateOK || !s.ValidUntil.Equal(now.Add(48*time.Hour)) || !s.NextUpdate.Equal(now.Add(24*time.Hour)) {
			t.Errorf("got %+v, %+v", s, s.LastError)
		}
		w.svc.maxAge = 0
		time.Sleep(49 * time.Hour)
		synctest.Wait()
		if status, s := w.health(); status != http.StatusOK || s.Status != stateStale || s.LastError == nil {
			t.Errorf("got %d, %+v", status, s)
		}
		w.ready(http.StatusOK)
	})
}

func TestTheServiceChecksWhenTheNextSnapshotIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inTime()
		w := newWorld(t)
		now := time.Now().UTC()
		w.publishValid(now, now.Add(72*time.Hour), now.Add(24*time.Hour))
		w.start()
		asked := len(w.reg.Requests())
		time.Sleep(23 * time.Hour)
		synctest.Wait()
		if more := w.reg.Requests()[asked:]; len(more) > 0 {
			t.Errorf("it asked before anything was due: %v", more)
		}
		date, digest := w.publish(1)
		time.Sleep(time.Hour + 15*time.Minute)
		synctest.Wait()
		w.serves(date, digest)
	})
}

// publishValid pushes a good snapshot that says how long it is good, and when the next one is due.
func (w *world) publishValid(day, until, next time.Time) {
	w.t.Helper()
	date := day.Format(time.DateOnly)
	img, err := leioci.Package(w.t.Context(), leiocitest.WriteSnapshot(w.t, day, reports(date)...),
		leioci.PackageFuture(), leioci.ValidUntil(until), leioci.NextUpdate(next))
	must(w.t, err)
	client, err := leioci.New(leioci.WithTransport(w.network.Transport()))
	must(w.t, err)
	_, err = client.PushSnapshot(w.t.Context(), w.cfg.ref.Context(), []string{date, "latest"}, img)
	must(w.t, err)
}
