//go:build !unix

package leioci_test

// actAsChild does nothing: no test starts a child here.
func actAsChild() {}
