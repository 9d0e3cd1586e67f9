//go:build unix

package main

import (
	"fmt"
	"io"
	"strings"
)

// row is one line of the table: a figure for each program that has one.
type row struct {
	name    string
	format  string             // of a figure
	figures map[string]float64 // by program
	base    string             // what least work took, where the figures are ratios to it
}

// table prints rows as Markdown.
type table struct {
	columns []string // programs
	judged  []string // those of the columns that are compared with the target
	targets map[string]float64
}

func (t table) head(w io.Writer) {
	cells := append([]string{"row", "least work"}, t.columns...)
	t.line(w, append(cells, "target", "met"))
	t.line(w, strings.Split(strings.Repeat("-,", len(cells)+1)+"-", ","))
}

func (t table) row(w io.Writer, r row) {
	cells := []string{r.name, r.base}
	for _, column := range t.columns {
		figure, ok := r.figures[column]
		cells = append(cells, "")
		if ok {
			cells[len(cells)-1] = fmt.Sprintf(r.format, figure)
		}
	}
	target, verdict := "", ""
	if limit, ok := t.targets[r.name]; ok {
		target, verdict = "≤ "+fmt.Sprintf(r.format, limit), t.verdict(r, limit)
	}
	t.line(w, append(cells, target, verdict))
}

// verdict says for each judged column whether its figure, as printed, is within the limit.
func (t table) verdict(r row, limit float64) string {
	var verdicts []string
	for _, column := range t.judged {
		figure, ok := r.figures[column]
		if !ok {
			continue
		}
		var printed float64
		if _, err := fmt.Sscan(fmt.Sprintf(r.format, figure), &printed); err == nil && printed <= limit {
			verdicts = append(verdicts, "yes")
		} else {
			verdicts = append(verdicts, "NO")
		}
	}
	return strings.Join(verdicts, ", ")
}

func (t table) line(w io.Writer, cells []string) {
	fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
}
