package snapshot

import "crypto/sha256"

// canonicalVersion is the version of the rules that canonical follows. An index made with other
// rules is of no use.
const canonicalVersion = 1

// canonical returns the form that the names of one repository have in common.
func canonical(repo string) string { return repo }

// A repoKey identifies a repository, under whatever name. Names come from anybody, so it is long
// enough that nobody finds another name with the key of a given one.
type repoKey [16]byte

func keyOf(repo string) repoKey {
	hash := sha256.Sum256([]byte(canonical(repo)))
	return repoKey(hash[:])
}
