// SPDX-License-Identifier: GPL-2.0-or-later

// Goroutines that call, allocate (the collector runs on the system stack), read the clock, grow
// their stacks, send to each other and sort through callbacks.
package main

import (
	"runtime"
	"sort"
	"time"
)

type tree struct{ left, right *tree }

//go:noinline
func build(depth int) *tree {
	if depth == 0 {
		return &tree{}
	}
	return &tree{build(depth - 1), build(depth - 1)}
}

//go:noinline
func descend(depth int, end func() int) int {
	var frame [16]int
	frame[depth%16] = depth
	if depth == 0 {
		return end()
	}
	return descend(depth-1, end) + frame[depth%16]
}

func busy() int {
	v := make([]int, 500)
	for i := range v {
		v[i] = i * 7919 % 499
	}
	sort.Slice(v, func(i, j int) bool { return v[i] < v[j] })
	build(7)
	return v[0] + time.Now().Nanosecond()
}

func main() {
	numbers := make(chan int)
	for i := 0; i < runtime.NumCPU(); i++ {
		go func() {
			for {
				numbers <- descend(50, busy)
			}
		}()
	}
	for n := range numbers {
		go descend(200, func() int { return n })
	}
}
