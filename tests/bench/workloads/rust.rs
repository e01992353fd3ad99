// SPDX-License-Identifier: GPL-2.0-or-later
// rust MS: sorting with a closure, forty calls deep, and a hash map of strings; half of it in a
// thread. Sleeps after MS of CPU time where an s follows it.
use std::collections::HashMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

fn sort(seed: u64) -> u64 {
    let mut items: Vec<u64> = (0..256u64)
        .map(|i| (i ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15))
        .collect();
    items.sort_by(|a, b| black_box(a.rotate_left(7)).cmp(&b.rotate_left(7)));
    let mut words: HashMap<String, u64> = HashMap::new();
    for item in &items {
        *words.entry(format!("{:x}", item % 64)).or_insert(0) += 1;
    }
    words.len() as u64 + items[0]
}

#[inline(never)]
fn nest(depth: u32, seed: u64) -> u64 {
    let below = if depth > 0 { nest(black_box(depth - 1), seed) } else { sort(seed) };
    black_box(below) + 1
}

fn run(until: Instant) {
    let mut seed = 0;
    while Instant::now() < until {
        seed = black_box(nest(40, seed));
    }
}

fn main() {
    let text = std::env::args().nth(1).unwrap_or_default();
    let ms: u64 = text.trim_end_matches('s').parse().unwrap_or(0);
    run(Instant::now() + Duration::from_millis(ms / 2));
    let until = Instant::now() + Duration::from_millis(ms / 2);
    std::thread::spawn(move || run(until)).join().unwrap();
    while text.ends_with('s') {
        std::thread::sleep(Duration::from_secs(1));
    }
}
