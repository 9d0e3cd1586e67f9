package integration

import (
	"bufio"
	"bytes"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
)

// untilEOF runs a program until standard input ends, which it also does when this process is killed.
const untilEOF = `"$@" & cat >/dev/null; kill "$!"; wait "$!"`

// served runs leioci serve until the test ends. It must then end well.
func served(t *testing.T, command, name, source string, signed bool) arrival {
	t.Helper()
	cmd := exec.Command("sh", "-c", untilEOF, "sh", command, "serve", "--listen", "127.0.0.1:0", source) //nolint:noctx // ends with its input
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr, cmd.WaitDelay = &stderr, 30*time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close() // it may have ended
		if err := cmd.Wait(); err != nil {
			t.Errorf("leioci serve: %v: %s", err, &stderr)
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("leioci serve says nothing: %v", err)
	}
	repo, err := leioci.ParseRepository(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	return arrival{name, &registry{name: name, host: repo.RegistryStr(), plainHTTP: true}, repo, signed}
}
