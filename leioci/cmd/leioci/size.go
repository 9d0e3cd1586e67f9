package main

import "fmt"

// bytesText writes a size as a person would say it.
func bytesText(n int64) string {
	const unit = 1000
	if n < unit {
		return count(n, "byte")
	}
	size, names := float64(n)/unit, "kMGTPE"
	for size >= unit-0.05 && len(names) > 1 {
		size, names = size/unit, names[1:]
	}
	return fmt.Sprintf("%.1f %cB", size, names[0])
}

// count writes a number of things.
func count(n int64, thing string) string {
	switch {
	case n == 1:
		return "1 " + thing
	case thing[len(thing)-1] == 'y':
		return fmt.Sprintf("%d %sies", n, thing[:len(thing)-1])
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
