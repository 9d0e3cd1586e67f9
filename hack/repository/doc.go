// Package repository tests the files in this repository that are not Go: workflows, the action, and
// the units and manifests of the examples.
package repository
