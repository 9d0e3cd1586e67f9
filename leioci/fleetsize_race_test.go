//go:build race

package leioci

// fleetSize is smaller under the race detector, which takes 250 KB for each goroutine.
const fleetSize = 1000
