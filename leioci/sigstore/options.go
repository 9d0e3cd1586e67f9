package sigstore

import "fmt"

// An Option says what an instance of Sigstore does not have. Without one, a [Verifier] asks for what
// the public instance has.
type Option func(*demands)

// demands are what is asked for besides an identity.
type demands struct {
	log bool // an entry in a transparency log
	sct bool // a signed certificate timestamp
}

// String is part of a policy's ID.
func (d demands) String() string { return fmt.Sprintf("transparency log: %v, SCT: %v", d.log, d.sct) }

// WithoutTransparencyLog is for a private instance that has no transparency log. The time of a
// signature must then be stated by a timestamp authority (RFC 3161): an entry in a log is not looked
// at, and neither is its time.
func WithoutTransparencyLog() Option { return func(d *demands) { d.log = false } }

// WithoutSCT is for a private instance that has no certificate transparency log: certificates need no
// signed certificate timestamp (RFC 6962).
func WithoutSCT() Option { return func(d *demands) { d.sct = false } }
