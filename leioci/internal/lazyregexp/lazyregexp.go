// Package lazyregexp compiles regular expressions when they are first used. A program that only
// prints its version, or that meets no error, does not pay for those that look for secrets in
// errors: compiling them takes as long as all else that happens when a program starts.
package lazyregexp

import (
	"regexp"
	"sync"
)

// New returns a function that returns the compiled expression. It panics if the expression is
// invalid, as [regexp.MustCompile] does.
func New(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}
