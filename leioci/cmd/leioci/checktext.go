package main

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// mostColumns is how wide the column of names gets. Longer names move the rest of their line.
const mostColumns = 72

// writeTable prints the verdicts for a person.
func (c *checked) writeTable(w io.Writer) error {
	const head = "REPOSITORY"
	width := len(head)
	for _, v := range c.verdicts {
		if n := utf8.RuneCountInString(visible(v.name)); n <= mostColumns {
			width = max(width, n)
		}
	}
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "%-*s  %-13s  DECISION\n", width, head, "RISK")
	for _, v := range c.verdicts {
		outcome := "pass"
		if v.fails {
			outcome = "fail"
		}
		fmt.Fprintf(out, "%-*s  %-13s  %s: %s\n", width, visible(v.name), v.kind, outcome, v.reason())
	}
	of, failed := c.counts()
	fmt.Fprintf(out, "%d checked, %d fail", len(c.verdicts), failed)
	if len(of) > 0 {
		fmt.Fprintf(out, ": %s", describeCounts(of))
	}
	fmt.Fprintln(out)
	return out.Flush()
}

// visible returns a name as it is, or quoted if something in it is not printable: it may come from
// anybody, and a terminal obeys what it is told.
func visible(name string) string {
	for _, r := range name {
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			return strconv.Quote(name)
		}
	}
	return name
}
