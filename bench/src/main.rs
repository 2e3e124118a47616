//! The gateway beside its peers, in one run on one machine.

fn main() {}
