//! Model and registry of kinds compiled to one immutable gateway.
