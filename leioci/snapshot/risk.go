package snapshot

import "slices"

// risks are the values of [Report.Risk] that LEI gives, and none. The worst comes first.
var risks = [...]string{"critical", "high", "medium", "low", "undetermined", ""}

// otherRisk is the code of a risk that is not among them.
const otherRisk = uint8(len(risks))

// riskOf returns a risk as a string, which is not a new one if it is one of LEI's.
func riskOf(value []byte) string {
	for _, risk := range risks {
		if string(value) == risk {
			return risk
		}
	}
	return string(value)
}

// riskCode returns the place of a risk in risks.
func riskCode(risk string) uint8 {
	if code := slices.Index(risks[:], risk); code >= 0 {
		return uint8(code) //nolint:gosec // there are a few
	}
	return otherRisk
}
