// SPDX-License-Identifier: GPL-2.0-or-later
// go MS: sorting with a callback, forty calls deep, and garbage for the collector, in two
// goroutines. Sleeps after MS where an s follows it.
package main

import (
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"
)

var sink int

func sortSome(seed int) int {
	items := make([]int, 256)
	for i := range items {
		items[i] = (i ^ seed) * 2654435761 % 4096
	}
	sort.Slice(items, func(a, b int) bool { return items[a]^7 < items[b]^7 })
	words := map[string]int{}
	for _, item := range items {
		words[fmt.Sprintf("%x", item%64)]++
	}
	return len(words) + items[0]
}

//go:noinline
func nest(depth, seed int) int {
	if depth > 0 {
		return nest(depth-1, seed) + 1
	}
	return sortSome(seed)
}

func run(until time.Time, done chan int) {
	n := 0
	for time.Now().Before(until) {
		n = nest(40, n)
	}
	done <- n
}

func main() {
	ms, _ := strconv.Atoi(strings.TrimSuffix(os.Args[1], "s"))
	until := time.Now().Add(time.Duration(ms) * time.Millisecond)
	done := make(chan int, 2)
	go run(until, done)
	run(until, done)
	sink = <-done + <-done
	for strings.HasSuffix(os.Args[1], "s") {
		time.Sleep(time.Second)
	}
}
