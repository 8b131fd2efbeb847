package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/soteria-dr/soteria/e2e/bench/table"
)

// results are what benchmarks measured, by name and unit.
type results map[string]map[string]float64

// processors is what "go test" adds to a benchmark's name.
var processors = regexp.MustCompile(`-\d+$`)

// add takes a line in, if it is a benchmark's.
func (r results) add(line string) {
	fields := strings.Fields(line)
	if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
		return
	}
	measured := map[string]float64{}
	for i := 2; i+1 < len(fields); i += 2 {
		value, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return
		}
		measured[fields[i+1]] = value
	}
	r[processors.ReplaceAllString(fields[0], "")] = measured
}

// rows returns the rows whose benchmarks ran.
func (r results) rows() []table.Row {
	var rows []table.Row
	for _, backups := range []int{500, 0} {
		for _, connections := range []int{1, 32} {
			rows = append(rows, r.exists(backups, connections)...)
		}
	}
	rows = append(rows, r.memory()...)
	rows = append(rows, r.none()...)
	for _, away := range []string{"0 ms", "30 ms"} {
		rows = append(rows, r.snapshots(away)...)
	}
	return append(rows, r.inventory()...)
}

// exists compares Soteria with the stand-in for pvc-plumber, asked in turn.
func (r results) exists(backups, connections int) []table.Row {
	const goal = 1.3
	m := r[fmt.Sprintf("BenchmarkExists/%d_of_600_have_backups/%d_connections", backups, connections)]
	if m == nil {
		return nil
	}
	return []table.Row{{
		What:  fmt.Sprintf("/exists, 600 names, %d with backups, %d connections", backups, connections),
		Now:   fmt.Sprintf("%.0f/s, p99 %.3g ms (%.2f ×)", m["requests/s"], m["p99-ms"], m["ratio"]),
		Limit: fmt.Sprintf("stand-in for v4: %.0f/s, p99 %.3g ms", m["stand-in-requests/s"], m["stand-in-p99-ms"]),
		Goal:  fmt.Sprintf("≥ %g ×, p99 below it", goal), Met: table.Is(m["ratio"] >= goal && m["p99-ms"] < m["stand-in-p99-ms"]),
	}}
}

func (r results) memory() []table.Row {
	const goal = 28
	m := r["BenchmarkPlumberMemory/5000_claims/32_connections"]
	if m == nil {
		return nil
	}
	return []table.Row{{
		What:  "pvc-plumber's manifest (32Mi), 5,000 claims, 32 connections",
		Now:   fmt.Sprintf("%.1f MiB resident, %.1f of it not the program's file", m["resident-MiB"], m["anonymous-MiB"]),
		Limit: "32 MiB", Goal: fmt.Sprintf("≤ %d MiB", goal), Met: table.Is(m["resident-MiB"] <= goal),
	}}
}

// none is what a proof takes of a store with a repository for each claim.
func (r results) none() []table.Row {
	const name = "BenchmarkPlumberNone/5000_claims/32_connections/"
	own, standIn := r[name+"soteria"], r[name+"plumber4-stand-in"]
	if own == nil || standIn == nil {
		return nil
	}
	say := func(m map[string]float64) string {
		return fmt.Sprintf("%.3g requests a question, %.3g %% unanswered", m["store-requests/op"], m["unanswered-%"])
	}
	return []table.Row{{
		What: "S3 look-up, 5,000 claims, None, store 30 ms away", Now: say(own), Limit: "stand-in for v4: " + say(standIn),
		Goal: "≤ 1 request a question, all answered", Met: table.Is(own["store-requests/op"] <= 1 && own["unanswered-%"] == 0),
	}}
}

// snapshots are the readings of a large repository.
func (r results) snapshots(away string) []table.Row {
	const least, most = 20, 23
	name := "BenchmarkTwentyThousandSnapshots/" + strings.ReplaceAll(away, " ", "_") + "_away/"
	first, proof := r[name+"first_listing"], r[name+"proof"]
	if first == nil || proof == nil {
		return nil
	}
	second := func(m map[string]float64) float64 { return m["ns/op"] / 1e9 }
	return []table.Row{
		{
			What: "proof of None, restic, 20,000 snapshots, store " + away + " away",
			Now:  fmt.Sprintf("%.2f s, %.0f requests", second(proof), proof["requests/op"]), Limit: fmt.Sprintf("%d requests", least),
			Goal: fmt.Sprintf("≤ %d requests", most), Met: table.Is(proof["requests/op"] <= most),
		},
		{
			What: "a new replica's first listing of them", Now: fmt.Sprintf("%.1f s, %.0f requests", second(first), first["requests/op"]),
			Limit: "one request for each snapshot", Goal: "seconds",
		},
	}
}

func (r results) inventory() []table.Row {
	build, request := r["BenchmarkInventoryBuild"], r["BenchmarkInventoryRequest"]
	if build == nil || request == nil {
		return nil
	}
	return []table.Row{{
		What: "inventory of 10,000 claims and 200,000 backups",
		Now:  fmt.Sprintf("made in %.0f ms, answered with p99 %.3g ms, %.0f MiB", build["ns/op"]/1e6, request["p99-ms"], request["resident-MiB"]),
	}}
}
