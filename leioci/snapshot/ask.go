package snapshot

import (
	"context"
	"errors"
	"fmt"
	"iter"
)

// An Answer is what a snapshot says about a repository.
type Answer struct {
	// Repo is the name that was asked for.
	Repo string
	// Reports is the number of reports on the repository. 0 means that the snapshot does not know
	// it.
	Reports int64
	// Risk is that of the last of these reports, which is the newest: see [Report.Risk]. If they
	// spell the repository's name differently, it is the worst of the last reports for each
	// spelling, so that a report on another spelling cannot make a risk look better. From the worst
	// to the best, risks are critical, high, medium, then undetermined, none and all that LEI does
	// not give, and low. It is empty if the repository is not known, too.
	Risk string
}

// Known reports whether the snapshot has a report on the repository.
func (a Answer) Known() bool { return a.Reports > 0 }

// Risk returns what the snapshot says about a repository, in microseconds if it has an index
// ([Index]). See [Snapshot.Risks].
func (s *Snapshot) Risk(ctx context.Context, repo string) (Answer, error) {
	answers, err := s.Risks(ctx, repo)
	if len(answers) == 0 {
		return Answer{Repo: repo}, err
	}
	return answers[0], err
}

// Risks returns an answer for each repository, in the same order. Without an index, or if the index
// turns out to be damaged, it reads the whole snapshot once, however many are asked for.
//
// An error means that some answer may be wrong. If it is [ErrMalformed], all answers are there, but
// a line that is not a report might have been about one of the repositories; with an index there
// are no such lines.
func (s *Snapshot) Risks(ctx context.Context, repos ...string) ([]Answer, error) {
	if answers, done, err := s.byIndex(ctx, repos, s.risksIn); done {
		return answers, err
	}
	asked := askAbout(repos)
	err := s.eachReport(ctx, func(line parsed) error {
		asked.hear(line)
		return nil
	})
	if err != nil && !errors.Is(err, ErrMalformed) {
		return nil, err
	}
	return asked.answers(repos), err
}

// byIndex asks the index. If there is none, or it turns out to be damaged, it reports that it is not
// done.
func (s *Snapshot) byIndex(
	ctx context.Context, repos []string, ask func(context.Context, *index, []string) ([]Answer, error),
) (answers []Answer, done bool, err error) {
	ix, err := s.usable(ctx)
	if err != nil || ix == nil {
		return nil, err != nil, err
	}
	answers, err = ask(ctx, ix, repos)
	if isDamage(err) {
		s.distrust()
		return nil, false, nil
	}
	return answers, true, err
}

// risksIn is Risks with an index.
func (s *Snapshot) risksIn(ctx context.Context, ix *index, repos []string) ([]Answer, error) {
	answers := make([]Answer, len(repos))
	for i, repo := range repos {
		answer, last, worst := Answer{Repo: repo}, entry{}, bestRank
		key := keyOf(repo)
		err := ix.find(ctx, key, func(e entry) error {
			answer.Reports++
			last, worst = e, min(worst, rank(e.risk))
			return nil
		})
		switch {
		case err != nil || !answer.Known():
		case worst < rank(last.risk):
			answer.Risk, err = s.worstIn(ctx, ix, key)
		case last.risk < otherRisk:
			answer.Risk = risks[last.risk]
		default:
			var report Report
			report, err = ix.fetch(ctx, s.cache, last)
			answer.Risk = report.Risk
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", s.cache.path, err)
		}
		answers[i] = answer
	}
	return answers, nil
}

// worstIn returns the risk of a repository whose last report may not have the last word.
func (s *Snapshot) worstIn(ctx context.Context, ix *index, key repoKey) (string, error) {
	r := forward{ix: ix, cache: s.cache}
	defer r.close()
	var heard opinions
	err := ix.find(ctx, key, func(e entry) error {
		line, err := r.read(ctx, e)
		if err == nil {
			heard.add(line)
		}
		return err
	})
	return heard.risk(), err
}

// Find iterates over the reports on a repository, in line order. If there are none, it yields
// [ErrUnknown] and nothing else. The other errors are those of [Snapshot.Reports].
//
// With an index, it reads these reports only.
func (s *Snapshot) Find(ctx context.Context, repo string) iter.Seq2[Report, error] {
	key := keyOf(repo)
	return func(yield func(Report, error) bool) {
		known := false
		for report, err := range s.lookup(ctx, repo, func(name []byte) bool { return keyOf(string(name)) == key }) {
			known = known || err == nil || !errors.Is(err, ErrMalformed)
			if !yield(report, err) {
				return
			}
		}
		if !known {
			yield(Report{}, fmt.Errorf("%s: %w: %.200q", s.cache.path, ErrUnknown, repo))
		}
	}
}

// Lookup is [Snapshot.Reports] limited to the reports whose Repo equals repo, byte for byte. If the
// snapshot has no report on repo, Lookup yields none.
//
// With an index, it reads these reports only. Without, it reads the whole file unless the loop
// stops early, and yields every error, because a malformed line might have been a report on repo.
func (s *Snapshot) Lookup(ctx context.Context, repo string) iter.Seq2[Report, error] {
	return s.lookup(ctx, repo, func(name []byte) bool { return string(name) == repo })
}

// lookup iterates over the reports on a repository whose names are right.
func (s *Snapshot) lookup(ctx context.Context, repo string, right func(name []byte) bool) iter.Seq2[Report, error] {
	return func(yield func(Report, error) bool) {
		ix, err := s.usable(ctx)
		if err != nil {
			yield(Report{Line: 1}, fmt.Errorf("read %s: %w", s.cache.path, &LineError{1, err}))
			return
		}
		var last int64
		if ix != nil {
			done := false
			if last, done = s.lookupIn(ctx, ix, repo, right, yield); done {
				return
			}
		}
		for line, err := range s.parsed(ctx) {
			if line.line > last && (err != nil || right(line.repo)) && !yield(line.report(), err) {
				return
			}
		}
	}
}

// lookupIn is lookup with an index. If that is damaged, it returns the number of the last line that
// it has yielded, and false.
func (s *Snapshot) lookupIn(ctx context.Context, ix *index, repo string, right func([]byte) bool, yield func(Report, error) bool) (last int64, done bool) {
	line := int64(1)
	err := ix.find(ctx, keyOf(repo), func(e entry) error {
		line = e.line
		report, err := ix.fetch(ctx, s.cache, e)
		if err != nil {
			return err
		}
		if last = e.line; right([]byte(report.Repo)) && !yield(report, nil) {
			return errStop
		}
		return contextErr(ctx)
	})
	switch {
	case isDamage(err):
		s.distrust()
		return last, false
	case err != nil && !errors.Is(err, errStop):
		yield(Report{Line: line}, fmt.Errorf("read %s: %w", s.cache.path, &LineError{line, err}))
	}
	return last, true
}

// eachReport passes all reports to each. It returns the error that ends the reading, or else that of
// the first line that is not a report.
func (s *Snapshot) eachReport(ctx context.Context, each func(parsed) error) error {
	var malformed error
	for line, err := range s.parsed(ctx) {
		switch {
		case err == nil:
			if err := each(line); err != nil {
				return err
			}
		case !errors.Is(err, ErrMalformed):
			return err
		case malformed == nil:
			malformed = err
		}
	}
	return malformed
}
