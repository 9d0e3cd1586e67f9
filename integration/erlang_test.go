package integration

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// erlangReader is how the original client, which runs on Erlang, decompresses the reports of a
// snapshot.
const erlangReader = `[From, To] = init:get_plain_arguments(),
{ok, Packed} = file:read_file(From),
ok = file:write_file(To, zlib:gunzip(Packed)),
halt().`

func TestTheOriginalsReaderReadsAllMembersOfAnExport(t *testing.T) {
	erl, err := toolPath("erl")
	if err != nil {
		skipUnavailable(t, err.Error())
	}
	work := t.TempDir()
	env := environment{"PATH=" + os.Getenv("PATH"), "HOME=" + work, "ERL_CRASH_DUMP_BYTES=0"}
	var reports strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&reports, `{"data":{"repo":"https://git.example.org/ü/%d","risk":"low","results":{"sum":"%s"}}}`+"\n", i, sha256Hex(fmt.Append(nil, i)))
	}
	given := filepath.Join(work, "reports.jsonl")
	writeFile(t, []byte(reports.String()), given)
	out, unpacked := filepath.Join(work, "lei"), filepath.Join(work, "unpacked")
	env.must(t, "", buildCommand(t), "export", "--input", given, "-o", out)
	packed := filepath.Join(out, "cache.jsonl.gz")
	if n := membersOf(t, readFile(t, packed)); n < 8 {
		t.Fatalf("%d members show little", n)
	}
	env.must(t, "", erl, "-noshell", "-eval", erlangReader, "-extra", packed, unpacked)
	if !bytes.Equal(readFile(t, unpacked), []byte(reports.String())) {
		t.Error("Erlang reads something else")
	}
}

// membersOf counts the gzip members of a file.
func membersOf(t testing.TB, file []byte) (n int) {
	t.Helper()
	rest := bufio.NewReader(bytes.NewReader(file))
	gz, err := gzip.NewReader(rest)
	for ; err == nil; err = gz.Reset(rest) {
		n++
		gz.Multistream(false)
		if _, err := io.Copy(io.Discard, gz); err != nil {
			t.Fatal(err)
		}
	}
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return n
}
