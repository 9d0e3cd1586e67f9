package measure

import "slices"

// Median returns the middle of the values, the mean of the two in the middle if their number is
// even, and 0 if there are none.
func Median[T any](values []T, of func(T) float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := make([]float64, len(values))
	for i, v := range values {
		sorted[i] = of(v)
	}
	slices.Sort(sorted)
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
