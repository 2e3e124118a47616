//! The binary: commands, signals, the visible list of built-ins.

fn main() {}
