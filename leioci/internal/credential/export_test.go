package credential

// Waiting returns how many callers are waiting for a helper.
func (k *Keychain) Waiting() int {
	k.runs.mu.Lock()
	defer k.runs.mu.Unlock()
	var n int
	for _, u := range k.runs.byQuery {
		if !u.finished {
			n += u.waiters
		}
	}
	return n
}

// Cached returns how many runs and answers are in memory.
func (k *Keychain) Cached() int {
	k.runs.mu.Lock()
	defer k.runs.mu.Unlock()
	return len(k.runs.byQuery)
}
