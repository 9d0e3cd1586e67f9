package manifest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
)

const descriptor = `{"mediaType":"a/b","size":1,"digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}`

// with returns a manifest with further members.
func with(members ...string) string {
	all := append([]string{`"schemaVersion":2`, `"config":` + descriptor}, members...)
	return `{` + strings.Join(all, ",") + `}`
}

// within returns a manifest with one layer, which has further members.
func within(members string) string {
	return with(`"layers":[` + strings.TrimSuffix(descriptor, "}") + "," + members + `}]`)
}

// times repeats an element and puts commas in between.
func times(n int, element string) string {
	return strings.TrimSuffix(strings.Repeat(element+",", n), ",")
}

// numbered returns annotations, of which no two are the same.
func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"%d":"",`, i)
	}
	return strings.TrimSuffix(b.String(), ",")
}

func TestAManifestIsDecoded(t *testing.T) {
	for name, raw := range map[string]string{
		"no layers":               with(),
		"null layers":             with(`"layers":null`, `"annotations":null`, `"subject":null`),
		"a thousand layers":       with(`"layers":[` + times(1000, descriptor) + `]`),
		"annotations":             with(`"annotations":{"a":"x","A":"y","mediaType":"z"}`),
		"annotations all over":    within(`"annotations":{"a":"x"},"platform":{"os":"linux"}`),
		"a subject":               with(`"subject":` + strings.Replace(descriptor, "{", `{"annotations":{"a":"x"},`, 1)),
		"unknown members":         with(`"x":1`, `"x":{"layers":[],"layers":[],"Layers":1}`, `"\u006c":[]`),
		"a thousand annotations":  with(`"annotations":{` + numbered(1000) + `}`),
		"a descriptor with data":  within(`"data":"` + strings.Repeat("AAAA", 1<<19) + `"`),
		"a name in another field": within(`"layers":[],"Manifests":1`),
	} {
		m, err := manifest.Parse([]byte(raw), types.OCIManifestSchema1)
		if err != nil {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		var want struct{ Layers []any }
		if err := json.Unmarshal([]byte(raw), &want); err != nil || len(m.Layers) != len(want.Layers) {
			t.Errorf("%s: got %d layers", name, len(m.Layers))
		}
	}
}

// Each of these means one thing to encoding/json, and another to a reader that respects the case of
// names, or takes the first of two.
func TestAnAmbiguousManifestIsRefused(t *testing.T) {
	layers := `"layers":[` + descriptor + `]`
	for name, raw := range map[string]string{
		"layers twice":                    with(layers, `"layers":[]`),
		"layers and Layers":               with(layers, `"Layers":[]`),
		"LAYERS alone":                    with(`"LAYERS":[` + descriptor + `]`),
		"layers escaped":                  with(layers, `"l\u0061yers":[]`),
		"layers with a long s":            with(layers, `"layerſ":[]`),
		"config twice":                    with(`"config":` + descriptor),
		"Config":                          with(`"Config":` + descriptor),
		"mediaType twice":                 with(`"mediaType":"application/vnd.oci.image.manifest.v1+json"`, `"mediaType":""`),
		"mediatype":                       with(`"mediatype":"application/vnd.oci.image.manifest.v1+json"`),
		"annotations twice":               with(`"annotations":{"a":"x"}`, `"annotations":{"b":"y"}`),
		"an annotation twice":             with(`"annotations":{"a":"x","a":"x"}`),
		"an annotation twice, escaped":    with(`"annotations":{"a":"x","\u0061":"y"}`),
		"an annotation of a layer, twice": within(`"annotations":{"a":"x","a":"y"}`),
		"a digest twice":                  within(`"digest":"sha256:` + strings.Repeat("0", 64) + `"`),
		"a Digest":                        within(`"Digest":"sha256:` + strings.Repeat("0", 64) + `"`),
		"a SIZE":                          within(`"SIZE":2`),
		"Manifests":                       with(layers, `"Manifests":[]`),
		"manifests":                       with(layers, `"manifests":[]`),
		"null manifests":                  with(layers, `"manifests":null`),
		"not UTF-8":                       with("\"annotations\":{\"a\":\"\xff\"}"),
		"two values":                      with() + with(),
		"an array":                        `[` + with() + `]`,
		"null":                            `null`,
		"nothing":                         ``,
	} {
		if m, err := manifest.Parse([]byte(raw), types.OCIManifestSchema1); !errors.Is(err, errdef.ErrUnsupportedManifest) {
			t.Errorf("%s: got %+v, %v", name, m, err)
		}
	}
}

// What a manifest of 4 MiB may cost to refuse, or to decode.
func TestAManifestTakesMemoryInProportionToItsSize(t *testing.T) {
	const size, most = 4<<20 - 1024, 6 * 4 << 20
	for name, test := range map[string]struct {
		raw string
		err error
	}{
		"empty layers":            {with(`"layers":[` + times(size/3, `{}`) + `]`), errdef.ErrTooLarge},
		"null layers":             {with(`"layers":[` + times(size/5, `null`) + `]`), errdef.ErrTooLarge},
		"a layer too many":        {with(`"layers":[` + times(1001, descriptor) + `]`), errdef.ErrTooLarge},
		"annotations":             {with(`"annotations":{` + numbered(size/15) + `}`), errdef.ErrTooLarge},
		"annotations of a layer":  {within(`"annotations":{` + numbered(size/15) + `}`), errdef.ErrTooLarge},
		"annotations of platform": {within(`"platform":{"os.features":[` + times(size/4, `""`) + `]}`), errdef.ErrTooLarge},
		"URLs":                    {within(`"urls":[` + times(size/3, `""`) + `]`), errdef.ErrTooLarge},
		"unknown values":          {with(`"x":[` + times(size/2, `0`) + `]`), errdef.ErrTooLarge},
		"nesting":                 {with(`"x":` + strings.Repeat(`[`, size)), errdef.ErrUnsupportedManifest},
		"nesting that ends":       {with(`"x":` + strings.Repeat(`[`, size/2) + strings.Repeat(`]`, size/2)), errdef.ErrUnsupportedManifest},
		"data":                    {within(`"data":"` + strings.Repeat("AAAA", size/4) + `"`), nil},
		"one annotation":          {with(`"annotations":{"a":"` + strings.Repeat("x", size) + `"}`), nil},
		"escapes":                 {with(`"annotations":{"a":"` + strings.Repeat(`\u6f22`, size/6) + `"}`), nil},
		"one name":                {with(`"` + strings.Repeat("x", size) + `":0`), nil},
		"a number":                {with(`"x":1` + strings.Repeat("0", size)), nil},
		"a version":               {strings.Replace(with(), ":2", ":1"+strings.Repeat("0", size), 1), errdef.ErrUnsupportedManifest},
		"white space":             {within(`"subject":1`) + strings.Repeat(" ", size-1024), nil},
		"a false digest":          {strings.Replace(with(), "sha256:", strings.Repeat("x", size)+":", 1), errdef.ErrUnsupportedManifest},
		"a media type":            {with(`"mediaType":"` + strings.Repeat("x", size) + `"`), errdef.ErrUnsupportedManifest},
		"as many as are allowed":  {with(`"layers":[`+times(1000, descriptor)+`]`, `"annotations":{`+numbered(45_000)+`}`), nil},
	} {
		raw := []byte(test.raw)
		if len(raw) > manifest.MaxBytes {
			t.Fatalf("%s: %d bytes", name, len(raw))
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := manifest.Parse(raw, types.OCIManifestSchema1)
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > most || !errors.Is(err, test.err) {
			t.Errorf("%s: %d KiB were allocated for %d, error %.200v", name, got>>10, len(raw)>>10, err)
		}
		if err != nil && len(err.Error()) > 400 {
			t.Errorf("%s: an error of %d bytes", name, len(err.Error()))
		}
	}
}
