package snapshot_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// Count the reports by risk. Skip lines that are not reports; stop at any other error.
func ExampleSnapshot_Reports() {
	s, err := snapshot.Open("../testdata/lei-0.9.1")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = s.Close() }()

	risks := map[string]int{}
	for report, err := range s.Reports(context.Background()) {
		switch {
		case errors.Is(err, snapshot.ErrMalformed):
			log.Print(err)
		case err != nil:
			log.Fatal(err)
		default:
			risks[report.Risk]++
		}
	}
	fmt.Println(s.Metadata().Date.Format("2 January 2006"), risks)
	// Output: 8 February 2026 map[critical:64 high:64 medium:68 undetermined:4]
}

func ExampleSnapshot_Lookup() {
	s, err := snapshot.Open("../testdata/lei-0.9.1")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = s.Close() }()

	for report, err := range s.Lookup(context.Background(), "https://git.example.org/team-05/project-005") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("line", report.Line, "is of", report.Repo)
	}
	// Output: line 6 is of https://git.example.org/team-05/project-005
}

func ExampleSnapshot_Verify() {
	s, err := snapshot.Open("../testdata/lei-0.9.1")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = s.Close() }()

	if err := s.Verify(context.Background()); err != nil {
		log.Fatal(err)
	}
	fmt.Println(s.Metadata().EntryCount, "reports, as manifest.json says")
	// Output: 200 reports, as manifest.json says
}
