//! What the project does to itself: test, tidy, bench.

fn main() {}
