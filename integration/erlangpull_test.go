package integration

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
)

// erlangPull pulls as the original client does: the manifest by its tag, and the layers that it names
// by their digests, into files that their media types tell. It neither authenticates nor looks at
// anything else.
const erlangPull = `[Host, Port, Repository, Tag, Dir] = init:get_plain_arguments(),
Get = fun(Path) ->
  {ok, S} = gen_tcp:connect(Host, list_to_integer(Port), [binary, {active, false}, {packet, http_bin}]),
  ok = gen_tcp:send(S, ["GET /v2/", Repository, Path, " HTTP/1.1\r\nHost: ", Host, ":", Port,
    "\r\nAccept: application/vnd.oci.image.manifest.v1+json\r\nConnection: close\r\n\r\n"]),
  {ok, {http_response, _, 200, _}} = gen_tcp:recv(S, 0),
  Length = (fun Headers(N) ->
    case gen_tcp:recv(S, 0) of
      {ok, {http_header, _, 'Content-Length', _, V}} -> Headers(binary_to_integer(V));
      {ok, {http_header, _, _, _, _}} -> Headers(N);
      {ok, http_eoh} -> N
    end
  end)(none),
  ok = inet:setopts(S, [{packet, raw}]),
  {ok, Body} = gen_tcp:recv(S, Length),
  ok = gen_tcp:close(S),
  Body
end,
Manifest = Get(["/manifests/", Tag]),
ok = file:write_file([Dir, "/oci-manifest.json"], Manifest),
lists:foreach(fun({Type, File}) ->
  Pattern = ["\"mediaType\":\"application/vnd.lei.cache.", Type, "\",\"size\":[0-9]+,\"digest\":\"(sha256:[0-9a-f]+)\""],
  {match, [Digest]} = re:run(Manifest, Pattern, [{capture, all_but_first, binary}]),
  ok = file:write_file([Dir, "/", File], Get(["/blobs/", Digest]))
end, [{"manifest\\+json", "manifest.json"}, {"jsonl\\+gzip", "cache.jsonl.gz"}]),
halt().`

// pullLikeTheOriginal fails unless the original's protocol gets the sample under this digest.
func pullLikeTheOriginal(t *testing.T, ref name.Tag, digest string) {
	t.Helper()
	erl, err := toolPath("erl")
	if err != nil {
		skipUnavailable(t, err.Error())
	}
	dir := t.TempDir()
	host, port, _ := strings.Cut(ref.RegistryStr(), ":")
	env := environment{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "ERL_CRASH_DUMP_BYTES=0"}
	env.must(t, "", erl, "-noshell", "-eval", erlangPull, "-extra", host, port, ref.RepositoryStr(), ref.TagStr(), dir)
	if got := "sha256:" + sha256Hex(readFile(t, dir, "oci-manifest.json")); got != digest {
		t.Errorf("the manifest has digest %s, want %s", got, digest)
	}
	assertSameFiles(t, sampleDir, dir, "manifest.json", "cache.jsonl.gz")
}
