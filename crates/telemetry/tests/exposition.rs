//! A whole scrape, read back by a parser that knows nothing of the writer, and by `promtool` where there is one.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    process::{Command, Stdio},
    time::{Duration, Instant, SystemTime},
};

use http::StatusCode;
use message::{Attempt, Cause, Record};
use model::LogSink;
use telemetry::{
    AccessLogs, EndpointMetrics, Expose, Exposition, Format, GatewayMetrics, MirrorMetrics, Protocol, RouteMetrics,
    SideMetrics, Timing, TraceMetrics, UpstreamMetrics, finish, names, render,
};

/// Samples by name and labels as written; the names of the families with their types.
struct Scrape {
    samples: BTreeMap<String, f64>,
    families: Vec<(String, String)>,
}

impl Scrape {
    fn parse(text: &str) -> Self {
        let (mut samples, mut families) = (BTreeMap::new(), Vec::<(String, String)>::new());
        let lines = text.strip_suffix('\n').expect("the last line ends").split('\n');
        for line in lines.filter(|line| *line != "# EOF") {
            if let Some(meta) = line.strip_prefix("# ") {
                let mut words = meta.splitn(3, ' ');
                let (what, name, rest) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
                match what {
                    "TYPE" => families.push((name.to_owned(), rest.to_owned())),
                    "HELP" => assert!(families.iter().all(|(family, _)| family != name), "{name} is spread"),
                    "UNIT" => assert!(name.ends_with(rest), "{line}"),
                    _ => panic!("{line}"),
                }
                continue;
            }
            let (series, value) = line.rsplit_once(' ').expect(line);
            let family = &families.last().expect("samples follow their type").0;
            assert!(series.starts_with(family.as_str()), "{line} stands in {family}");
            let earlier = samples.insert(series.to_owned(), value.parse().expect(line));
            assert!(earlier.is_none(), "{series} stands twice");
        }
        Self { samples, families }
    }

    #[track_caller]
    fn get(&self, series: &str) -> f64 {
        *self.samples.get(series).unwrap_or_else(|| panic!("no {series} in {:#?}", self.samples.keys()))
    }

    fn names(&self) -> BTreeSet<&str> {
        self.samples.keys().map(|series| series.split('{').next().unwrap()).collect()
    }
}

/// What others than this crate have samples for.
struct Others;

impl Expose for Others {
    fn expose(&self, out: &mut Exposition) {
        out.family(&names::BREAKER_STATE).count(&["", "users", ""], 3);
        out.family(&names::BREAKER_TRANSITIONS).count(&["", "users", "", "open", "failure_ratio"], 1);
        out.family(&names::BREAKER_REFUSED).count(&["", "users", ""], 7);
    }
}

/// A gateway of two workers that did a little of everything.
fn scrape(format: Format) -> String {
    let gateway = GatewayMetrics::new(2, "1.2.3", SystemTime::now());
    gateway.config_loaded(1, SystemTime::now());
    let (users, idle) = (RouteMetrics::new(2), RouteMetrics::new(2));
    let (upstream, unused, endpoint) = (UpstreamMetrics::new(2), UpstreamMetrics::new(2), EndpointMetrics::default());
    let (canary, never) = (SideMetrics::new(2), SideMetrics::new(2));
    let (mirror, silent) = (MirrorMetrics::new(2), MirrorMetrics::new(2));
    let sink = LogSink::File { path: "/dev/null".into(), rotate: None };
    let log = AccessLogs::open(&[model::AccessLog::to("main", sink)], 2, &AccessLogs::default()).unwrap();

    let start = Instant::now();
    let mut record = Record::new(start);
    let attempt = Attempt {
        duration: Duration::from_millis(4),
        outcome: Ok(StatusCode::OK),
        ..Attempt::new(0, "10.0.0.3:80".into(), start)
    };
    record.attempts.push(attempt.clone());
    record.responded = Some(start + Duration::from_micros(4_080));
    (record.status, record.request_bytes, record.response_bytes) = (Some(StatusCode::OK), 10, 150);
    let timing = Timing::of(&record, start + Duration::from_millis(6));
    for worker in 0..2 {
        gateway.connection_opened(worker);
        upstream.connection_opened(worker);
        upstream.attempt_began(worker);
        upstream.attempt_ended(worker, &attempt, &endpoint);
        gateway.request_began(worker);
        finish(&record, &timing, Some(&users), &gateway, worker, Protocol::Http1);
        canary.observe(worker, &record, &timing);
    }
    upstream.attempt_began(1);
    upstream.attempt_ended(1, &Attempt { outcome: Err(Cause::ConnectTimeout), ..attempt }, &endpoint);
    upstream.attempt_began(1);

    let mut lost = Record::new(start);
    lost.cause = Some(Cause::NoRoute);
    gateway.request_began(0);
    gateway.request_began(0);
    finish(&lost, &Timing::of(&lost, start), None, &gateway, 0, Protocol::Grpc);

    mirror.copy_began(0);
    mirror.copy_ended(0, Ok(StatusCode::CREATED));
    mirror.copy_began(1);
    mirror.copy_ended(1, Err(Cause::BodyTooLarge));
    mirror.overflowed(0);
    mirror.copy_began(1);

    let mirrors = [(["users", "shadow"], &mirror), (["idle", "shadow"], &silent)];
    let routes = [("users \"v2\"\\", &users), ("idle", &idle)];
    let sides = [(["users", "canary"], &canary), (["users", "unused"], &never)];
    let upstreams = [("users", &upstream), ("unused", &unused)];
    render(
        format,
        &gateway,
        routes.into_iter(),
        sides.into_iter(),
        upstreams.into_iter(),
        mirrors.into_iter(),
        &[&Others, &TraceMetrics::default(), &log],
    )
}

#[test]
fn a_scrape_tells_what_happened() {
    let scrape = Scrape::parse(&scrape(Format::Text));
    for (series, value) in [
        (r#"sluice_build_info{version="1.2.3"}"#, 1.0),
        (r#"sluice_open_connections{worker="1"}"#, 1.0),
        (r#"sluice_inflight_requests{worker="0"}"#, 1.0),
        (r#"sluice_inflight_requests{worker="1"}"#, 0.0),
        (r#"sluice_requests_caused_total{cause="no_route"}"#, 1.0),
        (r#"sluice_requests_caused_total{cause="internal"}"#, 0.0),
        (r#"sluice_requests_total{route="users \"v2\"\\",code_class="2xx",protocol="http1"}"#, 2.0),
        (r#"sluice_requests_total{route="_none",code_class="none",protocol="grpc"}"#, 1.0),
        (r#"sluice_request_duration_seconds_bucket{route="users \"v2\"\\",le="0.005"}"#, 0.0),
        (r#"sluice_request_duration_seconds_bucket{route="users \"v2\"\\",le="0.01"}"#, 2.0),
        (r#"sluice_request_duration_seconds_sum{route="users \"v2\"\\"}"#, 0.012),
        (r#"sluice_overhead_seconds_bucket{route="users \"v2\"\\",le="0.0001"}"#, 2.0),
        (r#"sluice_overhead_seconds_sum{route="users \"v2\"\\"}"#, 0.000_16),
        (r#"sluice_overhead_seconds_count{route="_none"}"#, 0.0),
        (r#"sluice_response_bytes_total{route="users \"v2\"\\"}"#, 300.0),
        (r#"sluice_split_requests_total{route="users",side="canary",code_class="2xx"}"#, 2.0),
        (r#"sluice_split_duration_seconds_sum{route="users",side="canary"}"#, 0.012),
        (r#"sluice_upstream_attempts_total{upstream="users",outcome="2xx"}"#, 2.0),
        (r#"sluice_upstream_attempts_total{upstream="users",outcome="connect_timeout"}"#, 1.0),
        (r#"sluice_upstream_duration_seconds_count{upstream="users"}"#, 3.0),
        (r#"sluice_upstream_inflight_requests{upstream="users"}"#, 1.0),
        (r#"sluice_upstream_connections_opened_total{upstream="users"}"#, 2.0),
        (r#"sluice_mirror_requests_total{route="users",upstream="shadow",outcome="2xx"}"#, 1.0),
        (r#"sluice_mirror_requests_total{route="users",upstream="shadow",outcome="body_too_large"}"#, 1.0),
        (r#"sluice_mirror_requests_total{route="users",upstream="shadow",outcome="overflow"}"#, 1.0),
        (r#"sluice_mirror_inflight_requests{route="users",upstream="shadow"}"#, 1.0),
        (r#"sluice_access_log_lines_total{log="main"}"#, 0.0),
        (r#"sluice_access_log_dropped_lines_total{log="main"}"#, 0.0),
    ] {
        assert_eq!(scrape.get(series), value, "{series}");
    }
    assert!(!scrape.samples.keys().any(|series| series.contains("idle") || series.contains("unused")));
}

/// However many routes a document has, a scraper gets so many series; and every request is in one of them.
#[test]
fn routes_beyond_the_bound_are_one() {
    const BOUND: usize = 10_000;
    let gateway = GatewayMetrics::new(1, "0", SystemTime::now());
    let mut record = Record::new(Instant::now());
    record.status = Some(StatusCode::OK);
    let timing = Timing::of(&record, record.started);
    let routes: Vec<_> = (0..BOUND + 7).map(|number| (format!("route-{number}"), RouteMetrics::new(1))).collect();
    routes.iter().for_each(|(_, route)| route.observe(0, &record, &timing, Protocol::Http1));
    let shown = || {
        let routes = routes.iter().map(|(name, route)| (name.as_str(), route));
        let (sides, upstreams, mirrors) = (std::iter::empty(), std::iter::empty(), std::iter::empty());
        let text = render(Format::Text, &gateway, routes, sides, upstreams, mirrors, &[]);
        let of_requests = text.lines().filter(|line| line.starts_with("sluice_requests_total{"));
        of_requests.map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    let first = shown();
    assert_eq!(first.len(), BOUND + 1);
    assert_eq!(first.last().unwrap(), r#"sluice_requests_total{route="_other",code_class="2xx",protocol="http1"} 7"#);
    // Who has a name keeps it, and so does nobody else get one.
    routes.iter().rev().for_each(|(_, route)| route.observe(0, &record, &timing, Protocol::Http1));
    let names =
        |lines: &[String]| lines.iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(names(&first), names(&shown()));
}

#[test]
fn the_two_formats_say_the_same() {
    let (text, open_metrics) = (scrape(Format::Text), scrape(Format::OpenMetrics));
    assert!(open_metrics.ends_with("\n# EOF\n") && !text.contains("EOF"));
    let (text, open_metrics) = (Scrape::parse(&text), Scrape::parse(&open_metrics));
    assert_eq!(text.names(), open_metrics.names());
    for (family, kind) in &open_metrics.families {
        let suffix = match kind.as_str() {
            "counter" => "_total",
            "info" => "_info",
            _ => "",
        };
        let kind = if kind == "info" { "gauge" } else { kind };
        assert!(text.families.contains(&(format!("{family}{suffix}"), kind.to_owned())), "{family}");
    }
}

#[test]
fn every_family_is_declared_and_every_declared_one_is_shown() {
    let scrape = Scrape::parse(&scrape(Format::Text));
    let shown: BTreeSet<_> = scrape.families.iter().map(|(name, _)| name.as_str()).collect();
    let declared: BTreeSet<_> = names::ALL.iter().map(|family| family.name).collect();
    // Where the system does not tell about processes, theirs are missing.
    // What the control plane knows of the health of endpoints and of registries, it shows itself, and so do our own registry,
    // the admin address and whoever follows revisions.
    let elsewhere = ["sluice_upstream_endpoints", "sluice_upstream_probes_total", "sluice_upstream_ejections_total"];
    let begins =
        ["process_", "sluice_registry_", "sluice_own_registry_", "sluice_admin_", "sluice_audit_", "sluice_revisions_"];
    let is_elsewhere = |name: &str| elsewhere.contains(&name) || begins.iter().any(|begin| name.starts_with(begin));
    let is_missing = |name: &&&str| !is_elsewhere(name);
    let missing: Vec<_> = declared.difference(&shown).filter(is_missing).collect();
    assert!(shown.is_subset(&declared) && missing.is_empty(), "{missing:?}");
}

#[test]
fn promtool_finds_nothing_to_complain_about() {
    let program = std::env::var_os("PROMTOOL").unwrap_or_else(|| "promtool".into());
    let spawned = Command::new(&program)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut promtool) = spawned else {
        // Past the capture of the test harness, which hides what tests that pass print.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: no promtool on this machine (Debian: apt-get install prometheus); PROMTOOL names another"
        );
        return;
    };
    promtool.stdin.take().unwrap().write_all(scrape(Format::Text).as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success() && said.is_empty(), "{said}");
}
