//! Sources, check, compile, publish.
