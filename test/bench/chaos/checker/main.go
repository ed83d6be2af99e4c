// Says of a history whether the fleet that it comes from kept its promises. It knows nothing of coordinators: it reads operations, each with
// the interval in which it took effect, and asks porcupine whether some order of them, within their intervals, is one that the model allows.
//
//	chaos-checker [-pictures FOLDER] HISTORY
//
// HISTORY has an operation a line (JSON, times in nanoseconds). Prints a line a model, as JSON; exit code 1 where one does not hold.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// An operation as the bench writes it (history.ts); which fields it has follows from its model and its kind.
type operation struct {
	Model  string `json:"model"`
	Key    string `json:"key"`
	Client int    `json:"client"`
	Call   int64  `json:"call"`
	Return int64  `json:"return"`
	Kind   string `json:"kind"`
	// Of a lease or a result.
	Trial string `json:"trial"`
	// Coordinators by which it may have been done.
	By []string `json:"by"`
	// Where a result is among the results of the log, from 1; several = it is there more than once, none = it is not.
	Ranks []int `json:"ranks"`
	// Results that are there, as far as this operation says.
	Count int `json:"count"`
	// Of all results in their order, as this operation read them, and as the log itself has them.
	Digest   string `json:"digest"`
	Expected string `json:"expected"`
	// Trials that count for a start of a point.
	Trials []string `json:"trials"`
}

func (o operation) String() string {
	text := o.Kind
	if o.Trial != "" {
		text += " " + o.Trial
	}
	if len(o.By) > 0 {
		text += " by " + strings.Join(o.By, " or ")
	}
	if o.Ranks != nil {
		text += fmt.Sprint(" as ", o.Ranks)
	}
	if o.Kind == "acquire" || o.Kind == "seen" || o.Kind == "read" {
		text += fmt.Sprintf(" (%d results)", o.Count)
	}
	if o.Kind == "count" {
		text += fmt.Sprint(" ", o.Trials)
	}
	return text
}

type verdict struct {
	Model      string   `json:"model"`
	Result     string   `json:"result"`
	Operations int      `json:"operations"`
	Partitions int      `json:"partitions"`
	Violations []string `json:"violations"`
}

// One history of one key may take this long; after that the answer is "unknown".
const patience = 120 * time.Second

func main() {
	pictures := flag.String("pictures", "", "folder for a page of each history that does not hold")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: chaos-checker [-pictures FOLDER] HISTORY")
		os.Exit(2)
	}
	history, err := read(flag.Arg(0))
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos-checker:", err)
		os.Exit(2)
	}
	holds := true
	for _, name := range []string{"terms", "leases", "log", "counted"} {
		found := check(name, history[name], *pictures)
		holds = holds && found.Result == "holds"
		line, _ := json.Marshal(found)
		fmt.Println(string(line))
	}
	if !holds {
		os.Exit(1)
	}
}

// read gives the operations by model and key.
func read(path string) (map[string]map[string][]porcupine.Operation, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	history := map[string]map[string][]porcupine.Operation{}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<26)
	for at := 1; lines.Scan(); at++ {
		var one operation
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			return nil, fmt.Errorf("line %d: %w", at, err)
		}
		if models[one.Model].Step == nil {
			return nil, fmt.Errorf("line %d: there is no model %q", at, one.Model)
		}
		if history[one.Model] == nil {
			history[one.Model] = map[string][]porcupine.Operation{}
		}
		done := porcupine.Operation{ClientId: one.Client, Input: one, Call: one.Call, Return: one.Return}
		history[one.Model][one.Key] = append(history[one.Model][one.Key], done)
	}
	return history, lines.Err()
}

func check(name string, keys map[string][]porcupine.Operation, pictures string) verdict {
	found := verdict{Model: name, Result: "holds", Partitions: len(keys), Violations: []string{}}
	if len(keys) == 0 {
		found.Result = "empty"
	}
	sorted := make([]string, 0, len(keys))
	for key := range keys {
		sorted = append(sorted, key)
	}
	slices.Sort(sorted)
	for _, key := range sorted {
		operations := keys[key]
		found.Operations += len(operations)
		result, info := porcupine.CheckOperationsVerbose(models[name], operations, patience)
		if result == porcupine.Ok {
			continue
		}
		if result == porcupine.Unknown && found.Result == "holds" {
			found.Result = "unknown"
		} else if result == porcupine.Illegal {
			found.Result = "violated"
		}
		found.Violations = append(found.Violations, explain(key, operations, info))
		if pictures != "" {
			page := filepath.Join(pictures, fmt.Sprintf("%s-%d.html", name, len(found.Violations)))
			if err := porcupine.VisualizePath(models[name], info, page); err != nil {
				fmt.Fprintln(os.Stderr, "chaos-checker:", err)
			}
		}
	}
	return found
}

// explain names what comes after the longest order that the model allows.
func explain(key string, operations []porcupine.Operation, info porcupine.LinearizationInfo) string {
	longest := []int{}
	for _, partition := range info.PartialLinearizations() {
		for _, one := range partition {
			if len(one) > len(longest) {
				longest = one
			}
		}
	}
	placed := map[int]bool{}
	for _, index := range longest {
		placed[index] = true
	}
	next := -1
	for index, one := range operations {
		if !placed[index] && (next < 0 || one.Return < operations[next].Return) {
			next = index
		}
	}
	text := fmt.Sprintf("%s: %d of %d operations fit", key, len(longest), len(operations))
	if next >= 0 {
		text += fmt.Sprintf("; nothing before its end allows: %s", operations[next].Input.(operation))
	}
	return text
}
