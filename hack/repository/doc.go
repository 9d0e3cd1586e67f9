// Package repository tests the files in this repository that are not Go: workflows, the action, the
// scripts, units and manifests of the examples, and the blocks of the README and the other papers.
package repository
