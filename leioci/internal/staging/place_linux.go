package staging

import "os"

// hostID identifies this host since it was started. Containers on one host share it, and the locks
// on their directories.
func hostID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		name, _ := os.Hostname() // without either, all hosts are one
		return name
	}
	return string(id)
}
