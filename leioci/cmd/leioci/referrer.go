package main

import (
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// A referrer is a manifest that says something about another one.
type referrer struct {
	descriptorJSON
	Kind string `json:"kind"`          // signature, attestation, sbom, or other
	Tag  string `json:"tag,omitempty"` // under which it was found, if that tells
}

// cosignKind returns the kind of what cosign tags with a suffix.
func cosignKind(suffix string) string {
	return map[string]string{"sig": "signature", "att": "attestation", "sbom": "sbom"}[suffix]
}

// referrerKind tells what a referrer is by its artifact type.
func referrerKind(d v1.Descriptor) string {
	t := strings.ToLower(d.ArtifactType)
	has := func(parts ...string) bool {
		for _, part := range parts {
			if strings.Contains(t, part) {
				return true
			}
		}
		return false
	}
	switch {
	case has("spdx", "cyclonedx", "syft", "sbom"):
		return "sbom"
	case has("in-toto", "attestation", "slsa", "openvex", "artifact.att"):
		return "attestation"
	case has("signature", "artifact.sig", "cosign.simplesigning", "sigstore.bundle"):
		return "signature"
	}
	return "other"
}
