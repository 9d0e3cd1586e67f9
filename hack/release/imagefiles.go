package main

import (
	"io/fs"
	"path"
	"slices"
)

// nonRoot is the user of the image, by the number that images without a system commonly use.
const nonRoot = 65532

// imageFiles are the files of the image. Some commands need a directory for temporary files, and
// credentials are looked for in the home directory.
func (r release) imageFiles(b build) []file {
	files := []file{
		{path: "etc/passwd", mode: 0o644, content: []byte("root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n")},
		{path: "etc/group", mode: 0o644, content: []byte("root:x:0:\nnonroot:x:65532:\n")},
		{path: "etc/ssl/certs/ca-certificates.crt", mode: 0o644, content: roots()},
		{path: "home/nonroot/", mode: 0o700, owner: nonRoot},
		{path: "tmp/", mode: 0o777 | fs.ModeSticky},
		{path: "usr/bin/leioci", mode: 0o755, content: b.binary},
	}
	for _, f := range r.extra {
		if slices.Contains([]string{"LICENSE", noticesFile}, f.path) {
			f.path = path.Join("usr/share/doc/leioci", f.path)
			files = append(files, f)
		}
	}
	return files
}
