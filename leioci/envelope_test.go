package leioci_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci"
)

// alsoBy adds another's signature to the envelope in a bundle.
func alsoBy(b blob, other signer) blob {
	other.t.Helper()
	var bundle, envelope map[string]json.RawMessage
	var payloadType string
	var payload []byte
	var signatures []map[string]string
	must(other.t, json.Unmarshal(b.content, &bundle))
	must(other.t, json.Unmarshal(bundle["dsseEnvelope"], &envelope))
	must(other.t, json.Unmarshal(envelope["payloadType"], &payloadType))
	must(other.t, json.Unmarshal(envelope["payload"], &payload))
	must(other.t, json.Unmarshal(envelope["signatures"], &signatures))
	message := fmt.Sprintf("DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload)
	signatures = append(signatures, map[string]string{"sig": other.sign([]byte(message))})
	var err error
	envelope["signatures"], err = json.Marshal(signatures)
	must(other.t, err)
	bundle["dsseEnvelope"], err = json.Marshal(envelope)
	must(other.t, err)
	b.content, err = json.Marshal(bundle)
	must(other.t, err)
	return b
}

func TestAnEnvelopeThatSeveralHaveSignedCountsForEach(t *testing.T) {
	one, two, three := newSigner(t), newSigner(t), newSigner(t)
	w := newSignedWorld(t, packageSample(t), true)
	w.refer(bundleType, alsoBy(one.bundle(w.digest), two))
	pull := func(v leioci.Verifier, err error) (*leioci.PullResult, error) {
		must(t, err)
		return newClient(t).PullSnapshot(t.Context(), w.repo.Tag("latest"), filepath.Join(t.TempDir(), "lei"), leioci.WithVerifier(v))
	}
	for _, pem := range [][]byte{one.pem(), two.pem()} {
		_, err := pull(leioci.VerifyKey(pem))
		trusts(t, "one of them", err, true)
	}
	res, err := pull(leioci.VerifyAllKeys(one.pem(), two.pem()))
	must(t, err)
	if len(res.Signatures) != 2 || res.Signatures[0].Signer == res.Signatures[1].Signer {
		t.Errorf("signed: %v", res.Signatures)
	}
	_, err = pull(leioci.VerifyAllKeys(one.pem(), two.pem(), three.pem()))
	trusts(t, "one who has not", err, false)
	if err != nil && strings.Contains(err.Error(), "no signature") {
		t.Errorf("two have signed it: %v", err)
	}
}
