package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// putManifest puts a manifest as it is, and returns its digest.
func putManifest(t *testing.T, reg *leiocitest.Registry, tag, mediaType, body string) string {
	t.Helper()
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(body)))
	if tag == "" {
		tag = digest
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+reg.Host()+"/v2/org/lei-cache/manifests/"+tag, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", mediaType)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		t.Fatalf("%s: %s", tag, resp.Status)
	}
	return digest
}

// inspectJSON inspects what there is, and returns the document.
func inspectJSON(t *testing.T, arg string) inspection {
	t.Helper()
	status, stdout, stderr := leiociIn(t, t.TempDir(), "", "inspect", "--format=json", arg)
	var i inspection
	if err := json.Unmarshal([]byte(stdout), &i); status != 0 || err != nil {
		t.Fatalf("%d, %v, %s", status, err, stderr)
	}
	return i
}

const (
	imageType = "application/vnd.oci.image.manifest.v1+json"
	indexType = "application/vnd.oci.image.index.v1+json"
)

func TestInspectShowsAnIndexAsWhatItIs(t *testing.T) {
	reg, dir := leiocitest.NewRegistry(t), absolute(t)
	ref := reg.Host() + "/org/lei-cache"
	child := strings.TrimPrefix(strings.TrimSpace(pushAnything(t, dir, ref)), ref+"@")
	index := `{"schemaVersion":2,"mediaType":"` + indexType + `","manifests":[{"mediaType":"` + imageType + `","digest":"` + child +
		`","size":7,"platform":{"os":"linux","architecture":"arm64"}}],"annotations":{"a":"\u001b[2Jb"}}`
	digest := putManifest(t, reg, "all", indexType, index)
	i := inspectJSON(t, ref+":all")
	if i.Kind != kindIndex || i.Digest != digest || len(i.Manifests) != 1 || i.Manifests[0].Digest != child || i.Manifests[0].Platform != "linux/arm64" || i.NotSnapshot == "" {
		t.Errorf("got %+v", i)
	}
	status, stdout, stderr := leiociIn(t, t.TempDir(), "", "inspect", ref+":all")
	if status != 0 || stderr != "" || strings.ContainsRune(stdout, '\x1b') || !strings.Contains(stdout, "linux/arm64") || !strings.Contains(stdout, "kind            index; ") {
		t.Errorf("%d, %q, %s", status, stderr, stdout)
	}
	if _, stdout, _ := leiociIn(t, t.TempDir(), "", "inspect", "--raw", ref+":all"); stdout != index {
		t.Errorf("raw: %q", stdout)
	}
}

func TestInspectTakesTheDateOfTheOriginalsArtifactFromItsFile(t *testing.T) {
	i := inspectJSON(t, absolute(t)) // a directory that the original client wrote, with its config
	if i.Date != "2026-02-08" || i.Kind != kindSnapshot || i.Config == nil || !strings.Contains(string(i.Config.Content), "cache_entries") {
		t.Errorf("got %+v", i)
	}
}

func TestInspectFindsReferrersByTheirListAndByCosignsTags(t *testing.T) {
	reg, dir := leiocitest.NewRegistry(t), absolute(t)
	ref := reg.Host() + "/org/lei-cache"
	pushed := strings.TrimSpace(pushAnything(t, dir, ref))
	digest := strings.TrimPrefix(pushed, ref+"@")
	raw, err := os.ReadFile(filepath.Join(dir, "oci-manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	refer := func(artifactType string) string {
		return strings.Replace(string(raw), "{", `{"artifactType":"`+artifactType+`","subject":{"mediaType":"`+imageType+`","digest":"`+digest+`","size":1},`, 1)
	}
	var listed []string
	for _, artifactType := range []string{"application/spdx+json", "application/vnd.cncf.notary.signature"} {
		body := refer(artifactType)
		listed = append(listed, fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":%d,"artifactType":%q}`,
			imageType, putManifest(t, reg, "", imageType, body), len(body), artifactType))
	}
	hex := strings.TrimPrefix(digest, "sha256:")
	putManifest(t, reg, "sha256-"+hex, indexType, `{"schemaVersion":2,"mediaType":"`+indexType+`","manifests":[`+strings.Join(listed, ",")+`]}`)
	putManifest(t, reg, "sha256-"+hex+".sig", imageType, string(raw))
	kinds := map[string]int{}
	for _, r := range inspectJSON(t, pushed).Referrers {
		kinds[r.Kind+" "+r.Tag]++
	}
	if kinds["sbom "] != 1 || kinds["signature "] != 1 || kinds["signature sha256-"+hex+".sig"] != 1 || len(kinds) != 3 {
		t.Errorf("got %v", kinds)
	}
}

func TestInspectSaysWhyAnImageIsNoSnapshot(t *testing.T) {
	reg, dir := leiocitest.NewRegistry(t), absolute(t)
	ref := reg.Host() + "/org/lei-cache"
	pushed := pushAnything(t, dir, ref)
	_, raw, _ := leiociIn(t, t.TempDir(), "", "inspect", "--raw", pushed)
	putManifest(t, reg, "other", imageType, strings.Replace(raw, "vnd.lei.cache.jsonl+gzip", "vnd.other", 1))
	if i := inspectJSON(t, ref+":other"); i.Kind != kindImage || !strings.Contains(i.NotSnapshot, "0 layers of type application/vnd.lei.cache.jsonl+gzip") {
		t.Errorf("got %+v", i)
	}
}

// What a manifest says is anybody's.
func TestInspectAndTagsPrintNothingThatATerminalObeys(t *testing.T) {
	reg, dir := leiocitest.NewRegistry(t), absolute(t)
	ref := reg.Host() + "/org/lei-cache"
	pushed := pushAnything(t, dir, ref)
	_, raw, _ := leiociIn(t, t.TempDir(), "", "inspect", "--raw", pushed)
	const evil = `x\u001b[2J\r\u009b1m\u202e\u007f\nall is well`
	for what, change := range map[string][2]string{
		"artifact type": {`{"schemaVersion"`, `{"artifactType":"` + evil + `","schemaVersion"`},
		"annotation":    {`"lei-cache"`, `"` + evil + `"`},
		"key":           {`"org.opencontainers.image.title":"lei-cache"`, `"` + evil + `":"a"`},
		"layer":         {"application/vnd.lei.cache.jsonl+gzip", evil},
		"config":        {"application/vnd.lei.cache.config.v1+json", evil},
		"version":       {`image.version":"2026-02-08"`, `image.version":"` + evil + `"`},
	} {
		changed := strings.Replace(raw, change[0], change[1], 1)
		if changed == raw {
			t.Fatalf("%s: not in %s", what, raw)
		}
		putManifest(t, reg, "evil", imageType, changed)
		for _, args := range [][]string{{"inspect", ref + ":evil"}, {"inspect", "--format=json", ref + ":evil"}, {"tags", ref}, {"tags", "--format=json", ref}} {
			status, stdout, stderr := leiociIn(t, t.TempDir(), "", args...)
			if status != 0 || strings.ContainsAny(stdout, "\x1b\r\u009b\u202e\x7f") || strings.Contains(stdout, "\nall") {
				t.Errorf("%s, %q: %d, %q, %q", what, args, status, stdout, stderr)
			}
		}
	}
}

func TestInspectAndTagsReadLayoutsAndArchives(t *testing.T) {
	img, err := leioci.Package(t.Context(), sampleDir)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	client, err := leioci.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, scheme := range []string{"oci-layout:", "oci-archive:"} {
		place := scheme + filepath.Join(t.TempDir(), "mirror")
		at, err := leioci.ParseLocation(place)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.PushTo(t.Context(), at, []string{"2026-02-08", "latest"}, img); err != nil {
			t.Fatal(err)
		}
		// The token is for no registry, and no obstacle.
		status, stdout, stderr := leiociIn(t, t.TempDir(), "a-token", "tags", place)
		if status != 0 || stderr != "" || strings.Count(stdout, digest.String()) != 2 || !strings.Contains(stdout, "same as 2026-02-08") {
			t.Errorf("%d, %q, %s", status, stderr, stdout)
		}
		for _, arg := range []string{place, place + ":latest", place + "@" + digest.String()} {
			if i := inspectJSON(t, arg); i.Source != place+"@"+digest.String() || i.Digest != digest.String() || i.Kind != kindSnapshot || i.Config.Content == nil || len(i.Tags) != 2 {
				t.Errorf("%s: got %+v", arg, i)
			}
		}
		for _, args := range [][]string{{"inspect", place + ":absent"}, {"inspect", place + "-absent"}, {"tags", place + "-absent"}} {
			if status, stdout, stderr := leiociIn(t, t.TempDir(), "", args...); status != 7 || stdout != "" {
				t.Errorf("%q: %d, %q, %q", args, status, stdout, stderr)
			}
		}
		if status, _, stderr := leiociIn(t, t.TempDir(), "", "tags", place+":latest"); status != 2 {
			t.Errorf("%d, %q", status, stderr)
		}
	}
}
