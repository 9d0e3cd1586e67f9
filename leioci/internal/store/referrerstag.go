package store

import v1 "github.com/google/go-containerregistry/pkg/v1"

// ReferrersTag returns the tag of the index that lists the referrers of a manifest, in places that
// have no other way to tell them (OCI distribution specification, "Referrers Tag Schema").
func ReferrersTag(subject v1.Hash) string {
	const mostAlgorithm, mostEncoded = 32, 64
	return subject.Algorithm[:min(len(subject.Algorithm), mostAlgorithm)] + "-" + subject.Hex[:min(len(subject.Hex), mostEncoded)]
}
