//go:build unix

package main

// targets has the most that leioci may take, by the name of the row: times as a ratio to least work
// unless the row says otherwise.
func targets() map[string]float64 {
	t := map[string]float64{
		"push 64 KiB: wall":  1.25,
		"pull 64 KiB: wall":  1.15,
		"push 16 MiB: wall":  1.05,
		"pull 16 MiB: wall":  1.10,
		"push 256 MiB: wall": 0.85,
		"push 256 MiB: CPU":  1.05,
		"pull 256 MiB: wall": 1.05,
		"pull 256 MiB: CPU":  1.10,

		"push 64 KiB at 50 ms: wall":      1.15,
		"pull 64 KiB at 50 ms: wall":      1.00,
		"pull 64 MiB at 20 MB/s: wall":    0.36, // four ranges
		"version: wall ÷ crane":           0.80,
		"version: stripped binary, MB":    10,
		"requests: cold push":             8,
		"requests: cold push, three tags": 11,
		"requests: warm push":             1,
		"requests: cold pull":             3,
		"requests: repeated pull":         1,

		"snapshot: export ÷ gzip -6":          0.70,
		"snapshot: verify ÷ gunzip":           1.60,
		"snapshot: verify and index ÷ verify": 1.20,
		"snapshot: index, % of the reports":   15,
		"snapshot: open, µs":                  5000,
		"snapshot: risk, µs":                  10,
		"snapshot: 50 risks, µs":              500,
		"snapshot: report, µs":                300,

		"library push 64 KiB: time":        1.15,
		"library push 64 KiB: allocations": 700,
		"library push 16 MiB: time":        1.05,
		"library pull 64 KiB: time":        1.00,
		"library pull 64 KiB: allocations": 400,
		"library pull 16 MiB: time":        1.00,
		"library pull 16 MiB: allocations": 450,
	}
	for _, row := range []string{"cold push", "cold push, three tags", "warm push", "cold pull", "repeated pull"} {
		t["requests with tokens: "+row] = t["requests: "+row] + 2 // the challenge and the token
	}
	for _, size := range sizes() {
		t["push "+size.name+": peak MiB"] = 12
		t["pull "+size.name+": peak MiB"] = 12
	}
	return t
}
