package snapshot

// risks are the values of [Report.Risk] that LEI gives.
var risks = [...]string{"critical", "high", "medium", "low", "undetermined"}

// riskOf returns a risk as a string, which is not a new one if it is one of LEI's.
func riskOf(value []byte) string {
	for _, risk := range risks {
		if string(value) == risk {
			return risk
		}
	}
	return string(value)
}
