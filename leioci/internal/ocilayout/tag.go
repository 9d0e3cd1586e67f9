package ocilayout

import (
	"fmt"
	"strings"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// The annotations of an entry of index.json that name it.
const (
	refName        = "org.opencontainers.image.ref.name"
	containerdName = "io.containerd.image.name" // a full reference, which containerd and docker write
)

// tagOf returns the tag that annotations give an entry, or "".
func tagOf(annotations map[string]string) string {
	if tag := tagIn(annotations[refName]); tag != "" {
		return tag
	}
	return tagIn(annotations[containerdName])
}

// tagIn returns the tag that a name is, or that a full reference has. The specification asks for
// the tag alone; podman and others write the reference.
func tagIn(name string) string {
	if validTag(name) {
		return name
	}
	name, _, _ = strings.Cut(name, "@")
	slash := strings.LastIndexByte(name, '/')
	if colon := strings.LastIndexByte(name, ':'); colon > slash+1 && validTag(name[colon+1:]) {
		return name[colon+1:]
	}
	return ""
}

// validTag reports whether a tag is valid by the OCI distribution specification.
func validTag(tag string) bool {
	const word = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
	return tag != "" && len(tag) <= 128 && strings.IndexByte(word, tag[0]) >= 0 && strings.Trim(tag, word+".-") == ""
}

func checkTag(tag string) error {
	if !validTag(tag) {
		return fmt.Errorf("%w: %.200q is no tag", errdef.ErrInvalidReference, tag)
	}
	return nil
}

// attached reports whether a tag is one of those that name what belongs to another artifact: an
// index of referrers, or cosign's signatures, attestations and bills of materials.
func attached(tag string) bool {
	algorithm, rest, _ := strings.Cut(tag, "-")
	hex, _, _ := strings.Cut(rest, ".")
	return (algorithm == "sha256" || algorithm == "sha512") && len(hex) >= 64 && strings.Trim(hex, "0123456789abcdef") == ""
}
