//go:build unix

package snapshot_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// indexForever is the environment variable that makes the test binary a process that indexes the
// directory it names, until it is killed.
const indexForever = "SNAPSHOT_TEST_INDEX_FOREVER"

func TestAProcessThatIndexesForever(t *testing.T) {
	dir := os.Getenv(indexForever)
	if dir == "" {
		t.Skip("only a helper of another test")
	}
	for {
		fmt.Println("indexing")
		if err := snapshot.VerifyAndIndex(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAKilledProcessLeavesNothingThatIsBelieved(t *testing.T) {
	dir := snapshotOf(t, randomLines(rand.New(rand.NewPCG(11, 12)), 400), 50)
	index(t, dir)
	for round := range 3 {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAProcessThatIndexesForever$")
		child.Env = append(os.Environ(), indexForever+"="+dir)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; n <= round && lines.Scan(); n++ {
			continue // it has begun once more
		}
		_ = child.Process.Kill()
		if err := child.Wait(); err == nil || lines.Err() != nil {
			t.Fatalf("the process has ended by itself: %v, %v", err, lines.Err())
		}
		wantIndexed(t, dir, true) // the earlier index, or a later one
		for _, name := range leftovers(t, dir) {
			if !strings.HasPrefix(name, snapshot.TempPrefix) {
				t.Errorf("left behind: %s", name)
			}
		}
	}
}
