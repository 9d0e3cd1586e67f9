package sigstore_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/sigstore"
	"github.com/lowendinsight/lei-go/leioci/sigstore/sigstoretest"
)

// An attack makes something look trusted that is not.
type attack struct {
	// do returns what is attached to the snapshot.
	do func(w *world) [][]byte
	// root, if set, is the trusted root in place of the instance's.
	root func(w *world) []byte
	// good is a bundle that makes the same artifact trusted, according to the instance's own root. It is
	// attached beside the attack. Unless it is set, it is world.sign. If it returns nil, a good one is
	// attached to a new world, beside what would leave no room for it.
	good func(w *world) []byte
	opts []sigstore.Option
	says string
}

func by(subject, issuer string) func(w *world) [][]byte {
	return func(w *world) [][]byte { return [][]byte{must1(w.instance.Sign(subject, issuer, w.digest))(w.t)} }
}

func states(predicate string) func(w *world) [][]byte {
	return func(w *world) [][]byte {
		return [][]byte{must1(w.instance.SignStatement(workflow, issuer, sigstoretest.Statement(predicate, w.digest)))(w.t)}
	}
}

// changed is a good bundle after an edit.
func changed(edit func(object)) func(w *world) [][]byte {
	return func(w *world) [][]byte { return [][]byte{edited(w.t, w.sign(), edit)} }
}

// changedV2 is the same with an entry of Rekor version 2.
func changedV2(edit func(object)) func(w *world) [][]byte {
	return func(w *world) [][]byte { return [][]byte{edited(w.t, w.signV2(), edit)} }
}

func signed(w *world) [][]byte   { return [][]byte{w.sign()} }
func signedV2(w *world) [][]byte { return [][]byte{w.signV2()} }

func text(s string) func(*world) [][]byte {
	return func(*world) [][]byte { return [][]byte{[]byte(s)} }
}

// ended is a root in which the period of validity of each of a kind ended an hour ago.
func ended(kind string) func(w *world) []byte {
	return func(w *world) []byte {
		past := object{
			"start": time.Now().Add(-2 * time.Hour).UTC().Format(time.RFC3339),
			"end":   time.Now().Add(-time.Hour).UTC().Format(time.RFC3339),
		}
		return edited(w.t, w.instance.Root(), func(o object) {
			for _, one := range o[kind].([]any) {
				holder := one.(object)
				if key, ok := holder["publicKey"].(object); ok {
					holder = key
				}
				holder["validFor"] = past
			}
		})
	}
}

func withoutEntry(o object)     { delete(material(o), "tlogEntries") }
func withoutTimestamp(o object) { delete(material(o), "timestampVerificationData") }
func withoutPromise(o object)   { delete(entry(o), "inclusionPromise") }

// another is the digest of something else.
func another() v1.Hash { return v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("0a", 32)} }

func attacks() map[string]attack {
	v2 := []sigstore.Option{sigstore.WithoutSCT()}
	noLog := []sigstore.Option{sigstore.WithoutTransparencyLog()}
	return map[string]attack{
		"unsigned":               {do: func(*world) [][]byte { return nil }, says: "there is no signature"},
		"another issuer":         {do: by(workflow, "https://gitlab.example.org"), says: "(https://gitlab.example.org), who is not trusted"},
		"another subject":        {do: by("mallory@example.org", issuer), says: "by mallory@example.org"},
		"a subject that goes on": {do: by(workflow+"-2", issuer), says: "who is not trusted"},
		"an issuer that goes on": {do: by(workflow, issuer+".example.org"), says: "who is not trusted"},
		"a subject in capitals":  {do: by(strings.ToUpper(person), issuer), says: "who is not trusted"},
		"the workflow at another ref": {
			do: by(strings.Replace(workflow, "main", "x", 1), issuer), says: "refs/heads/x",
		},
		"the subject and the issuer of two identities of another instance": {do: func(w *world) [][]byte {
			other := must1(sigstoretest.New())(w.t)
			return [][]byte{must1(other.Sign(workflow, issuer, w.digest))(w.t)}
		}, says: "not valid"},
		"another digest": {do: func(w *world) [][]byte {
			return [][]byte{must1(w.instance.Sign(workflow, issuer, another()))(w.t)}
		}, says: "signature"},
		"an attestation": {do: states("https://cosign.sigstore.dev/attestation/v1"), says: "an attestation"},
		"an attestation of provenance": {
			do: states("https://slsa.dev/provenance/v1"), says: "an attestation (\"https://slsa.dev/provenance/v1\")",
		},
		"a predicate that only begins right": {do: states(sigstoretest.SignPredicate + "/x"), says: "an attestation"},
		"an empty predicate":                 {do: states(""), says: "an attestation"},
		"a statement of another version": {do: func(w *world) [][]byte {
			s := strings.Replace(string(sigstoretest.Statement(sigstoretest.SignPredicate, w.digest)), "Statement/v1", "Statement/v9", 1)
			return [][]byte{must1(w.instance.SignStatement(workflow, issuer, []byte(s)))(w.t)}
		}, says: "not version 1"},
		"the payload of another": {do: func(w *world) [][]byte {
			attestation := must1(w.instance.SignStatement(workflow, issuer, sigstoretest.Statement("x", w.digest)))(w.t)
			return [][]byte{edited(w.t, attestation, func(o object) {
				edited(w.t, w.sign(), func(good object) {
					o["dsseEnvelope"].(object)["payload"] = good["dsseEnvelope"].(object)["payload"]
				})
			})}
		}, says: "payload hash"},
		"the certificate of another": {do: func(w *world) [][]byte {
			mallory := must1(w.instance.Sign("mallory@example.org", issuer, w.digest))(w.t)
			return [][]byte{edited(w.t, mallory, func(o object) {
				edited(w.t, w.sign(), func(good object) { material(o)["certificate"] = material(good)["certificate"] })
			})}
		}, says: "certificate does not match"},

		"no entry in the log":         {do: changed(withoutEntry), says: "not enough verified log entries"},
		"no entry in a version 2 log": {do: changedV2(withoutEntry), good: (*world).signV2, opts: v2, says: "not enough verified log entries"},
		"the entry of another": {do: changed(func(o object) {
			entry(o)["canonicalizedBody"] = "e30=" // {}
		}), says: "cannot be read"},
		"the entry of another signature": {do: func(w *world) [][]byte {
			return [][]byte{edited(w.t, w.sign(), func(o object) {
				edited(w.t, w.sign(), func(other object) { material(o)["tlogEntries"] = material(other)["tlogEntries"] })
			})}
		}, says: "transparency log signature does not match"},
		"the entry of another signature, version 2": {do: func(w *world) [][]byte {
			return [][]byte{edited(w.t, w.signV2(), func(o object) {
				edited(w.t, w.signV2(), func(other object) { material(o)["tlogEntries"] = material(other)["tlogEntries"] })
			})}
		}, good: (*world).signV2, opts: v2, says: "log entry"},
		"the entry of another signature, version 2, in a tree of version 1": {do: func(w *world) [][]byte {
			return [][]byte{edited(w.t, w.signV2(), func(o object) {
				edited(w.t, w.signV2(), func(other object) {
					text := entry(other)["canonicalizedBody"].(string)
					proof := must1(w.instance.Prove(must1(base64.StdEncoding.DecodeString(text))(w.t)))(w.t)
					entry(o)["canonicalizedBody"], entry(o)["inclusionProof"] = text, json.RawMessage(proof)
				})
			})}
		}, good: (*world).signV2, opts: v2, says: "of another signature"},
		"the log of another instance": {do: func(w *world) [][]byte {
			other := must1(sigstoretest.New())(w.t)
			return [][]byte{edited(w.t, w.sign(), func(o object) {
				edited(w.t, must1(other.Sign(workflow, issuer, w.digest))(w.t), func(good object) {
					material(o)["tlogEntries"] = material(good)["tlogEntries"]
				})
			})}
		}, says: "not enough verified log entries"},
		"an integrated time that was changed": {do: changed(func(o object) { entry(o)["integratedTime"] = "1700000000" }), says: "log"},
		"no timestamp with version 2": {
			do: changedV2(withoutTimestamp), good: (*world).signV2, opts: v2, says: "threshold not met",
		},
		"a time that version 2 does not sign": {do: changedV2(func(o object) {
			withoutTimestamp(o)
			entry(o)["integratedTime"] = time.Now().Unix()
		}), good: (*world).signV2, opts: v2, says: "threshold not met"},
		"neither a promise nor a timestamp": {do: changed(func(o object) {
			withoutTimestamp(o)
			withoutPromise(o)
		}), says: "threshold not met"},
		"the timestamp of another signature": {do: func(w *world) [][]byte {
			return [][]byte{edited(w.t, w.signV2(), func(o object) {
				edited(w.t, w.signV2(), func(other object) {
					material(o)["timestampVerificationData"] = material(other)["timestampVerificationData"]
				})
			})}
		}, good: (*world).signV2, opts: v2, says: "threshold not met"},
		"no timestamp without a log": {do: changed(withoutTimestamp), opts: noLog, says: "threshold not met"},
		"no certificate timestamp":   {do: signedV2, says: "signed certificate timestamp"},

		"an authority that has ended": {
			do: signed, root: ended("certificateAuthorities"), says: "is the file current?",
		},
		"a log that has ended":                 {do: signed, root: ended("tlogs"), says: "log"},
		"a log that has ended, with its proof": {do: changed(withoutPromise), root: ended("tlogs"), says: "the key of the transparency log"},
		"a version 2 log that has ended": {
			do: signedV2, root: ended("tlogs"), good: (*world).signV2, opts: v2, says: "the key of the transparency log",
		},
		"a certificate log that has ended": {do: signed, root: ended("ctlogs"), says: "signed certificate timestamp"},
		"a timestamp authority that has ended": {
			do: signedV2, root: ended("timestampAuthorities"), good: (*world).signV2, opts: v2, says: "threshold not met",
		},
		"the root of another instance": {
			do: signed, root: func(w *world) []byte { return must1(sigstoretest.New())(w.t).Root() }, says: "not valid",
		},

		"no JSON":          {do: text("{"), says: "cannot be read"},
		"nothing":          {do: text("{}"), says: "cannot be read"},
		"null":             {do: text("null"), says: "cannot be read"},
		"an unknown field": {do: changed(func(o object) { o["x"] = 1 }), says: "cannot be read"},
		"version 0.4": {do: changed(func(o object) {
			o["mediaType"] = "application/vnd.dev.sigstore.bundle.v0.4+json"
		}), says: "cannot be read"},
		"no signature": {do: changed(func(o object) {
			o["dsseEnvelope"].(object)["signatures"] = []any{}
		}), says: "signature"},
		"two signatures": {do: changed(func(o object) {
			e := o["dsseEnvelope"].(object)
			e["signatures"] = append(e["signatures"].([]any), e["signatures"].([]any)...)
		}), says: "signature"},
		"an entry of the log that is huge": {do: changed(func(o object) {
			entry(o)["canonicalizedBody"] = base64.StdEncoding.EncodeToString(make([]byte, 20<<10))
		}), says: "entries of the log"},
		"a timestamp that is huge": {do: changed(func(o object) {
			stamp := object{"signedTimestamp": base64.StdEncoding.EncodeToString(make([]byte, 20<<10))}
			material(o)["timestampVerificationData"] = object{"rfc3161Timestamps": []any{stamp}}
		}), says: "timestamps: larger"},
		"another payload type": {do: changed(func(o object) {
			o["dsseEnvelope"].(object)["payloadType"] = "application/json"
		}), says: "signature"},
		"a key in place of the certificate": {do: changed(func(o object) {
			delete(material(o), "certificate")
			material(o)["publicKey"] = object{"hint": "x"}
		}), says: "made with a key"},
		"a certificate that is none": {do: changed(func(o object) {
			material(o)["certificate"] = object{"rawBytes": "e30="}
		}), says: "cannot be read"},
		"a signature of the manifest as a file": {do: func(w *world) [][]byte {
			return [][]byte{must1(w.instance.SignFile(workflow, issuer, w.manifest))(w.t)}
		}, opts: noLog, says: "it signs a file, not an artifact"},
		"an issuer that breaks the line": {do: by(workflow, "x), trusted\nverified ("), says: "(x), trusted verified (), who is not"},
		"a huge bundle": {do: func(w *world) [][]byte {
			return [][]byte{append(w.sign(), strings.Repeat(" ", 300<<10)...)}
		}, says: "limit"},
		"more than are looked into": {do: func(*world) [][]byte {
			bundles := make([][]byte, 101)
			for i := range bundles {
				bundles[i] = fmt.Appendf(nil, `{"n":%d}`, i)
			}
			return bundles
		}, good: func(*world) []byte { return nil }, says: "and 98 more"},
	}
}

func TestWhatNoTrustedIdentityHasSignedIsRefusedBeforeItIsFetched(t *testing.T) {
	for name, a := range attacks() {
		for _, api := range []bool{true, false} {
			t.Run(map[bool]string{true: "referrers API, ", false: "referrers tag, "}[api]+name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, api)
				w.attach(a.do(w)...)
				root := w.instance.Root()
				if a.root != nil {
					root = a.root(w)
				}
				_, err := w.pull(root, a.opts...)
				if !errors.Is(err, leioci.ErrUntrusted) {
					t.Fatalf("got %v", err)
				}
				if !strings.Contains(err.Error(), a.says) || strings.Contains(err.Error(), "\n") {
					t.Errorf("it does not say %q: %v", a.says, err)
				}
				if asked := w.fetched(); len(asked) > 0 {
					t.Errorf("before that, it was asked for %v", asked)
				}
				good := w.sign
				if a.good != nil {
					good = func() []byte { return a.good(w) }
				}
				if b := good(); b != nil {
					w.attach(b)
				} else {
					w = newWorld(t, api)
					w.attach(append(a.do(w)[:99], w.sign())...)
				}
				res, err := w.pull(w.instance.Root(), a.opts...)
				must(t, err)
				if len(res.Signatures) != 1 || !strings.HasSuffix(res.Signatures[0].Signer, "("+issuer+")") {
					t.Errorf("signed: %v", res.Signatures)
				}
			})
		}
	}
}
