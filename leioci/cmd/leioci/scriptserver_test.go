package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptServer is a leioci serve that runs beside a script.
type scriptServer struct {
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer
	read           chan struct{} // closed when all of stdout was read
}

type serversKey struct{}

// startServer runs leioci serve, at any free port unless told, until it says where it listens, and
// sets $NAME to its host:port.
func startServer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: serve NAME ARG...")
	}
	binary, err := exec.LookPath("leioci")
	ts.Check(err)
	s := &scriptServer{read: make(chan struct{})}
	s.cmd = exec.Command(binary, append([]string{"serve", "--listen", "127.0.0.1:0"}, args[1:]...)...) //nolint:noctx // the script ends it
	s.cmd.Dir, s.cmd.Stderr = ts.MkAbs("."), &s.stderr
	s.cmd.Env = append(os.Environ(), "HOME="+ts.Getenv("HOME"))
	out, err := s.cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(s.cmd.Start())
	servers := ts.Value(serversKey{}).(map[string]*scriptServer)
	servers[args[0]] = s
	ts.Defer(func() { _ = s.cmd.Process.Kill(); <-s.read; _ = s.cmd.Wait() }) // unless the script has stopped it
	lines := bufio.NewReader(io.TeeReader(out, &s.stdout))
	reference := ""
	for err == nil && !strings.Contains(reference, "/lei") {
		reference, err = lines.ReadString('\n')
	}
	go func() {
		defer close(s.read)
		_, _ = io.Copy(io.Discard, lines) // until it has ended
	}()
	if err != nil {
		<-s.read
		_ = s.cmd.Wait()
		ts.Fatalf("leioci serve: %v: %s", err, s.stderr.String())
	}
	ts.Setenv(args[0], regexp.MustCompile(`[0-9.]+:[0-9]+|localhost:[0-9]+`).FindString(reference))
}

// signalServer interrupts a server, which must succeed, and shows what it printed.
func signalServer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: signal NAME")
	}
	s := ts.Value(serversKey{}).(map[string]*scriptServer)[args[0]]
	ts.Check(s.cmd.Process.Signal(os.Interrupt))
	<-s.read
	ts.Check(s.cmd.Wait())
	_, err := ts.Stdout().Write(s.stdout.Bytes())
	ts.Check(err)
	_, err = ts.Stderr().Write(s.stderr.Bytes())
	ts.Check(err)
}
