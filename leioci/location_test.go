package leioci_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/lowendinsight/lei-go/leioci"
)

const someDigest = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

func TestALocationIsARegistryALayoutOrAnArchive(t *testing.T) {
	for text, want := range map[string]struct{ repo, path, id, str string }{
		"ghcr.io/org/lei":                           {"ghcr.io/org/lei", "", "", "ghcr.io/org/lei"},
		"oci://ghcr.io/org/lei:weekly":              {"ghcr.io/org/lei", "", "weekly", "ghcr.io/org/lei:weekly"},
		"OCI://ghcr.io/org/lei@" + someDigest:       {"ghcr.io/org/lei", "", someDigest, "ghcr.io/org/lei@" + someDigest},
		"ghcr.io/org/lei:old@" + someDigest:         {"ghcr.io/org/lei", "", someDigest, "ghcr.io/org/lei@" + someDigest},
		"localhost:5000/lei:1":                      {"localhost:5000/lei", "", "1", "localhost:5000/lei:1"},
		"oci:5000/lei":                              {"oci:5000/lei", "", "", "oci:5000/lei"},
		"dir:5000/lei:x":                            {"dir:5000/lei", "", "x", "dir:5000/lei:x"},
		"ghcr.io/org/lei.tar":                       {"ghcr.io/org/lei.tar", "", "", "ghcr.io/org/lei.tar"},
		"oci://out/lei.tar":                         {"out/lei.tar", "", "", "oci://out/lei.tar"},
		"oci-layout:lei":                            {"", "lei", "", "oci-layout:lei"},
		"OCI-Layout:./a/b:latest":                   {"", "./a/b", "latest", "oci-layout:./a/b:latest"},
		"oci-layout:/srv/lei@" + someDigest:         {"", "/srv/lei", someDigest, "oci-layout:/srv/lei@" + someDigest},
		"oci-layout:/srv/lei:1@" + someDigest:       {"", "/srv/lei", someDigest, "oci-layout:/srv/lei@" + someDigest},
		"oci-layout:/srv/a:b/c":                     {"", "/srv/a:b/c", "", "oci-layout:/srv/a:b/c"},
		"oci-layout:/srv/a:b/":                      {"", "/srv/a:b/", "", "oci-layout:/srv/a:b/"},
		"oci-layout:/home/me@work/lei:weekly":       {"", "/home/me@work/lei", "weekly", "oci-layout:/home/me@work/lei:weekly"},
		`oci-layout:C:\lei`:                         {"", `C:\lei`, "", `oci-layout:C:\lei`},
		`oci-layout:C:/lei:weekly`:                  {"", `C:/lei`, "weekly", `oci-layout:C:/lei:weekly`},
		`oci-archive:C:\lei\x.tar:2026-02-08`:       {"", `C:\lei\x.tar`, "2026-02-08", `oci-archive:C:\lei\x.tar:2026-02-08`},
		"oci-archive:lei.tar":                       {"", "lei.tar", "", "oci-archive:lei.tar"},
		"oci-archive:a dir/lei.tar@" + someDigest:   {"", "a dir/lei.tar", someDigest, "oci-archive:a dir/lei.tar@" + someDigest},
		"oci-archive:lei.tar:2026-02-08":            {"", "lei.tar", "2026-02-08", "oci-archive:lei.tar:2026-02-08"},
		"oci-layout:oci-layout:x":                   {"", "oci-layout", "x", "oci-layout:oci-layout:x"},
		"oci-layout:/srv/ünïcode":                   {"", "/srv/ünïcode", "", "oci-layout:/srv/ünïcode"},
		"oci-layout:me@shared:1":                    {"", "me@shared", "1", "oci-layout:me@shared:1"},
		"oci-layout:sha256":                         {"", "sha256", "", "oci-layout:sha256"},
		"oci-layout:.":                              {"", ".", "", "oci-layout:."},
		"registry.example.com:5000/a/b:v1.0-x_y.z":  {"registry.example.com:5000/a/b", "", "v1.0-x_y.z", "registry.example.com:5000/a/b:v1.0-x_y.z"},
		"oci-layout:x@" + strings.ToUpper("notsha"): {"", "x@NOTSHA", "", "oci-layout:x@NOTSHA"},
	} {
		l, err := leioci.ParseLocation(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		repo, isRegistry := l.Repository()
		if isRegistry != (want.repo != "") || isRegistry && repo.String() != want.repo {
			t.Errorf("%s: repository %v, %v", text, repo, isRegistry)
		}
		if l.Path() != want.path || l.Identifier() != want.id || l.String() != want.str {
			t.Errorf("%s: path %q, identifier %q, string %q", text, l.Path(), l.Identifier(), l)
		}
		again, err := leioci.ParseLocation(l.String())
		if err != nil || again != l {
			t.Errorf("%s: its String is read as %v, %v", text, again, err)
		}
		for _, other := range []leioci.Location{l.Place(), l.At("v1"), l.At(someDigest)} {
			if again, err := leioci.ParseLocation(other.String()); err != nil || again != other {
				t.Errorf("%s: %s is read as %v, %v", text, other, again, err)
			}
		}
	}
}

func TestTheErrorForAWrongLocationSaysWhatToWrite(t *testing.T) {
	for text, wants := range map[string][]string{
		"oci:./lei":                       {`"oci-layout:./lei"`},
		"oci:lei:latest":                  {`"oci-layout:lei:latest"`},
		"oci:ghcr.io/org/lei":             {`"oci-layout:ghcr.io/org/lei"`, `"oci://ghcr.io/org/lei"`},
		"OCI:lei.tar":                     {`"oci-archive:lei.tar"`},
		"ocidir://lei":                    {`"oci-layout:lei"`},
		"layout:lei":                      {`"oci-layout:lei"`},
		"dir:lei":                         {`"oci-layout:lei"`, "another"},
		"docker-archive:lei.tar":          {`"oci-archive:lei.tar"`, "docker save"},
		"docker-archive:lei.tar:org/x:1":  {`"oci-archive:lei.tar:org/x:1"`},
		"docker://ghcr.io/org/lei":        {`"ghcr.io/org/lei"`},
		"https://ghcr.io/org/lei":         {`"ghcr.io/org/lei"`},
		"docker-daemon:org/lei:1":         {"oci-archive:FILE"},
		"containers-storage:org/lei":      {"oci-archive:FILE"},
		"file:///srv/lei.tar":             {`"oci-archive:/srv/lei.tar"`},
		"file:///srv/lei":                 {`"oci-layout:/srv/lei"`},
		"./lei":                           {`"oci-layout:./lei"`, `"oci-archive:./lei"`},
		"../lei.tar":                      {`"oci-archive:../lei.tar"`},
		"/srv/lei":                        {`"oci-layout:/srv/lei"`},
		"~/lei":                           {`"oci-layout:~/lei"`},
		".":                               {`"oci-layout:."`},
		"lei.tar":                         {`"oci-archive:lei.tar"`},
		"lei-2026.02.08.tar":              {`"oci-archive:lei-2026.02.08.tar"`},
		"out/lei.tar":                     {`"oci-archive:out/lei.tar"`},
		`C:\lei`:                          {`"oci-layout:C:\lei"`},
		`c:/lei.tar`:                      {`"oci-archive:c:/lei.tar"`},
		`.\lei`:                           {`"oci-layout:.\lei"`},
		"oci-layout:":                     {"no path"},
		"oci-archive::latest":             {"no path"},
		"oci-layout:lei:":                 {"invalid tag"},
		"oci-layout:lei:a b":              {"invalid tag"},
		"oci-layout:lei:.x@" + someDigest: {"invalid tag"},
		"oci-layout:lei@sha256:12":        {"invalid digest"},
		"oci-layout:lei@SHA256:12":        {"invalid digest"},
		"oci-layout://lei":                {`"oci-layout:/lei"`},
		"oci-archive:///srv/x.tar":        {`"oci-archive:/srv/x.tar"`},
		"oci-layout:https://ghcr.io/x":    {"ghcr.io/x"},
		"oci-layout:a\x00b":               {"no path"},
		"oci-layout:-":                    {"oci-layout:./- for one with this name"},
		"oci-archive:-":                   {"standard output", "oci-archive:./- for one with this name"},
		"oci-archive:-:latest":            {"standard input"},
		"oci-layout:a:b:c":                {"two colons", "slash"},
		"oci-layout:a@" + someDigest + "@" + someDigest: {"rename"},
		"oci-archive:lei-10:30:00.tar":                  {"two colons", "rename"},
		"oci-layout:lei:" + someDigest:                  {"two colons", "@"},
		"lei":                                           {"oci-layout:DIR", "registry/repository"},
		"":                                              {"oci-layout:DIR"},
		"ghcr.io/Org/lei":                               {"invalid repository"},
	} {
		l, err := leioci.ParseLocation(text)
		if !errors.Is(err, leioci.ErrInvalidReference) {
			t.Errorf("%s: read as %q, %v", text, l, err)
			continue
		}
		for _, want := range wants {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: want %s in: %v", text, want, err)
			}
		}
		if len(err.Error()) > 300 {
			t.Errorf("%s: %d characters: %v", text, len(err.Error()), err)
		}
	}
}

func TestTheErrorForALocationShowsNoPassword(t *testing.T) {
	for _, text := range []string{
		"docker://me:secret@ghcr.io/org/lei", "https://me:secret@ghcr.io/org/lei", "oci:me:secret@ghcr.io/org/lei",
		"oci-layout:https://me:secret@ghcr.io/org/lei", "file://me:secret@host/x", "me:secret@ghcr.io/org/lei",
		"oci-layout://me:secret@host/x",
	} {
		if _, err := leioci.ParseLocation(text); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestALocationOfAReferenceIsWhatTheReferenceNames(t *testing.T) {
	for _, text := range []string{"ghcr.io/org/lei:weekly", "ghcr.io/org/lei@" + someDigest} {
		ref, err := leioci.ParseReference(text)
		if err != nil {
			t.Fatal(err)
		}
		if l := leioci.RegistryLocation(ref); l.String() != text || l.Identifier() != ref.Identifier() {
			t.Errorf("%s: got %s", text, l)
		}
	}
	for _, none := range []name.Reference{nil, (*name.Tag)(nil)} {
		if l := leioci.RegistryLocation(none); l != (leioci.Location{}) || l.String() != "" {
			t.Errorf("got %q", l)
		}
	}
}

func FuzzALocationIsReadAsItIsWritten(f *testing.F) {
	for _, s := range []string{"ghcr.io/a/b:c", "oci-layout:a:b", "oci-archive:a@" + someDigest, `C:\x`, "oci:x", "oci-layout:a:b/:c", "docker://a/b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := leioci.ParseLocation(s)
		if err != nil {
			if !errors.Is(err, leioci.ErrInvalidReference) {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		again, err := leioci.ParseLocation(l.String())
		if err != nil || again.String() != l.String() || again.Path() != l.Path() || again.Identifier() != l.Identifier() {
			t.Errorf("%q is %q, and that is %q: %v", s, l, again, err)
		}
	})
}
