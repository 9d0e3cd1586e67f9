package resume_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/resume"
	"github.com/lowendinsight/lei-go/leioci/internal/retry"
)

func TestReadingGoesOnWhereItBrokeOff(t *testing.T) {
	unavailable := answer{err: retry.Retryable(errBroken)}
	astray := &url.Error{Op: "Get", URL: "https://storage.example", Err: errors.New("stopped after 10 redirects")}
	chunked := whole(10)
	chunked.length = -1
	chunkedBroken := whole(4)
	chunkedBroken.length = -1
	short := whole(10)
	short.body = content[:6] // a proxy closed the connection as if the content were complete
	for name, tc := range map[string]struct {
		answers []answer
		size    int64
		offset  int64
		asked   string
		resumed bool
	}{
		"nothing breaks":                   {[]answer{whole(10)}, 10, 0, `""`, false},
		"of unknown size":                  {[]answer{whole(10)}, resume.SizeUnknown, 0, `""`, false},
		"of a size nobody says":            {[]answer{chunked}, resume.SizeUnknown, 0, `""`, false},
		"broken":                           {[]answer{whole(4), rest(4, 6)}, 10, 0, `"" "bytes=4-9"`, true},
		"broken, the size learned":         {[]answer{whole(4), rest(4, 6)}, resume.SizeUnknown, 0, `"" "bytes=4-9"`, true},
		"broken, of a size nobody says":    {[]answer{chunkedBroken, chunked}, resume.SizeUnknown, 0, `"" ""`, true},
		"broken, the size learned late":    {[]answer{chunkedBroken, whole(6), rest(6, 4)}, resume.SizeUnknown, 0, `"" "" "bytes=6-9"`, true},
		"ended too early":                  {[]answer{short, rest(6, 4)}, 10, 0, `"" "bytes=6-9"`, true},
		"broken before the first byte":     {[]answer{whole(0), whole(10)}, 10, 0, `"" ""`, false},
		"broken after the last byte":       {[]answer{{status: 200, length: 10, body: content, breaks: errBroken}}, 10, 0, `""`, false},
		"broken often":                     {[]answer{whole(1), rest(1, 1), rest(2, 1), rest(3, 1), rest(4, 1), rest(5, 1), rest(6, 4)}, 10, 0, `"" "bytes=1-9" "bytes=2-9" "bytes=3-9" "bytes=4-9" "bytes=5-9" "bytes=6-9"`, true},
		"broken, then unavailable":         {[]answer{whole(4), unavailable, rest(4, 6)}, 10, 0, `"" "bytes=4-9" "bytes=4-9"`, true},
		"unavailable at first":             {[]answer{unavailable, unavailable, whole(10)}, 10, 0, `"" "" ""`, false},
		"an unknown whole":                 {[]answer{whole(4), part(206, "bytes 4-9/*", 4, 6)}, 10, 0, `"" "bytes=4-9"`, true},
		"the range ignored":                {[]answer{whole(4), whole(10)}, 10, 0, `"" "bytes=4-9"`, true},
		"the range ignored, of no length":  {[]answer{whole(4), chunked}, 10, 0, `"" "bytes=4-9"`, true},
		"the range ignored, broken before": {[]answer{whole(4), whole(2), rest(4, 6)}, 10, 0, `"" "bytes=4-9" "bytes=4-9"`, true},
		"the range refused":                {[]answer{whole(4), {err: refusal(403)}, whole(10)}, 10, 0, `"" "bytes=4-9" ""`, true},
		"the range not found":              {[]answer{whole(4), {err: refusal(404)}, whole(10)}, 10, 0, `"" "bytes=4-9" ""`, true},
		"the range not satisfiable":        {[]answer{whole(4), {err: refusal(416)}, whole(10)}, 10, 0, `"" "bytes=4-9" ""`, true},
		"the range answered badly":         {[]answer{whole(4), part(206, "", 4, 6), whole(10)}, 10, 0, `"" "bytes=4-9" ""`, true},
		"the range sent astray":            {[]answer{whole(4), {err: astray}, whole(10)}, 10, 0, `"" "bytes=4-9" ""`, true},
		"a range never answered":           {[]answer{whole(4), unavailable, unavailable, whole(10)}, 10, 0, `"" "bytes=4-9" "bytes=4-9" ""`, true},
		"a range that is empty":            {[]answer{whole(4), rest(4, 0), rest(4, 0), whole(10)}, 10, 0, `"" "bytes=4-9" "bytes=4-9" ""`, true},
		"refused, the whole broken":        {[]answer{whole(4), {err: refusal(403)}, whole(3), whole(10)}, 10, 0, `"" "bytes=4-9" "" ""`, true},
		"refused, then broken further on":  {[]answer{whole(4), {err: refusal(403)}, whole(7), {err: refusal(403)}, whole(10)}, 10, 0, `"" "bytes=4-9" "" "bytes=7-9" ""`, true},
		"from an offset, refused":          {[]answer{{err: refusal(403)}, whole(10)}, 10, 4, `"bytes=4-9" ""`, true},
		"from an offset, never answered":   {[]answer{unavailable, unavailable, unavailable, whole(10)}, 10, 4, `"bytes=4-9" "bytes=4-9" "bytes=4-9" ""`, true},
		"from an offset":                   {[]answer{rest(4, 6)}, 10, 4, `"bytes=4-9"`, true},
		"from an offset, ignored":          {[]answer{whole(10)}, 10, 4, `"bytes=4-9"`, true},
		"from an offset, broken":           {[]answer{rest(4, 2), rest(6, 4)}, 10, 4, `"bytes=4-9" "bytes=6-9"`, true},
		"from an offset, of unknown size":  {[]answer{whole(10)}, resume.SizeUnknown, 4, `""`, true},
		"from the end":                     {nil, 10, 10, ``, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := &server{answers: tc.answers}
			got, resumed, err := read(t, s, tc.size, tc.offset)
			if asked := strings.Trim(fmt.Sprintf("%q", s.asked), "[]"); got != content[tc.offset:] || err != nil || asked != tc.asked || resumed != tc.resumed {
				t.Errorf("got %q, %v, resumed: %v, asked %s", got, err, resumed, asked)
			}
		})
	}
}

func TestEmptyContentIsRead(t *testing.T) {
	for _, size := range []int64{0, resume.SizeUnknown} {
		s := &server{answers: []answer{{status: http.StatusOK}}}
		if got, resumed, err := read(t, s, size, 0); got != "" || resumed || err != nil || len(s.asked) != 1 {
			t.Errorf("got %q, %v, asked %q", got, err, s.asked)
		}
	}
}

func TestAResponseThatDoesNotMatchTheRequestIsRefused(t *testing.T) {
	ranges := map[string]answer{}
	for _, header := range []string{
		"", "bytes", "bytes 4-9", "bytes 4-9/", "bytes 4-9/11", "bytes 4-8/10", "bytes 5-9/10", "bytes 0-9/10", "bytes */10", "4-9/10",
		"bytes=4-9/10", "bytes 4-9/10, bytes 4-9/10", "items 4-9/10", "bytes 04-9/10", "bytes 4-9/**",
	} {
		ranges["Content-Range: "+header] = part(http.StatusPartialContent, header, 4, 6)
	}
	ranges["another length"] = answer{status: http.StatusOK, length: 11, body: content + "x"}
	ranges["no such range"] = answer{err: refusal(416)}
	for name, second := range ranges {
		t.Run(name, func(t *testing.T) {
			s := &server{answers: []answer{whole(4), second}}
			got, _, err := read(t, s, 10, 0)
			if !errors.Is(err, errdef.ErrVerification) || got != content[:4] || len(s.asked) > 3 {
				t.Errorf("got %q, %v after %d requests", got, err, len(s.asked))
			}
		})
	}
	t.Run("a part of what was asked for whole", func(t *testing.T) {
		s := &server{answers: []answer{part(http.StatusPartialContent, "bytes 0-9/10", 0, 10)}}
		if _, _, err := read(t, s, 10, 0); !errors.Is(err, errdef.ErrVerification) {
			t.Errorf("got %v", err)
		}
	})
}
