package snapshot_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// sampleOptions are those of the sample's manifest.json.
func sampleOptions() snapshot.WriterOptions {
	return snapshot.WriterOptions{
		Created: time.Date(2026, 11, 23, 15, 40, 56, 323271000, time.UTC),
		Date:    time.Date(2026, 2, 8, 0, 0, 0, 0, time.UTC), LEIVersion: "0.9.1",
	}
}

// create begins a snapshot in a directory that holds nothing else.
func create(t testing.TB) (w *snapshot.Writer, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "new")
	w, err := snapshot.Create(dir, sampleOptions())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { discard(t, w) })
	return w, dir
}

func discard(t testing.TB, w *snapshot.Writer) {
	t.Helper()
	if err := w.Discard(); err != nil {
		t.Error(err)
	}
}

// exported makes a snapshot of an input, and verifies it.
func exported(t testing.TB, input string) (snapshot.Metadata, string) {
	t.Helper()
	w, dir := create(t)
	if err := w.AddFrom(t.Context(), strings.NewReader(input)); err != nil {
		t.Fatalf("%.100q: %v", input, err)
	}
	meta, err := w.Commit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	if s.Metadata() != meta {
		t.Errorf("Commit returned %+v, the snapshot says %+v", meta, s.Metadata())
	}
	if err := s.Verify(t.Context()); err != nil {
		t.Errorf("%.100q: %v", input, err)
	}
	wantNames(t, filepath.Dir(dir), filepath.Base(dir))
	return meta, dir
}

// contentOf returns the uncompressed reports of a snapshot.
func contentOf(t testing.TB, dir string) string {
	t.Helper()
	var content strings.Builder
	for report, err := range open(t, dir).Reports(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		content.Write(report.Raw)
		content.WriteByte('\n')
	}
	return content.String()
}

// wantNames fails the test unless a directory has these names in it.
func wantNames(t testing.TB, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if fmt.Sprint(got) != fmt.Sprint(names) {
		t.Errorf("%s has %q, want %q", dir, got, names)
	}
}

func read(t testing.TB, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestTheOriginalsManifestIsWritten(t *testing.T) {
	content := contentOf(t, sampleDir)
	_, dir := exported(t, content)
	const last = `"compressed_size"` // the only member that may differ
	got, _, _ := bytes.Cut(read(t, dir, snapshot.ManifestFile), []byte(last))
	want, _, _ := bytes.Cut(read(t, sampleDir, snapshot.ManifestFile), []byte(last))
	if !bytes.Equal(got, want) {
		t.Errorf("got %s", got)
	}
	if all := read(t, dir, snapshot.ManifestFile); !bytes.HasSuffix(all, []byte("\n}")) || !json.Valid(all) {
		t.Errorf("it ends with %q", all[len(all)-20:])
	}
	if contentOf(t, dir) != content {
		t.Error("the reports differ")
	}
}

func TestNoReportsAreASnapshotToo(t *testing.T) {
	for _, input := range []string{"", "\n", "[]", `{"entries":[]}`, `{"report":{"repos":[]}}`, "\xef\xbb\xbf", string(compress(t, ""))} {
		meta, dir := exported(t, input)
		if meta.EntryCount != 0 || meta.RawSize != 0 || len(reposOf(t, open(t, dir))) != 0 {
			t.Errorf("%q: got %+v", input, meta)
		}
		if !bytes.HasPrefix(read(t, dir, snapshot.ManifestFile), []byte("{\n  \"repos\": [],\n  \"raw_size\": 0,")) {
			t.Errorf("got %s", read(t, dir, snapshot.ManifestFile))
		}
	}
}

func TestRepositoriesAreListedOnceInOrder(t *testing.T) {
	for _, tc := range []struct{ input, want string }{
		{line("b") + line("a") + line("b"), `["b" "a"]`},
		{`{"header":{"repo":"h"}} {"header":{"repo":"h"},"data":{"repo":null}} {"data":{}} {"header":null}`, `["h" "unknown"]`},
		{`{"data":{"repo":"\u0061"}} {"data":{"repo":"<&>\n\"\\\u2028é"}} {"data":{"repo":""}}`, `["a" "<&>\n\"\\\u2028é" ""]`},
	} {
		_, dir := exported(t, tc.input)
		if got := fmt.Sprintf("%q", reposOf(t, open(t, dir))); got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.input, got, tc.want)
		}
	}
	_, dir := exported(t, `{"data":{"repo":"<&>é"}}`)
	if m := read(t, dir, snapshot.ManifestFile); !bytes.Contains(m, []byte(`"<&>é"`)) {
		t.Errorf("the original escapes none of it: %s", m)
	}
}

func TestAReportIsWrittenAsItWasGiven(t *testing.T) {
	w, dir := create(t)
	const given = "\t{ \"z\" : [ 1.50E+2 , -0 , 12345678901234567890 , true,\r\n null ] ,\n \"data\" : {\"\\u0072isk\":\"a \\/ \\u00e9 <\\\" \" , \"repo\" :\"r\"}, \"a\":{ } }\n"
	const want = "{\"z\":[1.50E+2,-0,12345678901234567890,true,null],\"data\":{\"\\u0072isk\":\"a \\/ \\u00e9 <\\\" \",\"repo\":\"r\"},\"a\":{}}\n"
	if err := errors.Join(w.Add([]byte(given)), w.AddFrom(t.Context(), strings.NewReader(given))); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := contentOf(t, dir); got != want+want {
		t.Errorf("got %s", got)
	}
}

func TestARefusedReportIsNotAdded(t *testing.T) {
	w, dir := create(t)
	long := `{"data":{"repo":"` + strings.Repeat("x", 1<<20+1) + `"}}`
	for report, kind := range map[string]error{
		"": snapshot.ErrMalformed, " ": snapshot.ErrMalformed, "{": snapshot.ErrMalformed, "[]": snapshot.ErrMalformed,
		"{}": snapshot.ErrMalformed, `{"report":{"repos":[]}}`: snapshot.ErrMalformed, "{\"data\":{}} {}": snapshot.ErrMalformed,
		`{"data":{"repo":"a","repo":"b"}}`: snapshot.ErrMalformed, `{"data":{},"data":{}}`: snapshot.ErrMalformed,
		`{"data":{"risk":1}}`: snapshot.ErrMalformed, "{\"data\":{\"x\":\"\xff\"}}": snapshot.ErrMalformed, `{"data":{"x":1 2}}`: snapshot.ErrMalformed,
		`{"data":{},"x":"` + strings.Repeat("x", snapshot.MaxLineBytes) + `"}`: snapshot.ErrTooLarge, long: snapshot.ErrTooLarge,
	} {
		if err := w.Add([]byte(report)); !errors.Is(err, kind) || len(err.Error()) > 300 {
			t.Errorf("%.60q: got %.300v", report, err)
		}
	}
	spaced := line("a")[:1] + strings.Repeat(" ", snapshot.MaxLineBytes) + line("a")[1:]
	if err := w.Add([]byte(spaced)); err != nil {
		t.Errorf("white space does not count: %v", err)
	}
	meta, err := w.Commit(t.Context())
	if err != nil || meta.EntryCount != 1 || contentOf(t, dir) != line("a") {
		t.Errorf("got %+v, %v", meta, err)
	}
}

func TestTheLongestLineIsWrittenAndRead(t *testing.T) {
	report := `{"data":{"repo":"a"},"x":""}`
	report = strings.Replace(report, `""`, `"`+strings.Repeat("x", snapshot.MaxLineBytes-len(report))+`"`, 1)
	meta, _ := exported(t, line("b")+report+"\n"+line("c"))
	if meta.EntryCount != 3 {
		t.Errorf("got %+v", meta)
	}
}

func TestAManifestThatReadersWouldRefuseIsNotWritten(t *testing.T) {
	w, _ := create(t)
	name := strings.Repeat("x", 1<<20-8)
	for i := range 70 {
		err := w.Add([]byte(line(fmt.Sprintf("%07d%s", i, name))))
		if errors.Is(err, snapshot.ErrTooLarge) && i > 60 && strings.Contains(err.Error(), snapshot.ManifestFile) {
			if err := w.Add([]byte(line("0000000" + name))); err != nil {
				t.Errorf("one that is listed already: %v", err)
			}
			if _, err := w.Commit(t.Context()); err != nil {
				t.Error(err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Error("more than readers accept was written")
}

// varied returns reports on n repositories that compress about as well as real ones.
func varied(n int) string {
	var b strings.Builder
	r := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		fmt.Fprintf(&b, `{"header":{"repo":"https://git.example.org/p-%d"},"data":{"repo":"https://git.example.org/p-%d","risk":"low","x":[`, i, i)
		for j := range 40 {
			fmt.Fprintf(&b, `{"name":"user%d","email":"user%d@example.org","contributions":%d},`, j, r.IntN(10000), r.IntN(1000))
		}
		b.WriteString("0]}}\n")
	}
	return b.String()
}

func TestMembersEndAtLineEndsAndAreReadOnTheirOwn(t *testing.T) {
	big := `{"data":{"repo":"big"},"x":"` + strings.Repeat("x", 2<<20) + `"}` + "\n"
	content := varied(800) + big + line("a") + line("b")
	_, dir := exported(t, content)
	file := bytes.NewReader(read(t, dir, snapshot.CacheFile))
	var all strings.Builder
	alone := 0
	for file.Len() > 0 {
		z, err := gzip.NewReader(file)
		if err != nil {
			t.Fatal(err)
		}
		z.Multistream(false)
		data, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		if z.ModTime != (time.Time{}) || z.Name != "" || len(data) == 0 || data[len(data)-1] != '\n' {
			t.Errorf("a member of %d bytes, header %+v", len(data), z.Header)
		}
		if string(data) == big {
			alone++
		} else if len(data) > 1<<20 || len(data) < 128<<10 && file.Len() > 1<<10 {
			t.Errorf("a member of %d bytes", len(data))
		}
		all.Write(data)
	}
	if all.String() != content || alone != 1 {
		t.Error("the members are not the content, or the long report is not one of its own")
	}
}

func TestTheSameReportsGiveTheSameBytes(t *testing.T) {
	content := varied(1500)
	var cache, manifest []byte
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	for _, processors := range []int{1, 4, before} {
		runtime.GOMAXPROCS(processors)
		_, dir := exported(t, content)
		again, manifestAgain := read(t, dir, snapshot.CacheFile), read(t, dir, snapshot.ManifestFile)
		if cache != nil && (!bytes.Equal(cache, again) || !bytes.Equal(manifest, manifestAgain)) {
			t.Errorf("%d processors: other bytes", processors)
		}
		cache, manifest = again, manifestAgain
	}
}

func TestTimesAndVersion(t *testing.T) {
	zone := time.FixedZone("", 5*3600)
	for _, tc := range []struct {
		options snapshot.WriterOptions
		want    string
	}{
		{snapshot.WriterOptions{Created: time.Date(2026, 2, 8, 1, 0, 0, 999, zone)}, `"2026-02-07" "2026-02-07T20:00:00.000000Z"`},
		{
			snapshot.WriterOptions{Created: time.Unix(0, 0), Date: time.Date(2026, 2, 8, 1, 0, 0, 0, zone), LEIVersion: "\"<1>"},
			`"2026-02-08" "1970-01-01T00:00:00.000000Z" "\"<1>"`,
		},
	} {
		dir := filepath.Join(t.TempDir(), "new")
		w, err := snapshot.Create(dir, tc.options)
		if err != nil {
			t.Fatal(err)
		}
		meta, err := w.Commit(t.Context())
		if err != nil || meta != open(t, dir).Metadata() {
			t.Errorf("got %+v, %v", meta, err)
		}
		got := read(t, dir, snapshot.ManifestFile)
		for _, want := range strings.Fields(tc.want) {
			if !bytes.Contains(got, []byte(want)) {
				t.Errorf("no %s in %s", want, got)
			}
		}
	}
	start := time.Now().Add(-time.Second)
	w, err := snapshot.Create(filepath.Join(t.TempDir(), "new"), snapshot.WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if meta, err := w.Commit(t.Context()); err != nil || meta.Created.Before(start) || meta.Date.Format(time.DateOnly) != meta.Created.Format(time.DateOnly) {
		t.Errorf("got %+v, %v", meta, err)
	}
	for _, o := range []snapshot.WriterOptions{
		{Created: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)},
		{Date: time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)},
		{LEIVersion: "\xff"},
		{LEIVersion: strings.Repeat("x", 1<<20+1)},
	} {
		dir := t.TempDir()
		if _, err := snapshot.Create(filepath.Join(dir, "new"), o); err == nil {
			t.Errorf("%.50v was accepted", o)
		}
		wantNames(t, dir)
	}
}

func TestWhatEndsWithItsContextLeavesNothing(t *testing.T) {
	cause := errors.New("told to stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	w, dir := create(t)
	source := readerFunc(func(p []byte) (int, error) {
		cancel(cause)
		return copy(p, line("a")), nil
	})
	if err := w.AddFrom(ctx, source); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
	if err := w.Add([]byte(line("b"))); !errors.Is(err, cause) {
		t.Errorf("Add: got %v", err)
	}
	if _, err := w.Commit(t.Context()); !errors.Is(err, cause) {
		t.Errorf("Commit: got %v", err)
	}
	wantNames(t, filepath.Dir(dir))
	w, dir = create(t)
	if err := w.Add([]byte(line("a"))); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(ctx); !errors.Is(err, cause) {
		t.Errorf("Commit: got %v", err)
	}
	wantNames(t, filepath.Dir(dir))
}

// A readerFunc is a function that reads.
type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestADiscardedSnapshotLeavesNothing(t *testing.T) {
	w, dir := create(t)
	if err := w.AddFrom(t.Context(), strings.NewReader(varied(1000))); err != nil {
		t.Fatal(err)
	}
	discard(t, w)
	discard(t, w)
	wantNames(t, filepath.Dir(dir))
	_, err := w.Commit(t.Context())
	for _, err := range []error{err, w.Add([]byte(line("a"))), w.AddFrom(t.Context(), strings.NewReader(""))} {
		if !errors.Is(err, fs.ErrClosed) {
			t.Errorf("got %v", err)
		}
	}
}
