//! Every metric of the gateway, in the order in which a scrape shows them.
//!
//! Base units, `_total` on counters, no label whose values a client could choose. Whoever adds a metric adds it to the
//! table; whoever reads the table has read what a dashboard can know.

/// A metric with all its series.
#[derive(Debug, PartialEq, Eq)]
pub struct Family {
    /// As a query writes it, with `_total` or `_info` where the kind asks for that.
    pub name: &'static str,
    pub kind: Kind,
    /// Names of the labels; samples give the values in this order.
    pub labels: &'static [&'static str],
    /// One sentence for people.
    pub help: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
    /// A constant 1; the labels are the message.
    Info,
}

/// The table below: constant, name, kind, labels, help.
macro_rules! families {
    ($($constant:ident $name:literal $kind:ident [$($label:literal)*] $help:literal;)+) => {
        $(#[doc = $help] pub const $constant: Family =
            Family { name: $name, kind: Kind::$kind, labels: &[$($label),*], help: $help };)+

        /// The table as a list.
        pub const ALL: &[Family] = &[$($constant),+];
    };
}

families! {
    BUILD_INFO "sluice_build_info" Info ["version"] "Which version runs.";
    START_TIME "sluice_start_time_seconds" Gauge [] "When the gateway started, in seconds since 1970.";

    CONFIG_GENERATION "sluice_config_generation" Gauge [] "Number of the configuration that is being served.";
    CONFIG_RELOADS "sluice_config_reload_total" Counter ["result"] "Configurations that were loaded, or refused.";
    CONFIG_LAST_SUCCESS "sluice_config_last_reload_success_timestamp_seconds" Gauge [] "When a configuration was last loaded, in seconds since 1970.";

    REVISIONS_UP "sluice_revisions_up" Gauge [] "Whether etcd, where `gateway.home` says so, answers and holds what can be read: 1, or else 0.";
    REVISIONS_LATEST "sluice_revisions_latest" Gauge [] "Number of the newest revision in etcd, as far as it was heard of.";
    REVISIONS_LIVE "sluice_revisions_live" Gauge [] "Number of the revision of etcd that is being served.";
    REVISIONS_NODES "sluice_revisions_nodes" Gauge [] "Gateways that are listed in etcd, this one among them.";

    OPEN_CONNECTIONS "sluice_open_connections" Gauge ["worker"] "Open client connections.";
    INFLIGHT_REQUESTS "sluice_inflight_requests" Gauge ["worker"] "Requests that are being served.";
    CAUSED_REQUESTS "sluice_requests_caused_total" Counter ["cause"] "Requests that did not simply end well, by their cause.";

    REQUESTS "sluice_requests_total" Counter ["route" "code_class" "protocol"] "Requests that ended, by the response that the client got.";
    REQUEST_DURATION "sluice_request_duration_seconds" Histogram ["route"] "From the head of the request to the end of the response.";
    OVERHEAD "sluice_overhead_seconds" Histogram ["route"] "From the head of the request to the head of the response, without the time that endpoints took.";
    REQUEST_BYTES "sluice_request_bytes_total" Counter ["route"] "Bytes of request bodies.";
    RESPONSE_BYTES "sluice_response_bytes_total" Counter ["route"] "Bytes of response bodies.";

    SPLIT_REQUESTS "sluice_split_requests_total" Counter ["route" "side" "code_class"] "Requests that ended, by the side of a split, or the version, that was chosen for them.";
    SPLIT_DURATION "sluice_split_duration_seconds" Histogram ["route" "side"] "From the head of the request to the end of the response, by the side of a split, or the version.";

    UPSTREAM_ATTEMPTS "sluice_upstream_attempts_total" Counter ["upstream" "outcome"] "Attempts to have a request answered, by the class of the answer or the cause of the failure.";
    UPSTREAM_DURATION "sluice_upstream_duration_seconds" Histogram ["upstream"] "From the choice of an endpoint to the head of its response, or to the failure.";
    UPSTREAM_INFLIGHT "sluice_upstream_inflight_requests" Gauge ["upstream"] "Attempts under way.";
    UPSTREAM_CONNECTIONS "sluice_upstream_connections_opened_total" Counter ["upstream"] "Connections made to endpoints.";
    UPSTREAM_RETRIES "sluice_upstream_retries_total" Counter ["upstream"] "Requests that were sent once more.";
    UPSTREAM_RETRIES_DENIED "sluice_upstream_retries_denied_total" Counter ["upstream"] "Requests that would have been sent once more, had the budget not been spent.";
    UPSTREAM_KEYS_MISSED "sluice_upstream_keys_missed_total" Counter ["upstream"] "Requests without the key that the balance goes by; chance chose their endpoint.";
    UPSTREAM_CLIENTS_BOUND "sluice_upstream_clients_bound_total" Counter ["upstream"] "Cookies given to clients so that they come back to their endpoint.";
    UPSTREAM_OVERFLOWED "sluice_upstream_overflowed_total" Counter ["upstream"] "Attempts sent to another tier of endpoints than the first.";
    UPSTREAM_PANICKED "sluice_upstream_panicked_total" Counter ["upstream"] "Attempts sent to an endpoint whatever its health, because too few were fit to be asked.";

    BREAKER_STATE "sluice_breaker_state" Gauge ["route" "upstream" "endpoint"] "What a circuit breaker does: 0 closed, 1 ramp, 2 half open, 3 open. Labels are empty for what it is not about.";
    BREAKER_TRANSITIONS "sluice_breaker_transitions_total" Counter ["route" "upstream" "endpoint" "to" "reason"] "Changes of the state of a circuit breaker, and orders that it was given.";
    BREAKER_REFUSED "sluice_breaker_refused_total" Counter ["route" "upstream" "endpoint"] "Attempts that a circuit breaker did not let pass.";

    MIRROR_REQUESTS "sluice_mirror_requests_total" Counter ["route" "upstream" "outcome"] "Requests that were to be copied, by the class of the answer, the cause of the failure, or why no copy was sent.";
    MIRROR_INFLIGHT "sluice_mirror_inflight_requests" Gauge ["route" "upstream"] "Copies under way, from the choice of the request to the end of the answer.";

    UPSTREAM_ENDPOINTS "sluice_upstream_endpoints" Gauge ["upstream" "state"] "Endpoints by the state of their health, of upstreams with `health`.";
    UPSTREAM_PROBES "sluice_upstream_probes_total" Counter ["upstream" "outcome"] "Health probes that ended, by what they came to.";
    UPSTREAM_EJECTIONS "sluice_upstream_ejections_total" Counter ["upstream" "reason"] "Endpoints that were left out for a while because they failed too many requests.";

    REGISTRY_LAST_SYNC "sluice_registry_last_sync_timestamp_seconds" Gauge ["registry" "service"] "When a registry last answered for a service, in seconds since 1970.";
    REGISTRY_STALE "sluice_registry_stale" Gauge ["registry" "service"] "1 while a registry does not confirm the endpoints that serve: it fails, or has not answered since the start.";
    REGISTRY_FAILURES "sluice_registry_failures_total" Counter ["registry" "service" "kind"] "Attempts to have a registry answer that failed.";
    REGISTRY_INSTANCES "sluice_registry_instances" Gauge ["registry" "service" "state"] "Instances of the answer that is believed: up, draining, down, or why they are left out.";
    REGISTRY_HOLDING "sluice_registry_holding" Gauge ["registry" "service"] "1 while an answer is held back because it is empty, or leaves less than half of the instances.";
    REGISTRY_HELD "sluice_registry_held_total" Counter ["registry" "service"] "Answers that were held back because they were empty, or left less than half of the instances.";
    REGISTRY_SWAPS "sluice_registry_swaps_total" Counter ["registry" "service"] "Endpoint sets that took the place of others.";

    OWN_REGISTRY_INSTANCES "sluice_own_registry_instances" Gauge ["status"] "Instances in the gateway's own registry, by their status.";
    OWN_REGISTRY_REGISTRATIONS "sluice_own_registry_registrations_total" Counter ["dialect"] "Registrations, by the dialect that was spoken: rest, eureka or consul.";
    OWN_REGISTRY_RENEWALS "sluice_own_registry_renewals_total" Counter ["dialect"] "Heartbeats of registered instances.";
    OWN_REGISTRY_EXPIRATIONS "sluice_own_registry_expirations_total" Counter ["dialect"] "Instances of which nothing was heard in time, by the dialect in which they registered.";
    OWN_REGISTRY_REFUSALS "sluice_own_registry_refusals_total" Counter ["dialect"] "Requests to the registry that were refused: bad, unknown, or too many.";
    OWN_REGISTRY_WRITE_FAILURES "sluice_own_registry_write_failures_total" Counter [] "Batches that could not be written to the file of the registry.";

    ADMIN_DENIED "sluice_admin_denied_total" Counter ["reason"] "Requests to the admin address that were refused, by the reason.";
    AUDIT_LOST "sluice_audit_entries_lost_total" Counter [] "Entries that could not be kept in the audit log.";

    ACCESS_LOG_LINES "sluice_access_log_lines_total" Counter ["log"] "Lines of an access log that were written, or taken by the server that they go to.";
    ACCESS_LOG_DROPPED "sluice_access_log_dropped_lines_total" Counter ["log"] "Lines of an access log that were lost because its sink was slow or broken.";

    SPANS_EXPORTED "sluice_spans_exported_total" Counter [] "Spans that the collector took.";
    SPANS_DROPPED "sluice_spans_dropped_total" Counter ["reason"] "Spans that were lost: there was no room, the collector could not be reached or did not want them, or the end came first.";

    PROCESS_CPU "process_cpu_seconds_total" Counter [] "Processor time of the process, user and system.";
    PROCESS_MEMORY "process_resident_memory_bytes" Gauge [] "Memory of the process that is in RAM.";
    PROCESS_THREADS "process_threads" Gauge [] "Threads of the process.";
    PROCESS_OPEN_FDS "process_open_fds" Gauge [] "File descriptors that are open.";
    PROCESS_MAX_FDS "process_max_fds" Gauge [] "File descriptors that may be open.";
}

/// Value of the label `route` for requests that no route took.
pub const NO_ROUTE: &str = "_none";
/// Stands for all the routes, or upstreams, beyond those that get series of their own.
pub const OTHER: &str = "_other";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rules_of_prometheus() {
        for (index, Family { name, kind, help, .. }) in ALL.iter().enumerate() {
            assert!(ALL[..index].iter().all(|other| other.name != *name), "{name} stands twice");
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
            assert_eq!(name.ends_with("_info"), *kind == Kind::Info, "{name}");
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            // So that the exposition need not escape it.
            assert!(help.ends_with('.') && !help.contains(['\\', '"', '\n']), "{name}: {help}");
        }
    }
}
