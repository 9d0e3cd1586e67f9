package sigstore_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/sigstore"
	"github.com/lowendinsight/lei-go/leioci/sigstore/sigstoretest"
)

// simple is a good layer of simple signing after an edit of its annotations.
func (w *world) simple(edit func(annotations map[string]string)) mutate.Addendum {
	w.t.Helper()
	layer := must1(w.instance.SignSimple(workflow, issuer, sigstoretest.Claim(w.digest)))(w.t)
	edit(layer.Annotations)
	return layer
}

func (w *world) attachSimple(layers ...mutate.Addendum) {
	w.t.Helper()
	must(w.t, sigstoretest.AttachSimple(w.t.Context(), w.rt, w.repo, w.digest, layers...))
}

func unchanged(map[string]string) {}

// without drops an annotation of cosign.
func without(names ...string) func(map[string]string) {
	return func(annotations map[string]string) {
		for _, name := range names {
			delete(annotations, name)
		}
	}
}

// set sets an annotation.
func set(name, value string) func(map[string]string) {
	return func(annotations map[string]string) { annotations[name] = value }
}

const (
	signatureAnnotation   = "dev.cosignproject.cosign/signature"
	certificateAnnotation = "dev.sigstore.cosign/certificate"
	logAnnotation         = "dev.sigstore.cosign/bundle"
	timestampAnnotation   = "dev.sigstore.cosign/rfc3161timestamp"
)

func TestSimpleSigningByNoTrustedIdentityIsRefusedBeforeItIsFetched(t *testing.T) {
	edit := func(edit func(map[string]string)) func(*world) []mutate.Addendum {
		return func(w *world) []mutate.Addendum { return []mutate.Addendum{w.simple(edit)} }
	}
	pays := func(subject string, payload func(w *world) string) func(*world) []mutate.Addendum {
		return func(w *world) []mutate.Addendum {
			return []mutate.Addendum{must1(w.instance.SignSimple(subject, issuer, []byte(payload(w))))(w.t)}
		}
	}
	claim := func(w *world) string { return string(sigstoretest.Claim(w.digest)) }
	for name, tc := range map[string]struct {
		do   func(*world) []mutate.Addendum
		opts []sigstore.Option
		says string
	}{
		"another subject": {do: pays("mallory@example.org", claim), says: "by mallory@example.org"},
		"another digest": {do: pays(workflow, func(*world) string {
			return string(sigstoretest.Claim(another()))
		}), says: "it signs another artifact"},
		"a payload of another type": {do: pays(workflow, func(w *world) string {
			return strings.Replace(claim(w), "cosign container", "atomic container", 1)
		}), says: "its payload is"},
		"a payload that is no JSON": {do: pays(workflow, func(*world) string { return "signed" }), says: "not simple signing"},
		"an empty payload":          {do: pays(workflow, func(*world) string { return "{}" }), says: "its payload is"},
		"a huge payload": {do: pays(workflow, func(w *world) string {
			return claim(w) + strings.Repeat(" ", 300<<10)
		}), says: "limit"},
		"the certificate of another": {do: func(w *world) []mutate.Addendum {
			other := must1(w.instance.SignSimple("mallory@example.org", issuer, sigstoretest.Claim(w.digest)))(w.t)
			other.Annotations[certificateAnnotation] = w.simple(unchanged).Annotations[certificateAnnotation]
			return []mutate.Addendum{other}
		}, says: "not valid"},
		"the entry of another": {do: func(w *world) []mutate.Addendum {
			return []mutate.Addendum{w.simple(set(logAnnotation, w.simple(unchanged).Annotations[logAnnotation]))}
		}, says: "transparency log"},
		"another instance": {do: func(w *world) []mutate.Addendum {
			other := must1(sigstoretest.New())(w.t)
			return []mutate.Addendum{must1(other.SignSimple(workflow, issuer, sigstoretest.Claim(w.digest)))(w.t)}
		}, says: "not valid"},
		"the payload of another": {do: func(w *world) []mutate.Addendum {
			other := must1(w.instance.SignSimple(workflow, issuer, sigstoretest.Claim(another())))(w.t)
			return []mutate.Addendum{w.simple(func(annotations map[string]string) {
				for name, value := range other.Annotations {
					annotations[name] = value
				}
			})}
		}, says: "not valid"},
		"no signature":             {do: edit(without(signatureAnnotation)), says: "transparency log signature does not match"},
		"a signature of no base64": {do: edit(set(signatureAnnotation, "?")), says: "signature"},
		"no certificate":           {do: edit(without(certificateAnnotation)), says: "made with a key"},
		"a certificate of no PEM":  {do: edit(set(certificateAnnotation, "x")), says: "made with a key"},
		"an empty certificate": {
			do: edit(set(certificateAnnotation, "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n")), says: "cannot be read",
		},
		"no entry in the log": {do: edit(without(logAnnotation)), says: "not enough verified log entries"},
		"an entry of no JSON": {do: edit(set(logAnnotation, "{")), says: "annotation " + logAnnotation},
		"an entry of nothing": {do: edit(set(logAnnotation, "{}")), says: "annotation " + logAnnotation},
		"an entry without a body": {
			do: edit(set(logAnnotation, `{"Payload":{"body":"e30="}}`)), says: "cannot be read",
		},
		"an entry that is huge": {
			do:   edit(set(logAnnotation, `{"Payload":{"body":"`+base64.StdEncoding.EncodeToString([]byte(`{"x":"`+strings.Repeat("x", 20<<10)+`"}`))+`"}}`)),
			says: "entries of the log",
		},
		"a timestamp of no JSON": {do: edit(set(timestampAnnotation, "{")), says: "annotation " + timestampAnnotation},
		"no timestamp without a log": {
			do: edit(without(timestampAnnotation)), opts: []sigstore.Option{sigstore.WithoutTransparencyLog()}, says: "threshold not met",
		},
		"more than are looked at": {do: func(w *world) []mutate.Addendum {
			layers := make([]mutate.Addendum, 102)
			for i := range layers {
				layers[i] = w.simple(without(certificateAnnotation))
			}
			layers[101] = w.simple(unchanged)
			return layers
		}, says: "and 98 more"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, true)
			w.attachSimple(tc.do(w)...)
			_, err := w.pull(w.instance.Root(), tc.opts...)
			if !errors.Is(err, leioci.ErrUntrusted) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, want %s", err, tc.says)
			}
			if asked := w.fetched(); len(asked) > 0 {
				t.Errorf("before that, it was asked for %v", asked)
			}
			w.attachSimple(append(tc.do(w)[:1], w.simple(unchanged))...)
			res, err := w.pull(w.instance.Root(), tc.opts...)
			must(t, err)
			if len(res.Signatures) != 1 || res.Signatures[0].Signer != workflow+" ("+issuer+")" || res.Signatures[0].Format != "simple signing" ||
				time.Since(res.Signatures[0].Time) > time.Hour {
				t.Errorf("signed: %+v", res.Signatures)
			}
		})
	}
}

func TestSimpleSigningNeedsNoMoreThanWhatItsInstanceHas(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(map[string]string)
		opts []sigstore.Option
	}{
		"the log states the time": {without(timestampAnnotation), nil},
		"a timestamp and no log":  {without(logAnnotation), []sigstore.Option{sigstore.WithoutTransparencyLog()}},
		"without SCT":             {unchanged, []sigstore.Option{sigstore.WithoutSCT()}},
	} {
		w := newWorld(t, false)
		w.attachSimple(w.simple(tc.edit))
		if _, err := w.pull(w.instance.Root(), tc.opts...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
