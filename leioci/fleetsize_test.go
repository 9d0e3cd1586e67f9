//go:build !race

package leioci

// fleetSize is how many watchers are simulated.
const fleetSize = 10_000
