package leioci

// The parts of the grammar of a reference, for a comparison with regular expressions.

func IsRegistry(s string) bool   { return isRegistry(s) }
func IsRepository(s string) bool { return isRepository(s) }
func SchemeLike(s string) string { return schemeLike(s) }
