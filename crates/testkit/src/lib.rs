//! For tests: a gateway on port 0, origins, a raw wire client.
//!
//! Everything here fails a test by panicking with what is known at that point, and everything that waits has a
//! limit, so that a broken gateway gives a red test and not a hung one. Nothing uses a fixed port, and everything that
//! runs ends with its handle.
#![expect(clippy::expect_used, reason = "a kit for tests fails the test by panicking, with a message")]

pub mod deadline;

pub mod certs;
pub mod tls;

pub mod wire;

pub mod body;

pub mod client;

pub mod origin;

pub mod dns;

pub mod eureka;

pub mod clock;

pub mod collector;

pub mod faults;

pub mod consul;

pub mod gateway;

pub mod prometheus;

pub mod etcd;

pub use deadline::{PATIENCE, eventually, within};
pub use demo;
