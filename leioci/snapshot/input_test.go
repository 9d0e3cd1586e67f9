package snapshot_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// indented returns each JSON text of a stream on many lines.
func indented(t testing.TB, stream string) string {
	t.Helper()
	var out strings.Builder
	for d := json.NewDecoder(strings.NewReader(stream)); ; {
		var value json.RawMessage
		if err := d.Decode(&value); err == io.EOF {
			return out.String()
		} else if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := json.Indent(&b, value, "", "\t"); err != nil {
			t.Fatal(err)
		}
		out.WriteString(b.String() + "\r\n")
	}
}

func scanOf(reports ...string) string {
	return `{"state":"complete","report":{"uuid":"1","repos":[` + strings.Join(reports, ",") + `]},"metadata":{"repo_count":1}}`
}

func entryOf(data string) string { return `{"key":"k","data":` + data + `,"ttl_remaining":60}` }

func cacheOf(entries ...string) string {
	return `{"entries":[` + strings.Join(entries, ",") + `],"stats":{"count":1}}`
}

// quoted returns s as a JSON string.
func quoted(t testing.TB, s string) string {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// inputs are the forms in which the reports on a, b and c, in that order, are found.
func inputs(t testing.TB) map[string]string {
	a, b, c := strings.TrimSpace(line("a")), strings.TrimSpace(line("b")), strings.TrimSpace(line("c"))
	return map[string]string{
		"lines":                           a + "\n" + b + "\n" + c + "\n",
		"no newline at the end":           a + "\n" + b + "\n" + c,
		"CRLF, empty lines, a mark":       "\xef\xbb\xbf" + a + "\r\n" + b + "\r\n\r\n" + c + "\r\n\r\n",
		"on one line":                     a + b + " " + c,
		"array":                           "[" + a + "," + b + "," + c + "]\n",
		"scan":                            scanOf(a, b, c),
		"scans":                           scanOf(a, b) + "\n" + scanOf() + "\n" + scanOf(c) + "\n",
		"scans and reports":               "\n" + scanOf(a) + "\n" + b + "\n[" + scanOf(c) + "]",
		"scan in another order":           `{"metadata":{"x":[{}]},"report":{"repos":[` + a + "," + b + "," + c + `],"repo":{},"uuid":"1"},"state":"x"}`,
		"export of a cache":               cacheOf(entryOf(a), entryOf(b), entryOf(c)),
		"export with strings":             cacheOf(entryOf(quoted(t, a)), entryOf(" \t"+quoted(t, " "+b+"\n")), entryOf(quoted(t, c))),
		"export with scans":               cacheOf(entryOf(scanOf(a, b)), entryOf(quoted(t, scanOf(c)))),
		"entries":                         entryOf(a) + "\n" + entryOf(quoted(t, b)) + "\n" + entryOf(scanOf(c)),
		"array of entries":                "[" + entryOf(a) + "," + entryOf(b) + "," + entryOf(c) + "]",
		"export in another order":         `{"stats":null,"entries":[{"data":` + a + `,"key":"k"},{"data":` + b + `},{"ttl_remaining":1,"data":` + c + "}]}",
		"members that are no reports yet": `{"report":null,"entries":{},` + a[1:] + b + `{"repos":[{}],` + c[1:],
	}
}

func TestEveryFormOfInputIsRead(t *testing.T) {
	for name, input := range inputs(t) {
		t.Run(name, func(t *testing.T) {
			forms := []string{input, string(compress(t, input)), string(members(t, input[:7], "", input[7:]))}
			if !strings.Contains(name, "mark") {
				forms = append(forms, indented(t, input))
			}
			for _, form := range forms {
				meta, dir := exported(t, form)
				want := line("a") + line("b") + line("c")
				if strings.HasPrefix(name, "members") {
					want = "{\"report\":null,\"entries\":{}," + line("a")[1:] + line("b") + "{\"repos\":[{}]," + line("c")[1:]
				}
				if got := contentOf(t, dir); got != want || meta.EntryCount != 3 {
					t.Errorf("%.200q: got %s", form, got)
				}
			}
		})
	}
}

func TestAnInputMayComeByTheByte(t *testing.T) {
	for name, input := range inputs(t) {
		for _, form := range []string{input, string(compress(t, input))} {
			w, dir := create(t)
			if err := w.AddFrom(t.Context(), iotest.OneByteReader(strings.NewReader(form))); err != nil {
				t.Fatal(name, err)
			}
			if meta, err := w.Commit(t.Context()); err != nil || meta.EntryCount != 3 || len(reposOf(t, open(t, dir))) != 3 {
				t.Errorf("%s: got %+v, %v", name, meta, err)
			}
		}
	}
}

func TestWhatIsNoReportIsRefusedAndNamed(t *testing.T) {
	a := strings.TrimSpace(line("a"))
	twice := `{"data":{"repo":"a","repo":"b"}}`
	long := `"` + strings.Repeat("x", snapshot.MaxLineBytes) + `"`
	for _, tc := range []struct {
		name, input string
		report      int64
		kind        error
		says        string
	}{
		{"a line that is cut off", line("a") + `{"data":{"repo":"b"` + "\n" + line("b"), 2, snapshot.ErrMalformed, "invalid character"},
		{"an input that is cut off", line("a") + line("b") + `{"data":{`, 3, snapshot.ErrMalformed, "unexpected end"},
		{"text", line("a") + "hello\n" + line("b"), 2, snapshot.ErrMalformed, "'h'"},
		{"a number", "1", 1, snapshot.ErrMalformed, "not a JSON object"},
		{"null", "null", 1, snapshot.ErrMalformed, "not a JSON object"},
		{"null in an array", "[" + a + ",null]", 2, snapshot.ErrMalformed, "not a JSON object"},
		{"an array in an array", "[[" + a + "]]", 1, snapshot.ErrMalformed, "not a JSON object"},
		{"another object", line("a") + `{"repos":["a"],"raw_size":1}`, 2, snapshot.ErrMalformed, "neither header nor data"},
		{"UTF-16", "\xff\xfe{\x00}\x00", 1, snapshot.ErrMalformed, "0xff"},
		{"not UTF-8", line("a") + "{\"data\":{\"x\":\"\xff\"}}", 2, snapshot.ErrMalformed, "UTF-8"},
		{"a member twice", line("a") + twice, 2, snapshot.ErrMalformed, "data.repo is given twice"},
		{"data twice", `{"data":{},"data":{}}`, 1, snapshot.ErrMalformed, "data is given twice"},
		{"data that is text", `{"data":"x"}`, 1, snapshot.ErrMalformed, "data is not an object"},
		{"a scan of no repositories", line("a") + `{"report":{"uuid":"1"}}`, 2, snapshot.ErrMalformed, "report without repos"},
		{"a scan of null", `{"state":"incomplete","report":null}`, 1, snapshot.ErrMalformed, "neither"},
		{"repositories that are no array", `{"report":{"repos":{}}}`, 1, snapshot.ErrMalformed, "report.repos is not an array"},
		{"repositories twice", `{"report":{"repos":[` + a + `],"repos":[]}}`, 2, snapshot.ErrMalformed, "report.repos is given twice"},
		{"a scan twice", `{"report":{"repos":[` + a + `]},"report":{"repos":[]}}`, 2, snapshot.ErrMalformed, "report is given twice"},
		{"a name for a report", scanOf(a, `"b"`), 2, snapshot.ErrMalformed, "not a JSON object"},
		{"a scan in a scan", scanOf(scanOf(a)), 1, snapshot.ErrMalformed, "neither header nor data"},
		{"a wrong report in a scan", scanOf(a, a, twice), 3, snapshot.ErrMalformed, "given twice"},
		{"a scan with data", `{"report":{"repos":[]},"data":{}}`, 1, snapshot.ErrMalformed, "both a report and, by its report, several"},
		{"a report with a scan", `{"data":{},"report":{"repos":[]}}`, 1, snapshot.ErrMalformed, "both a report and, by its report, several"},
		{"a scan with entries", `{"report":{"repos":[]},"entries":[]}`, 1, snapshot.ErrMalformed, "both report and entries"},
		{"an entry without data", cacheOf(entryOf(a), `{"key":"k"}`), 2, snapshot.ErrMalformed, "entry without data"},
		{"an entry of null", cacheOf(entryOf("null")), 1, snapshot.ErrMalformed, "not a JSON object"},
		{"an entry of text", cacheOf(entryOf(`"text"`)), 1, snapshot.ErrMalformed, "not a JSON object"},
		{"an entry of nothing", cacheOf(entryOf(`""`)), 1, snapshot.ErrMalformed, "unexpected end"},
		{"an entry of two reports", cacheOf(entryOf(quoted(t, a+a))), 2, snapshot.ErrMalformed, "after top-level value"},
		{"data twice in an entry", cacheOf(`{"key":"k","data":` + a + `,"data":` + a + `}`), 2, snapshot.ErrMalformed, "data is given twice"},
		{"an entry that is no object", cacheOf(entryOf(a), "[]"), 2, snapshot.ErrMalformed, "not a JSON object"},
		{"an entry in an entry", cacheOf(entryOf(entryOf(`"x"`))), 1, snapshot.ErrMalformed, "data is not an object"},
		{"a cache in an entry", cacheOf(entryOf(cacheOf(entryOf(a)))), 1, snapshot.ErrMalformed, "neither"},
		{"a cache in quotes in an entry", cacheOf(entryOf(quoted(t, cacheOf(entryOf(a))))), 1, snapshot.ErrMalformed, "neither"},
		{"a long report", line("a") + `{"data":{},"x":` + long + `}`, 2, snapshot.ErrTooLarge, "report"},
		{"a long name", line("a") + `{"data":{"repo":"x` + long[1:] + `}}`, 2, snapshot.ErrTooLarge, "report"},
		{"a long report in a scan", scanOf(a, `{"data":{},"x":`+long+`}`), 2, snapshot.ErrTooLarge, "report"},
		{"a long report in an entry", cacheOf(entryOf(a), entryOf(`{"data":{},"x":`+long+`}`)), 2, snapshot.ErrTooLarge, "report"},
		{"a long string in an entry", cacheOf(entryOf(long + "")), 1, snapshot.ErrMalformed, "'x'"},
		{"a longer string in an entry", cacheOf(entryOf(`"x` + long[1:])), 1, snapshot.ErrTooLarge, "report"},
		{"a long entry", cacheOf(entryOf(a), `{"data":`+a+`,"x":`+strings.Repeat(long+`,"x":`, 2)+long+`}`), 2, snapshot.ErrTooLarge, "entry"},
		{"deep nesting", `{"data":{"x":` + strings.Repeat("[", 2000), 1, snapshot.ErrMalformed, "nested"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, dir := create(t)
			err := w.AddFrom(t.Context(), strings.NewReader(tc.input))
			var at *snapshot.InputError
			if !errors.Is(err, tc.kind) || !errors.As(err, &at) || at.Report != tc.report {
				t.Fatalf("got %.300v", err)
			}
			if !strings.Contains(err.Error(), tc.says) || len(err.Error()) > 400 || at.Offset > int64(len(tc.input)) {
				t.Errorf("got %.500v", err)
			}
			if _, err := w.Commit(t.Context()); !errors.Is(err, tc.kind) {
				t.Errorf("Commit: got %.300v", err)
			}
			wantNames(t, filepath.Dir(dir))
		})
	}
}

func TestDamagedCompressionIsNoMalformedReport(t *testing.T) {
	input := compress(t, line("a")+varied(20))
	for name, damaged := range map[string][]byte{
		"header": input[:5], "end": input[:len(input)-1], "middle": flip(input, len(input)/2), "checksum": flip(input, -6),
		"followed by text": append(bytes.Clone(input), "text"...),
	} {
		w, dir := create(t)
		err := w.AddFrom(t.Context(), bytes.NewReader(damaged))
		if !errors.Is(err, snapshot.ErrCorrupt) || errors.Is(err, snapshot.ErrMalformed) {
			t.Errorf("%s: got %v", name, err)
		}
		discard(t, w)
		wantNames(t, filepath.Dir(dir))
	}
}

func TestAnErrorOfTheInputIsReturnedAsItIs(t *testing.T) {
	broken := errors.New("broken pipe")
	for _, before := range []string{"", "{", line("a"), scanOf()[:40], string(compress(t, line("a"))), string(compress(t, line("a")))[:12], "\x1f"} {
		w, _ := create(t)
		err := w.AddFrom(t.Context(), io.MultiReader(strings.NewReader(before), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) || errors.Is(err, snapshot.ErrMalformed) || errors.Is(err, snapshot.ErrCorrupt) {
			t.Errorf("after %q: got %v", before, err)
		}
	}
}

// However an input is written, it takes the memory of a report and of a few members.
func TestAnInputTakesBoundedMemory(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2)) // each processor has a few members
	report := strings.TrimSpace(line(strings.Repeat("x", 1000)))
	const size, most = 12 << 20, 8 << 20
	for name, form := range map[string]struct{ before, each, after string }{
		"lines":  {"", report + "\n", ""},
		"array":  {"[" + report, "," + report, "]"},
		"scan":   {`{"report":{"repos":[` + report, "," + report, "]}}"},
		"cache":  {`{"entries":[` + entryOf(report), "," + entryOf(quoted(t, report)), "]}"},
		"spaces": {report, strings.Repeat(" \n", 512), report},
	} {
		each := repeated{unit: form.each, left: size / len(form.each)}
		heapInUse() // twice, because the first may finish what other tests left
		before := heapInUse()
		w, _ := create(t)
		if err := w.AddFrom(t.Context(), io.MultiReader(strings.NewReader(form.before), &each, strings.NewReader(form.after))); err != nil {
			t.Fatal(name, err)
		}
		discard(t, w)
		if each.peak == 0 || each.peak > before+most {
			t.Errorf("%s: from %d to %d bytes", name, before, each.peak)
		}
	}
}

func heapInUse() uint64 {
	var now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&now)
	return now.HeapAlloc
}

// repeated reads a unit again and again, and looks at how much memory is used meanwhile.
type repeated struct {
	unit string
	left int
	from strings.Reader
	n    int
	peak uint64
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.from.Len() == 0 {
		if r.left == 0 {
			return 0, io.EOF
		}
		r.left--
		r.from.Reset(r.unit)
	}
	n, err := r.from.Read(p)
	if r.n>>22 != (r.n+n)>>22 {
		r.peak = max(r.peak, heapInUse())
	}
	r.n += n
	return n, err
}
