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

// sourceFiles returns the parsed files of every package here that is no test or for tests.
func sourceFiles(t *testing.T, fset *token.FileSet) []*ast.File {
	t.Helper()
	var files []*ast.File
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if entry.IsDir() && (entry.Name() == "leiocitest" || entry.Name() == "testdata") {
			return fs.SkipDir
		}
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		files = append(files, file)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// called returns what a call calls, as it is written: "regexp.MustCompile".
func called(call *ast.CallExpr) string {
	selected, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	if pkg, ok := selected.X.(*ast.Ident); ok {
		return pkg.Name + "." + selected.Sel.Name
	}
	return "." + selected.Sel.Name
}

// TestNoExpressionIsCompiledWhenAProgramStarts pins that regular expressions are compiled when they
// are first used, and that all of them can be.
func TestNoExpressionIsCompiledWhenAProgramStarts(t *testing.T) {
	fset := token.NewFileSet()
	lazy := 0
	for _, file := range sourceFiles(t, fset) {
		for _, decl := range file.Decls {
			variables, ok := decl.(*ast.GenDecl)
			if !ok {
				continue
			}
			ast.Inspect(variables, func(n ast.Node) bool {
				if _, later := n.(*ast.FuncLit); later {
					return false
				}
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				switch name := called(call); {
				case strings.HasPrefix(name, "regexp."), strings.HasPrefix(name, "template."):
					t.Errorf("%v: %s is called when a program starts", fset.Position(n.Pos()), name)
				case name == "lazyregexp.New":
					lazy++
					compile(t, fset, call)
				}
				return true
			})
		}
	}
	if lazy == 0 {
		t.Error("no expression was found")
	}
}

// compile compiles the expression of a call of lazyregexp.New.
func compile(t *testing.T, fset *token.FileSet, call *ast.CallExpr) {
	t.Helper()
	literal, ok := call.Args[0].(*ast.BasicLit)
	if !ok {
		t.Errorf("%v: the expression is no literal", fset.Position(call.Pos()))
		return
	}
	expression, err := strconv.Unquote(literal.Value)
	if err == nil {
		_, err = regexp.Compile(expression)
	}
	if err != nil {
		t.Errorf("%v: %v", fset.Position(call.Pos()), err)
	}
}

// TestTheLinkerCanDropMethods pins that nothing calls methods whose names are only known when the
// program runs. Templates do, cobra's among them. For their sake, the linker keeps every exported
// method of every type, a fifth of the command.
func TestTheLinkerCanDropMethods(t *testing.T) {
	fset := token.NewFileSet()
	for _, file := range sourceFiles(t, fset) {
		for _, spec := range file.Imports {
			if path, err := strconv.Unquote(spec.Path.Value); err != nil || strings.HasSuffix(path, "/template") {
				t.Errorf("%v: imports %s", fset.Position(spec.Pos()), spec.Path.Value)
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			switch _, name, _ := strings.Cut(called(call), "."); name {
			case "SetVersionTemplate", "SetUsageTemplate", "SetHelpTemplate", "MethodByName":
				t.Errorf("%v: calls %s", fset.Position(n.Pos()), name)
			}
			return true
		})
	}
}
