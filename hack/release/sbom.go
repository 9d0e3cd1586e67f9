package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"path"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/common"
	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"
)

// license is this project's, as an SPDX expression.
const license = "Apache-2.0"

// writeSBOMs writes an SPDX 2.3 document for each build: platforms differ in what they are made of.
func (r release) writeSBOMs() error {
	for _, b := range r.builds {
		var text bytes.Buffer
		if err := spdxjson.Write(r.sbom(b), &text, spdxjson.Indent("  ")); err != nil {
			return err
		}
		if err := r.write(b.name()+".spdx.json", text.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// sbom describes a binary, the modules that are compiled into it, and Go's standard library.
func (r release) sbom(b build) *spdx.Document {
	digest := fmt.Sprintf("%x", sha256.Sum256(b.binary))
	program := modulePackage(&b.info.Main)
	program.PackageFileName = path.Join(b.name(), b.program())
	program.PackageChecksums = []common.Checksum{{Algorithm: common.SHA256, Value: digest}}
	program.PackageLicenseConcluded, program.PackageLicenseDeclared = license, license
	program.PackageSourceInfo = "git commit " + setting(b.info, "vcs.revision")
	program.PrimaryPackagePurpose = "APPLICATION"

	doc := &spdx.Document{
		SPDXVersion:    spdx.Version,
		DataLicense:    spdx.DataLicense,
		SPDXIdentifier: "DOCUMENT",
		DocumentName:   b.name(),
		// Unique, as SPDX wants it, and the same for the same binary.
		DocumentNamespace: "https://" + b.info.Main.Path + "/spdx/" + b.name() + "-" + digest,
		CreationInfo: &spdx.CreationInfo{
			Creators: []common.Creator{{CreatorType: "Tool", Creator: "lei-go-hack-release"}},
			Created:  r.created.Format(time.RFC3339),
		},
		Packages:      []*spdx.Package{program},
		Relationships: []*spdx.Relationship{relationship("DOCUMENT", "DESCRIBES", program.PackageSPDXIdentifier)},
	}
	std := &debug.Module{Path: "std", Version: strings.TrimPrefix(b.info.GoVersion, "go")}
	for _, m := range append([]*debug.Module{std}, b.info.Deps...) {
		p := modulePackage(m)
		doc.Packages = append(doc.Packages, p)
		doc.Relationships = append(doc.Relationships, relationship(program.PackageSPDXIdentifier, "DEPENDS_ON", p.PackageSPDXIdentifier))
	}
	return doc
}

func modulePackage(m *debug.Module) *spdx.Package {
	p := &spdx.Package{
		PackageName:               m.Path,
		PackageSPDXIdentifier:     elementID(m),
		PackageVersion:            m.Version,
		PackageDownloadLocation:   "NOASSERTION",
		PackageLicenseConcluded:   "NOASSERTION",
		PackageLicenseDeclared:    "NOASSERTION",
		PackageCopyrightText:      "NOASSERTION",
		IsFilesAnalyzedTagPresent: true,
		PrimaryPackagePurpose:     "LIBRARY",
		PackageExternalReferences: []*spdx.PackageExternalReference{{
			Category: common.CategoryPackageManager, RefType: common.TypePackageManagerPURL,
			Locator: "pkg:golang/" + m.Path + "@" + strings.ReplaceAll(m.Version, "+", "%2B"),
		}},
	}
	if m.Sum != "" {
		p.PackageComment = "go.sum: " + m.Sum
	}
	return p
}

var notInIDs = regexp.MustCompile(`[^A-Za-z0-9.-]`)

// elementID is the identifier of a module's package in a document.
func elementID(m *debug.Module) common.ElementID {
	return common.ElementID("Package-" + notInIDs.ReplaceAllString(m.Path+"-"+m.Version, "-"))
}

func relationship(a common.ElementID, kind string, b common.ElementID) *spdx.Relationship {
	return &spdx.Relationship{
		RefA:         common.DocElementID{ElementRefID: a},
		RefB:         common.DocElementID{ElementRefID: b},
		Relationship: kind,
	}
}
