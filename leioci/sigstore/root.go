package sigstore

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	"github.com/sigstore/sigstore-go/pkg/verify"
)

// parseRoot reads a trusted root, which must have what is demanded. Otherwise nothing would ever be
// trusted, and each artifact would seem to be at fault.
func parseRoot(text []byte, d demands) (*root.TrustedRoot, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	trusted, err := root.NewTrustedRootFromJSON(text)
	if err != nil {
		return nil, err
	}
	switch {
	case len(trusted.FulcioCertificateAuthorities()) == 0:
		return nil, errors.New("it has no certificate authority")
	case d.log && len(trusted.RekorLogs()) == 0:
		return nil, errors.New("it has no transparency log, and WithoutTransparencyLog is not given")
	case d.sct && len(trusted.CTLogs()) == 0:
		return nil, errors.New("it has no certificate transparency log, and WithoutSCT is not given")
	case !d.log && len(trusted.TimestampingAuthorities()) == 0:
		return nil, errors.New("it has no timestamp authority, which WithoutTransparencyLog needs")
	}
	return trusted, nil
}

// checkLogs returns an error if an entry of a log does not count that counts for sigstore-go.
func checkLogs(entity verify.SignedEntity, trusted *root.TrustedRoot, times []verify.TimestampVerificationResult) error {
	entries, err := entity.TlogEntries()
	if err != nil {
		return err
	}
	for _, e := range entries {
		log, known := trusted.RekorLogs()[hex.EncodeToString([]byte(e.LogKeyID()))]
		if !known {
			continue
		}
		if err := errors.Join(checkPeriod(log, times), checkEntry(entity, e, trusted)); err != nil {
			return err
		}
	}
	return nil
}

// checkPeriod returns an error if the key of a log was not valid when a signature was made. sigstore-go
// checks that for the time that Rekor version 1 states, but not for the inclusion proofs of either
// version: with those, the key of a log that was retired could still vouch for an entry.
func checkPeriod(log *root.TransparencyLog, times []verify.TimestampVerificationResult) error {
	for _, at := range times {
		if !during(at.Timestamp, log.ValidityPeriodStart, log.ValidityPeriodEnd) {
			return fmt.Errorf("the key of the transparency log %s was not valid when it was signed, %s", log.BaseURL, date(at.Timestamp))
		}
	}
	return nil
}

// checkEntry returns an error if an entry of version 2 is about another signature. sigstore-go goes by
// the checkpoint to verify an inclusion proof, and by the entry's body to compare it with what is
// signed: a body of version 2 under a checkpoint of version 1 is compared with nothing.
func checkEntry(entity verify.SignedEntity, e *tlog.Entry, trusted *root.TrustedRoot) error {
	if !e.IsRekorV2() {
		return nil
	}
	signed, err := entity.SignatureContent()
	if err != nil {
		return err
	}
	by, err := entity.VerificationContent()
	if err != nil {
		return err
	}
	if !bytes.Equal(e.Signature(), signed.Signature()) || !by.CompareKey(e.PublicKey(), trusted) {
		return errors.New("the entry of the transparency log is of another signature")
	}
	return nil
}

// checkAuthorities returns an error if no certificate authority was valid when a certificate was
// issued, which says more than that the certificate's chain is not valid.
func checkAuthorities(certificate *x509.Certificate, trusted *root.TrustedRoot) error {
	for _, a := range trusted.FulcioCertificateAuthorities() {
		f, ok := a.(*root.FulcioCertificateAuthority)
		if !ok || during(certificate.NotBefore, f.ValidityPeriodStart, f.ValidityPeriodEnd) {
			return nil
		}
	}
	return fmt.Errorf("no certificate authority of the trusted root was valid when its certificate was issued, %s: is the file current?",
		date(certificate.NotBefore))
}

// during reports whether a time is in a period, of which both ends may be open.
func during(t, start, end time.Time) bool {
	return !t.Before(start) && (end.IsZero() || !t.After(end))
}

func date(t time.Time) string { return t.UTC().Format(time.RFC3339) }
