//go:build !man

package main

import "github.com/spf13/cobra"

// addMan is for a build with the tag man.
func addMan(*cobra.Command) {}
