package main

import "strings"

// mostNameRunes is how much of a name is shown to a person. A repository's is rarely half as long.
const mostNameRunes = 120

// shortened makes a name that comes from outside fit for a line on a terminal.
func shortened(name string) string {
	start := strings.ToValidUTF8(name[:min(len(name), 4*mostNameRunes)], "\ufffd") // a rune has four bytes or fewer
	runes := []rune(start)
	if len(runes) <= mostNameRunes && len(name) <= 4*mostNameRunes {
		return visible(name)
	}
	return visible(string(runes[:min(len(runes), mostNameRunes)])) + "…"
}
