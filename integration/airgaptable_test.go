package integration

import (
	"fmt"
	"strings"
	"testing"
)

// A gapTable counts, for each place behind an air gap, what works of each client.
type gapTable struct {
	places []gapCell // without clients, in order
	cells  map[gapCell]*score
}

type gapCell struct {
	gap           gap
	place, client string
}

func gapClients() []string { return append(toolNames(), "the original", "referrers") }

func (table *gapTable) test(t *testing.T, c gapCell, test func(*testing.T)) {
	if place := (gapCell{c.gap, c.place, ""}); len(table.places) == 0 || table.places[len(table.places)-1] != place {
		table.places = append(table.places, place)
	}
	table.cells[c] = &score{}
	t.Run(c.client, func(t *testing.T) {
		table.cells[c].record(t)
		test(t)
	})
}

// String returns a Markdown table with a row for each place.
func (table *gapTable) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| air gap | %s |\n| ---%s |\n", strings.Join(gapClients(), " | "), strings.Repeat(" | ---", len(gapClients())))
	for _, place := range table.places {
		fmt.Fprintf(&b, "| %s |", place.place)
		for _, client := range gapClients() {
			fmt.Fprintf(&b, " %s |", table.cells[gapCell{place.gap, place.place, client}])
		}
		b.WriteString("\n")
	}
	return b.String()
}
