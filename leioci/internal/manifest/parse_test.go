package manifest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
)

const (
	oci    = "application/vnd.oci.image.manifest.v1+json"
	docker = "application/vnd.docker.distribution.manifest.v2+json"
	index  = "application/vnd.oci.image.index.v1+json"
	list   = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// descriptor is one as the OCI image specification has it, of a blob of n bytes.
func descriptorOf(n int) string {
	return fmt.Sprintf(`{"mediaType":"application/octet-stream","digest":"sha256:%064d","size":%d}`, n, n)
}

// image is an image manifest with a config and two layers that says of itself what mediaType says.
func image(mediaType string) string {
	return fmt.Sprintf(`{"schemaVersion":2,%s"config":%s,"layers":[%s,%s]}`, mediaType, descriptorOf(1), descriptorOf(2), descriptorOf(3))
}

func says(mediaType string) string { return fmt.Sprintf(`"mediaType":%q,`, mediaType) }

func TestAnImageManifestIsToldByWhatItSaysOrWhatItWasSentAs(t *testing.T) {
	for name, tc := range map[string]struct {
		raw    string
		sentAs types.MediaType
		want   types.MediaType
	}{
		"OCI, by itself":                    {image(says(oci)), "", oci},
		"Docker, by itself":                 {image(says(docker)), "", docker},
		"its own word counts":               {image(says(oci)), index, oci},
		"OCI, by its Content-Type":          {image(""), oci, oci},
		"Docker, by its Content-Type":       {image(""), docker, docker},
		"a Content-Type with a charset":     {image(""), oci + "; charset=utf-8", oci},
		"a Content-Type with a space first": {image(""), oci + " ;charset=utf-8", oci},
		"members that nobody knows":         {image(says(oci) + `"subject":{},"x":1,`), "", oci},
	} {
		m, err := manifest.Parse([]byte(tc.raw), tc.sentAs)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if m.MediaType != tc.want {
			t.Errorf("%s: got media type %s", name, m.MediaType)
		}
		var sizes []int64
		for _, d := range manifest.Blobs(m) {
			sizes = append(sizes, d.Size)
		}
		if fmt.Sprint(sizes) != "[1 2 3]" {
			t.Errorf("%s: the sizes of the blobs are %v, want the config's and then the layers'", name, sizes)
		}
	}
}

func TestWhatIsNotAnImageManifestIsUnsupported(t *testing.T) {
	for name, tc := range map[string]struct {
		raw    string
		sentAs types.MediaType
	}{
		"nothing":                    {"", oci},
		"a page of HTML":             {"<html></html>", oci},
		"no object":                  {`[]`, oci},
		"null":                       {`null`, oci},
		"an empty object":            {`{}`, oci},
		"cut":                        {image(says(oci))[:100], oci},
		"two of them":                {image(says(oci)) + image(says(oci)), oci},
		"an OCI index":               {fmt.Sprintf(`{%s"manifests":[%s]}`, says(index), descriptorOf(1)), oci},
		"a Docker list":              {fmt.Sprintf(`{%s"manifests":[%s]}`, says(list), descriptorOf(1)), oci},
		"an index by its type alone": {image(""), index},
		"an index by its members":    {image(says(oci) + `"manifests":[],`), oci},
		"no media type anywhere":     {image(""), ""},
		"another media type":         {image(says("application/json")), oci},
		"another Content-Type":       {image(""), "text/html"},
		"schema 1":                   {`{"schemaVersion":1,"fsLayers":[]}`, "application/vnd.docker.distribution.manifest.v1+json"},
		"no config":                  {fmt.Sprintf(`{%s"layers":[%s]}`, says(oci), descriptorOf(1)), oci},
		"a layer without digest":     {fmt.Sprintf(`{%s"config":%s,"layers":[{"size":1}]}`, says(oci), descriptorOf(1)), oci},
		"a negative size":            {fmt.Sprintf(`{%s"config":%s,"layers":[%s]}`, says(oci), descriptorOf(1), strings.Replace(descriptorOf(2), `"size":2`, `"size":-2`, 1)), oci},
		"a negative size of config":  {fmt.Sprintf(`{%s"config":%s}`, says(oci), strings.Replace(descriptorOf(1), `"size":1`, `"size":-1`, 1)), oci},
		"a digest that is none":      {fmt.Sprintf(`{%s"config":{"digest":"sha256:abc","size":1}}`, says(oci)), oci},
	} {
		if m, err := manifest.Parse([]byte(tc.raw), tc.sentAs); !errors.Is(err, errdef.ErrUnsupportedManifest) || m != nil {
			t.Errorf("%s: got %v, %v", name, m, err)
		}
	}
}

func TestAManifestMayBeAsLargeAsTheLimitAndNoLarger(t *testing.T) {
	raw := image(says(oci))
	padded := raw + strings.Repeat(" ", manifest.MaxBytes-len(raw))
	if _, err := manifest.Parse([]byte(padded), ""); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	if _, err := manifest.Parse([]byte(padded+" "), ""); !errors.Is(err, errdef.ErrTooLarge) {
		t.Errorf("over the limit: got %v", err)
	}
}
