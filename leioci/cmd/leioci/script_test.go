package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lowendinsight/lei-go/leioci/internal/testenv"
)

// TestMain makes this test binary the command leioci of the scripts.
func TestMain(m *testing.M) {
	testscript.Main(isolated{m}, map[string]func(){"leioci": main})
}

type isolated struct{ *testing.M }

func (tests isolated) Run() int { return testenv.Run(tests.M) }

// TestScripts runs testdata/script, where each file is about one command. Besides testscript's own
// commands, the scripts have these:
//
//	leioci ARG...                      run the command; it must succeed, or fail after a "!"
//	exits STATUS leioci ARG...         run the command; it must exit with this status
//	registry NAME [PROTECTION]         start a registry; $NAME is its host:port
//	fault NAME METHOD PATH KIND [ARG]  let it fail where method (or -) and path match
//	heal NAME                          end its faults
//	requests NAME                      print the requests that it got since the last time
//	snapshot DIR DATE [REPO=RISK...]   write a snapshot
//	signed                             copy layouts that cosign signed, and public keys, to ./signed
//	serve NAME ARG...                  run leioci serve beside the script; $NAME is its host:port
//	signal NAME                        interrupt it; it must succeed
//
// A protection is token:TOKEN, user:NAME:PASSWORD, or tls, which also writes the authority to
// NAME.pem. The kinds of faults are in faultOf.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			fixtures, err := filepath.Abs("../../testdata/signed")
			if err != nil {
				return err
			}
			env.Setenv("SIGNED", fixtures)
			env.Values[registriesKey{}], env.Values[serversKey{}] = newRegistries(env), map[string]*scriptServer{}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":    exits,
			"registry": startRegistry,
			"fault":    injectFault,
			"heal":     heal,
			"requests": printRequests,
			"snapshot": writeSnapshot,
			"signed":   copySigned,
			"serve":    startServer,
			"signal":   signalServer,
		},
	})
}

// exits runs a program and checks its exit status.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS PROGRAM [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	switch err := ts.Exec(args[1], args[2:]...); {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	default:
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// copySigned copies what testdata/signed of the library has.
func copySigned(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(os.CopyFS(ts.MkAbs("signed"), os.DirFS(ts.Getenv("SIGNED"))))
}
