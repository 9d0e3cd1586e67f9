package ociarchive

import (
	"archive/tar"
	"bytes"
	"encoding/hex"
	"strconv"
	"testing"
)

// A file is an entry of a tar archive.
type tarEntry struct {
	tar.Header
	content string
}

func entryOf(name, content string) tarEntry {
	return tarEntry{tar.Header{Name: name, Typeflag: tar.TypeReg, Size: int64(len(content)), Mode: 0o644}, content}
}

func (e tarEntry) as(change func(*tar.Header)) tarEntry {
	change(&e.Header)
	return e
}

// tarOf returns a tar archive of these entries.
func tarOf(t testing.TB, entries ...tarEntry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		if err := w.WriteHeader(&e.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func sizeOf(b []byte) string { return strconv.Itoa(len(b)) }

func hexOf(b []byte) string { return hex.EncodeToString(b) }
