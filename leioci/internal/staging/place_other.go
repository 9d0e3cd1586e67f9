//go:build !linux

package staging

import "os"

// hostID identifies this host.
func hostID() string {
	name, _ := os.Hostname() // without it, all hosts are one
	return name
}
