//! The policy contract: stages, steps, kinds, registry, chain. No policies.
