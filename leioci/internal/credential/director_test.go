package credential_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/credential"
)

// script is what a director tells a helper to do: start a child that holds its pipes and never
// ends, print, and hang or exit.
type script struct {
	Stdout, Stderr string
	Exit           int
	Child, Hang    bool
	Escape         bool // the child leaves the helper's process group
}

// says is the script of a helper that has credentials.
func says(user string) script {
	return script{Stdout: fmt.Sprintf(`{"ServerURL":"ignored","Username":%q,"Secret":"s3cret"}`, user)}
}

// process is a helper, or its child, that waits for its script.
type process struct {
	Name  string
	Args  []string
	Input string
	conn  net.Conn
}

// do sends the process its script.
func (p *process) do(t *testing.T, s script) {
	t.Helper()
	if err := json.NewEncoder(p.conn).Encode(s); err != nil {
		t.Error(err)
	}
}

// awaitEnd waits until the process is dead: the system then closes its connection.
func (p *process) awaitEnd(t *testing.T) {
	t.Helper()
	// Fail before the whole package's timeout.
	if err := p.conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := p.conn.Read(make([]byte, 1)); os.IsTimeout(err) {
		t.Errorf("%s is still alive", p.Name)
	}
}

// director is notified of every helper that runs, and tells it what to do.
type director struct {
	listener net.Listener
	bin      string
	started  chan *process
}

func newDirector(t *testing.T, helpers ...string) *director {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &director{listener, t.TempDir(), make(chan *process, 100)}
	over := make(chan struct{})
	go func() {
		defer close(over)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
			p := &process{conn: conn}
			if err := json.NewDecoder(conn).Decode(p); err != nil {
				t.Errorf("helper: %v", err)
			}
			d.started <- p
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-over
	})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range helpers {
		program := filepath.Join(d.bin, "docker-credential-"+name)
		if runtime.GOOS == "windows" {
			program += ".exe"
		}
		if err := os.MkdirAll(filepath.Dir(program), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(self, program); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// options returns options for a keychain with this director's helpers and no others.
func (d *director) options(env ...string) credential.Options {
	env = append(env, "PATH="+d.bin, "HELPER_ADDR="+d.listener.Addr().String(), "GORACE=atexit_sleep_ms=0",
		"GOCOVERDIR="+os.Getenv("GOCOVERDIR"))
	return credential.Options{Environ: func() []string { return env }, RunDir: os.DevNull}
}

// next returns the next helper that runs, which must have this name and input.
func (d *director) next(t *testing.T, name, input string) *process {
	t.Helper()
	p := <-d.started
	if p.Name != name || p.Input != input {
		t.Errorf("%s runs, asked for %q; want %s, %q", p.Name, p.Input, name, input)
	}
	return p
}

// always sends every helper the same script, until the test ends.
func (d *director) always(t *testing.T, s script) {
	t.Helper()
	stop, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		for {
			select {
			case p := <-d.started:
				p.do(t, s)
			case <-stop:
				return
			}
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-over
	})
}

// beHelper is the main function of a helper or its child. It does not return.
func beHelper(addr string) {
	conn, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", addr)
	must(err)
	if os.Args[1] == "child" {
		must(json.NewEncoder(conn).Encode(process{Name: "child"}))
		_, _ = io.Copy(io.Discard, conn) // as long as the test lasts
		os.Exit(0)
	}
	in, err := io.ReadAll(os.Stdin)
	must(err)
	must(json.NewEncoder(conn).Encode(process{Name: filepath.Base(os.Args[0]), Args: os.Args[1:], Input: string(in)}))
	var s script
	must(json.NewDecoder(conn).Decode(&s))
	if s.Child {
		child := exec.CommandContext(context.Background(), os.Args[0], "child")
		child.Stdout, child.Stderr = os.Stdout, os.Stderr
		if s.Escape {
			escape(child)
		}
		must(child.Start())
	}
	fmt.Fprintf(os.Stdout, "%s", s.Stdout)
	fmt.Fprintf(os.Stderr, "%s", s.Stderr)
	if s.Hang {
		_, _ = io.Copy(io.Discard, conn)
	}
	os.Exit(s.Exit)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
