package credential

// Waiting returns how many callers wait for a helper.
func (k *Keychain) Waiting() int {
	k.runs.mu.Lock()
	defer k.runs.mu.Unlock()
	var n int
	for _, u := range k.runs.running {
		if !u.finished {
			n += u.waiting
		}
	}
	return n
}
