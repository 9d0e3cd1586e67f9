package main

import "time"

// A checkDocument is what check prints as JSON.
type checkDocument struct {
	FormatVersion int           `json:"format_version"`
	Snapshot      snapshotJSON  `json:"snapshot"`
	FailOn        string        `json:"fail_on"`
	Unknown       string        `json:"unknown"`
	Undetermined  string        `json:"undetermined"`
	Decision      string        `json:"decision"` // pass, risk or undecided
	Counts        checkCounts   `json:"counts"`
	Results       []checkResult `json:"results"`
}

// snapshotJSON describes a snapshot.
type snapshotJSON struct {
	Source  string `json:"source"` // the directory, or the reference by digest
	Date    string `json:"date"`
	Created string `json:"created"`
	Reports int64  `json:"reports"`
}

func (s *source) document() snapshotJSON {
	meta := s.Metadata()
	return snapshotJSON{s.name, meta.Date.Format(time.DateOnly), meta.Created.Format(time.RFC3339Nano), meta.EntryCount}
}

type checkCounts struct {
	Checked      int `json:"checked"`
	Failed       int `json:"failed"`
	Critical     int `json:"critical"`
	High         int `json:"high"`
	Medium       int `json:"medium"`
	Low          int `json:"low"`
	Undetermined int `json:"undetermined"`
	Unknown      int `json:"unknown"`
	NoRepository int `json:"no_repository"`
}

type checkResult struct {
	Name    string `json:"name"`           // as it was written, but for credentials
	Repo    string `json:"repo,omitempty"` // its canonical spelling
	Kind    string `json:"kind"`
	Fails   bool   `json:"fails"`
	Reason  string `json:"reason"`
	Risk    string `json:"risk,omitempty"` // as the report that counts has it
	Reports int64  `json:"reports"`
	File    string `json:"file,omitempty"` // where it was written
	Line    int    `json:"line,omitempty"`
}

// document returns the outcome as JSON.
func (c *checked) document() checkDocument {
	of, failed := c.counts()
	d := checkDocument{
		FormatVersion: formatVersion,
		Snapshot:      c.from.document(),
		FailOn:        c.rules.failOn.name, Unknown: c.rules.unknown.name, Undetermined: c.rules.undetermined.name,
		Decision: map[int]string{exitOK: "pass", exitRisk: "risk", exitUndecided: "undecided"}[c.status()],
		Counts: checkCounts{
			Checked: len(c.verdicts), Failed: failed,
			Critical: of[kindCritical], High: of[kindHigh], Medium: of[kindMedium], Low: of[kindLow],
			Undetermined: of[kindUndetermined], Unknown: of[kindUnknown], NoRepository: of[kindNoRepository],
		},
		Results: []checkResult{},
	}
	for _, v := range c.verdicts {
		d.Results = append(d.Results, checkResult{
			Name: v.name, Repo: withoutCredentials(v.canonical), Kind: v.kind, Fails: v.fails, Reason: v.reason(),
			Risk: v.answer.Risk, Reports: v.answer.Reports, File: v.file, Line: v.line,
		})
	}
	return d
}
