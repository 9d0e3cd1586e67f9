package snapshot_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// Ask about several repositories. What the snapshot does not know must not pass for harmless.
func ExampleSnapshot_Risks() {
	s, err := snapshot.Open("../testdata/lei-0.9.1")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = s.Close() }()

	answers, err := s.Risks(context.Background(), "https://git.example.org/team-05/project-005", "https://git.example.org/none")
	if err != nil {
		log.Fatal(err)
	}
	for _, a := range answers {
		if a.Known() {
			fmt.Println(a.Repo, "has risk", a.Risk)
		} else {
			fmt.Println(a.Repo, "is not known")
		}
	}
	// Output:
	// https://git.example.org/team-05/project-005 has risk high
	// https://git.example.org/none is not known
}

// Make the index of a snapshot, so that questions are answered at once.
func ExampleIndex() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := os.CopyFS(dir, os.DirFS("../testdata/lei-0.9.1")); err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	if err := snapshot.Index(ctx, dir); errors.Is(err, snapshot.ErrNotIndexed) {
		log.Print(err) // questions take longer
	} else if err != nil {
		log.Fatal(err) // the snapshot is not in order
	}
	s, err := snapshot.Open(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	for report, err := range s.Find(ctx, "https://git.example.org/team-05/project-005") {
		if err != nil {
			log.Fatal(err) // errors.Is(err, snapshot.ErrUnknown) if there is none
		}
		fmt.Println("line", report.Line, "of", s.Metadata().EntryCount)
	}
	// Output: line 6 of 200
}

func ExampleSnapshot_Summary() {
	s, err := snapshot.Open("../testdata/lei-0.9.1")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = s.Close() }()

	sum, err := s.Summary(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sum.Reports, "reports,", sum.Risks["critical"], "critical,", sum.Risks["undetermined"], "undetermined")
	// Output: 200 reports, 64 critical, 4 undetermined
}
