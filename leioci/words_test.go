package leioci_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestTheLibrarySpeaksOfNoFlags pins that the library's texts are about the library. What they advise
// to use is an option of package errdef, in whose place a program may put a flag.
func TestTheLibrarySpeaksOfNoFlags(t *testing.T) {
	wrong := regexp.MustCompile(`(^|[ (,])--[a-z]|leioci (pull|push|auth|check|import|verify)|LEI_REGISTRY_TOKEN`)
	fset := token.NewFileSet()
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if entry.IsDir() && (path == "cmd" || entry.Name() == "testdata") {
			return fs.SkipDir
		}
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		ast.Inspect(file, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			text, unquoteErr := strconv.Unquote(literal.Value)
			text = strings.ReplaceAll(text, "podman save --format", "") // another program's
			if unquoteErr != nil || wrong.MatchString(text) {
				t.Errorf("%v: %s", fset.Position(n.Pos()), literal.Value)
			}
			return true
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
