package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/lowendinsight/lei-go/leioci/internal/jsonstream"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// readSBOM adds the repositories in a CycloneDX SBOM in JSON: those of all components, nested ones
// included, and of the component that the SBOM describes. A component's are its external references
// of type vcs or, if there are none, that in its package URL. A component without either is added as
// one that has none. What the SBOM describes is not, because few SBOMs say where it is from.
func (s *subjects) readSBOM(r io.Reader, file string) error {
	lines := &lineReader{r: bufio.NewReader(r)}
	b := &sbom{json: jsonstream.NewReader(lines), lines: lines, into: s, file: file}
	err := b.document()
	switch {
	case err == nil:
		return nil
	case lines.err != nil && lines.err != io.EOF:
		return lines.err
	case lines.first == '<':
		err = errors.New("this is XML")
	case errors.Is(err, jsonstream.ErrTooLong):
		err = fmt.Errorf("a name of more than %d bytes", maxSubjectBytes)
	}
	return fmt.Errorf("not a CycloneDX SBOM in JSON that can be read: line %d: %w", max(lines.n, 1), err)
}

// An sbom is one that is being read, in a stream.
type sbom struct {
	json  *jsonstream.Reader
	lines *lineReader
	into  *subjects
	file  string
}

func (b *sbom) document() error {
	given := ""
	err := b.json.Object(func(member []byte) (err error) {
		switch string(member) {
		case "bomFormat":
			given, err = b.json.String(maxSubjectBytes)
			return err
		case "components":
			return b.components()
		case "metadata":
			return b.metadata()
		}
		return b.json.Skip()
	})
	if err == nil {
		err = b.json.End()
	}
	if err == nil && given != "CycloneDX" {
		err = fmt.Errorf("bomFormat is %.40q", given)
	}
	return err
}

func (b *sbom) metadata() error {
	return b.object(func(member []byte) error {
		if string(member) == "component" {
			return b.component(false)
		}
		return b.json.Skip()
	})
}

func (b *sbom) components() error {
	return b.array(func() error { return b.component(true) })
}

// component reads a component. All that it is given count, because other readers of JSON may take
// either of two lists of one name.
func (b *sbom) component(needed bool) error {
	var name, version string
	var purl string
	found, line := false, b.lines.n
	err := b.object(func(member []byte) (err error) {
		switch string(member) {
		case "name":
			line = b.lines.n
			name, err = b.text()
			return err
		case "version":
			version, err = b.text()
			return err
		case "purl":
			return b.once(&purl, "purl", b.text)
		case "externalReferences":
			return b.array(func() error {
				vcs, err := b.reference()
				found = found || vcs
				return err
			})
		case "components":
			return b.components()
		}
		return b.json.Skip()
	})
	if err != nil || found {
		return err
	}
	if strings.HasPrefix(snapshot.CanonicalRepo(purl), "https://") {
		return b.into.add(purl, b.file, line)
	}
	if !needed {
		return nil
	}
	label := name
	switch {
	case purl != "":
		label = purl
	case version != "":
		label += "@" + version
	}
	return b.into.addComponent(cmp.Or(label, "a component without a name"), b.file, line)
}

// reference reads an external reference, and reports whether it names a repository.
func (b *sbom) reference() (found bool, err error) {
	var vcs bool
	var url string
	line := b.lines.n
	err = b.object(func(member []byte) error {
		switch string(member) {
		case "type":
			kind, err := b.prefix()
			vcs = vcs || kind == "vcs"
			return err
		case "url":
			err := b.once(&url, "url", b.prefix)
			line = b.lines.n
			return err
		}
		return b.json.Skip()
	})
	if err != nil || !vcs || strings.TrimSpace(url) == "" {
		return false, err
	}
	return true, b.into.add(url, b.file, line)
}

// prefix reads a string of which only the beginning matters if it is long: the URL of another type
// may hold a whole file.
func (b *sbom) prefix() (string, error) {
	text, err := b.text()
	if errors.Is(err, jsonstream.ErrTooLong) {
		return strings.Repeat("?", maxSubjectBytes+1), nil
	}
	return text, err
}

// once reads a string that may be given once.
func (b *sbom) once(into *string, name string, read func() (string, error)) error {
	if *into != "" {
		return fmt.Errorf("%s is given twice", name)
	}
	text, err := read()
	*into = text
	return err
}

// text reads a string or null.
func (b *sbom) text() (string, error) {
	if null, err := b.json.Null(); null || err != nil {
		return "", err
	}
	return b.json.String(maxSubjectBytes)
}

// object reads an object or null.
func (b *sbom) object(member func(name []byte) error) error {
	if null, err := b.json.Null(); null || err != nil {
		return err
	}
	return b.json.Object(member)
}

// array reads an array or null.
func (b *sbom) array(element func() error) error {
	if null, err := b.json.Null(); null || err != nil {
		return err
	}
	return b.json.Array(element)
}
