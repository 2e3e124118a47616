//! What counts as a failure.

/// What an attempt may come to that is no success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failures {
    pub connect_failure: bool,
    pub refused_stream: bool,
    pub reset: bool,
    pub timeout: bool,
    /// Any status from 500.
    pub server_error: bool,
    pub statuses: Vec<u16>,
    /// A bit for each gRPC status.
    pub grpc: u32,
}

// === impl Failures ===

impl Failures {
    pub const NONE: Self = Self {
        connect_failure: false,
        refused_stream: false,
        reset: false,
        timeout: false,
        server_error: false,
        statuses: Vec::new(),
        grpc: 0,
    };

    /// Whether a response with this status is one.
    pub fn has_status(&self, status: u16) -> bool {
        self.server_error && status >= 500 || self.statuses.contains(&status)
    }

    /// Whether a call with this gRPC status is one.
    pub fn has_grpc(&self, status: u32) -> bool {
        status < u32::BITS && self.grpc & 1 << status != 0
    }
}
