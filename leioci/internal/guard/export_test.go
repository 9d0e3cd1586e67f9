package guard

func ReplaceBetween(text, begin, end string, replace func(string) string) string {
	return replaceBetween(text, begin, end, replace)
}

func ReplaceBefore(text, characters, mark string, replace func(string) string) string {
	return replaceBefore(text, characters, mark, replace)
}
