//! The admin address: health and metrics.
