package integration

import (
	"bytes"
	"encoding/json"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/opencontainers/image-spec/schema"

	"github.com/lowendinsight/lei-go/leioci"
)

func TestWhatIsWrittenConformsToTheImageSpecificationsSchemas(t *testing.T) {
	ctx := t.Context()
	options := map[string][]leioci.PackageOption{
		"defaults": nil,
		"options": {
			leioci.Created(sunday()), leioci.LEIVersion("0.9.2"),
			leioci.Annotations(map[string]string{"org.opencontainers.image.vendor": "Example", "org.example.extra": ""}),
		},
	}
	for name, opts := range options {
		t.Run(name, func(t *testing.T) {
			img, err := leioci.Package(ctx, sampleDir, opts...)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := img.RawManifest()
			if err != nil {
				t.Fatal(err)
			}
			validate(t, schema.ValidatorMediaTypeManifest, raw)
			m, err := v1.ParseManifest(bytes.NewReader(raw))
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range append(m.Layers, m.Config) {
				descriptor, err := json.Marshal(d)
				if err != nil {
					t.Fatal(err)
				}
				validate(t, schema.ValidatorMediaTypeDescriptor, descriptor)
			}
		})
	}
	dir := sampleLayout(ctx, t)
	validate(t, schema.ValidatorMediaTypeImageIndex, readFile(t, dir, "index.json"))
	validate(t, schema.ValidatorMediaTypeLayoutHeader, readFile(t, dir, "oci-layout"))
}

func TestTheSchemasRefuseWhatIsNotAManifest(t *testing.T) {
	img, err := leioci.Package(t.Context(), sampleDir)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := img.RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	broken := bytes.Replace(raw, []byte("sha256:"), []byte("sha256-"), 1)
	if err := schema.ValidatorMediaTypeManifest.Validate(bytes.NewReader(broken)); err == nil {
		t.Error("a malformed digest conforms to the schema, so conformance proves nothing")
	}
}

func validate(t testing.TB, v schema.Validator, document []byte) {
	t.Helper()
	if err := v.Validate(bytes.NewReader(document)); err != nil {
		t.Errorf("%v: %s", err, document)
	}
}
