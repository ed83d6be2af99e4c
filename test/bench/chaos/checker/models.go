package main

import (
	"slices"

	"github.com/anishathalye/porcupine"
)

// What a history may look like; each model says what one operation does to what is so far, and whether it may.
var models = map[string]porcupine.Model{
	"terms":   {Init: func() any { return term{} }, Step: stepTerm, DescribeOperation: describe},
	"leases":  {Init: func() any { return lease{} }, Step: stepLease, DescribeOperation: describe},
	"log":     {Init: func() any { return 0 }, Step: stepLog, DescribeOperation: describe},
	"counted": {Init: func() any { return counted{} }, Step: stepCounted, DescribeOperation: describe},
}

func describe(input, _ any) string { return input.(operation).String() }

// Who leads, and how many results the log has: the lease of the log is a register that is taken by compare-and-set, with a fence.
type term struct {
	leader  string
	results int
}

func stepTerm(state, input, _ any) (bool, any) {
	was, do := state.(term), input.(operation)
	switch do.Kind {
	case "acquire":
		// Whoever takes over has every result that was there before, and none that came after.
		return do.Count == was.results, term{leader: do.By[0], results: was.results}
	case "grant":
		return slices.Contains(do.By, was.leader), was
	case "append":
		next := len(do.Ranks) == 1 && do.Ranks[0] == was.results+1
		return next && slices.Contains(do.By, was.leader), term{was.leader, was.results + 1}
	}
	return false, state
}

// Of one start of a point: who may run it, and whether its result is there.
type lease struct {
	holder string
	done   bool
}

func stepLease(state, input, _ any) (bool, any) {
	was, do := state.(lease), input.(operation)
	switch do.Kind {
	case "grant":
		return was.holder == "" && !was.done, lease{holder: do.Trial}
	case "lapse":
		// From its time on, if ever.
		if was.holder == do.Trial {
			return true, lease{done: was.done}
		}
		return true, was
	case "record":
		// Also of a lease that has run out: what was measured is taken in.
		if was.holder == do.Trial {
			return true, lease{done: true}
		}
		return true, lease{holder: was.holder, done: true}
	}
	return false, state
}

// The state is how many results the log has: they are only ever added, each once, at its end.
func stepLog(state, input, _ any) (bool, any) {
	was, do := state.(int), input.(operation)
	switch do.Kind {
	case "append":
		return len(do.Ranks) == 1 && do.Ranks[0] == was+1, was + 1
	case "seen":
		return do.Count >= 1 && do.Count <= was, was
	case "read":
		return do.Count == was && do.Digest == do.Expected, was
	}
	return false, state
}

// Of one start of a point: which trial counts. The rule: the one that was recorded first.
type counted struct {
	trial string
	rank  int
}

func stepCounted(state, input, _ any) (bool, any) {
	was, do := state.(counted), input.(operation)
	switch do.Kind {
	case "record":
		if len(do.Ranks) != 1 {
			return false, was
		}
		if was.trial == "" || do.Ranks[0] < was.rank {
			return true, counted{do.Trial, do.Ranks[0]}
		}
		return true, was
	case "count":
		return len(do.Trials) == 1 && do.Trials[0] == was.trial, was
	}
	return false, state
}
