package snapshot

import "crypto/sha256"

// A repoKey identifies a repository, by whatever name. Names come from anybody, so it is long enough
// that nobody finds another name with the key of a given one.
type repoKey [16]byte

func keyOf(repo string) repoKey {
	hash := sha256.Sum256([]byte(CanonicalRepo(repo)))
	return repoKey(hash[:])
}

// spellingOf identifies a repository's name as it is spelled.
func spellingOf(name []byte) repoKey {
	hash := sha256.Sum256(name)
	return repoKey(hash[:])
}
