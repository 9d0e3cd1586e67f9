package leioci

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lowendinsight/lei-go/leioci/internal/artifact"
	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// A PackageOption changes what [Package] and [PackageSnapshot] write about a snapshot, or accept.
type PackageOption func(*packaging) error

// packaging is what the options say.
type packaging struct {
	created     time.Time
	leiVersion  string
	annotations map[string]string
	validity    artifact.Validity
	allowFuture bool
}

// newPackaging applies the options to what a snapshot says of itself.
func newPackaging(meta snapshot.Metadata, opts []PackageOption) (*packaging, error) {
	if err := checkVersion(meta.LEIVersion); err != nil {
		return nil, fmt.Errorf("%w: lei_version in %s: %w", ErrNotSnapshot, snapshot.ManifestFile, err)
	}
	p := &packaging{created: meta.Created, leiVersion: meta.LEIVersion, annotations: map[string]string{}}
	for i, opt := range opts {
		if opt == nil {
			return nil, fmt.Errorf("option %d is nil", i+1)
		}
		if err := opt(p); err != nil {
			return nil, err
		}
	}
	return p, p.checkValidity()
}

// Created sets the artifact's time of creation. The default is the snapshot's own, so that the same
// directory always has the same digest. The zero time is refused, and so is a year that RFC 3339
// cannot write: before 0 or after 9999, in UTC.
func Created(t time.Time) PackageOption {
	return func(p *packaging) error {
		if t.IsZero() {
			return errors.New("created: no time")
		}
		if year := t.UTC().Year(); year < 0 || year > 9999 {
			return fmt.Errorf("created: year %d, want 0 to 9999", year)
		}
		p.created = t
		return nil
	}
}

// LEIVersion sets the version of LowEndInsight that the config names. The default is the snapshot's
// own. It is at most 256 bytes of UTF-8 without control characters.
func LEIVersion(v string) PackageOption {
	return func(p *packaging) error {
		if err := checkVersion(v); err != nil {
			return fmt.Errorf("LEI version: %w", err)
		}
		p.leiVersion = v
		return nil
	}
}

// checkVersion refuses what is no version, and could do harm where it is printed.
func checkVersion(v string) error {
	const most = 256
	switch {
	case len(v) > most:
		return fmt.Errorf("%d bytes, want at most %d", len(v), most)
	case !utf8.ValidString(v):
		return errors.New("not UTF-8")
	case strings.ContainsFunc(v, unicode.IsControl):
		return fmt.Errorf("%q has a control character", v)
	}
	return nil
}

// Annotations adds annotations to the manifest, such as org.opencontainers.image.vendor. They
// replace those of the same name that [Package] writes. Keys must not be empty, and keys and values
// must be UTF-8.
func Annotations(a map[string]string) PackageOption {
	return func(p *packaging) error {
		for key, value := range a {
			if key == "" {
				return errors.New("annotations: a key is empty")
			}
			if !utf8.ValidString(key) || !utf8.ValidString(value) {
				return fmt.Errorf("annotation %.100q is not UTF-8", key)
			}
		}
		maps.Copy(p.annotations, a)
		return nil
	}
}

// PackageFuture packages a snapshot even if its date is later than tomorrow ([ErrFuture]).
func PackageFuture() PackageOption {
	return func(p *packaging) error {
		p.allowFuture = true
		return nil
	}
}

// refuseFuture refuses a date later than tomorrow.
func (p *packaging) refuseFuture(date time.Time) error {
	if p.allowFuture || !artifact.IsFuture(date) {
		return nil
	}
	return fmt.Errorf("%w: %s; no earlier one could become latest after it; check the clocks, or allow it with %w",
		ErrFuture, date.Format(time.DateOnly), errdef.PackageFuture)
}
