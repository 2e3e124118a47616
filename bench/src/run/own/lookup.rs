//! Finding one route among many: the table as the gateway builds it, asked in this process.

use std::{
    fmt::Write as _,
    hint::black_box,
    net::IpAddr,
    time::{Duration, Instant, SystemTime},
};

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use model::{Placed, Route};
use route::{Ask, Table};

use crate::{
    Failure,
    routes::{Asked, missed, mixed},
    run::{Args, process},
};

/// Routes of a table.
const SIZES: [usize; 4] = [50, 500, 5_000, 50_000];

/// Requests that are asked again and again while everything that they touch is in the processor's caches.
const WARM: usize = 50;

/// Lookups of each kind.
const LOOKUPS: usize = 200_000;

/// A request that owns what an [`Ask`] borrows.
struct Request {
    method: Method,
    host: String,
    path: String,
    query: Option<&'static str>,
    headers: HeaderMap,
}

/// Half of the lookups took less than the first, all but one in a hundred less than the second.
struct Percentiles(Duration, Duration);

/// What one size came to.
struct Row {
    size: usize,
    build: Duration,
    /// Bytes that this process has grown by.
    memory: u64,
    warm_hit: Percentiles,
    warm_miss: Percentiles,
    cold_hit: Percentiles,
    cold_miss: Percentiles,
}

pub(super) fn measure(_: &Args) -> Result<String, Failure> {
    let mut text = String::from(
        "| routes | build ms | RSS MiB | warm hit p50 / p99 ns | warm miss | cold hit | cold miss |\n\
         |---|---|---|---|---|---|---|\n",
    );
    let rows = SIZES.into_iter().map(row).collect::<Result<Vec<_>, _>>()?;
    for row in &rows {
        let Row { size, build, memory, warm_hit, warm_miss, cold_hit, cold_miss } = row;
        let (build, memory) = (build.as_secs_f64() * 1e3, *memory as f64 / f64::from(1 << 20));
        let [warm_hit, warm_miss, cold_hit, cold_miss] =
            [warm_hit, warm_miss, cold_hit, cold_miss].map(Percentiles::show);
        writeln!(text, "| {size} | {build:.1} | {memory:.1} | {warm_hit} | {warm_miss} | {cold_hit} | {cold_miss} |")?;
    }
    if let (Some(small), Some(large)) = (rows.first(), rows.last()) {
        let growth = |of: fn(&Row) -> &Percentiles| of(large).0.as_secs_f64() / of(small).0.as_secs_f64();
        writeln!(
            text,
            "\nGrowth of p50 from {} to {} routes: warm hit {:.2}, warm miss {:.2}, cold hit {:.2}, cold miss {:.2}.",
            small.size,
            large.size,
            growth(|row| &row.warm_hit),
            growth(|row| &row.warm_miss),
            growth(|row| &row.cold_hit),
            growth(|row| &row.cold_miss),
        )?;
    }
    text += "The clock's own time is in every figure: ";
    writeln!(text, "{} ns (p50 of two looks at it).", clock().as_nanos())?;
    Ok(text)
}

fn row(size: usize) -> Result<Row, Failure> {
    let routes = routes(size)?;
    let memory = process::own_memory();
    let start = Instant::now();
    let table = Table::build(&routes).map_err(|error| format!("{error}"))?;
    let build = start.elapsed();
    let memory = process::own_memory().saturating_sub(memory);
    let hits: Vec<_> = scattered(size).map(|index| Request::new(mixed(index).asked)).collect::<Result<_, _>>()?;
    let misses: Vec<_> = scattered(size).map(|index| Request::new(missed(index))).collect::<Result<_, _>>()?;
    let warm = WARM.min(size);
    Ok(Row {
        size,
        build,
        memory,
        warm_hit: lookups(&table, &hits[..warm], true)?,
        warm_miss: lookups(&table, &misses[..warm], false)?,
        cold_hit: lookups(&table, &hits, true)?,
        cold_miss: lookups(&table, &misses, false)?,
    })
}

/// Through the document's own parser and checks, so that these are the routes that the gateway would have.
fn routes(size: usize) -> Result<Vec<Placed<Route>>, Failure> {
    let mut text = String::from("version: 1\nroutes:\n");
    for index in 0..size {
        writeln!(text, "  - {{ name: r{index}, match: {}, respond: {{}} }}", mixed(index).matching)?;
    }
    let mut report = model::Report::default();
    let tree = model::parse("lookup.yaml", &text, &|_| None, &mut report);
    let model = tree.and_then(|tree| model::check(&tree, &mut report));
    let problem = || report.problems.first().map(ToString::to_string).unwrap_or_default();
    Ok(model.ok_or_else(problem)?.routes)
}

/// All indices, but not in the order of memory: the stride shares no factor with the sizes.
fn scattered(size: usize) -> impl Iterator<Item = usize> {
    (0..size).map(move |index| index * 7_919 % size)
}

fn lookups(table: &Table, requests: &[Request], hit: bool) -> Result<Percentiles, Failure> {
    let found = requests.iter().filter(|request| table.find(&request.ask()).is_some()).count();
    if found != if hit { requests.len() } else { 0 } {
        return Err(format!("{found} of {} requests found a route", requests.len()).into());
    }
    let mut times: Vec<_> = (0..LOOKUPS)
        .map(|index| {
            let request = &requests[index % requests.len()];
            request.touch();
            let ask = black_box(request.ask());
            let start = Instant::now();
            black_box(table.find(black_box(&ask)));
            start.elapsed()
        })
        .collect();
    Ok(Percentiles::of(&mut times))
}

fn clock() -> Duration {
    let mut times: Vec<_> = (0..LOOKUPS).map(|_| Instant::now().elapsed()).collect();
    Percentiles::of(&mut times).0
}

// === impl Request ===

impl Request {
    fn new(asked: Asked) -> Result<Self, Failure> {
        let Asked { method, host, path, query, field } = asked;
        let field = field.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        Ok(Self { method: method.parse()?, host, path, query, headers: field.into_iter().collect() })
    }

    /// A request is warm when its route is looked for: it has just been parsed.
    fn touch(&self) {
        black_box(self.host.bytes().chain(self.path.bytes()).fold(0_u8, u8::wrapping_add));
        black_box(self.headers.iter().count());
    }

    fn ask(&self) -> Ask<'_> {
        Ask {
            listener: model::ListenerId(0),
            host: &self.host,
            path: &self.path,
            query: self.query,
            method: &self.method,
            headers: &self.headers,
            client_ip: IpAddr::from([192, 0, 2, 1]),
            scheme: "http",
            sni: None,
            now: &SystemTime::now,
        }
    }
}

// === impl Percentiles ===

impl Percentiles {
    fn of(times: &mut [Duration]) -> Self {
        times.sort_unstable();
        Self(times[times.len() / 2], times[times.len() * 99 / 100])
    }

    fn show(&self) -> String {
        format!("{} / {}", self.0.as_nanos(), self.1.as_nanos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every request belongs to its own route, also among more routes.
    #[test]
    fn the_mix_tells_its_routes_apart() {
        let table = Table::build(&routes(400).unwrap()).unwrap();
        for index in 0..400 {
            let request = Request::new(mixed(index).asked).unwrap();
            let found = table.find(&request.ask()).map(|found| found.route);
            assert_eq!(found, Some(index), "{:?}", mixed(index));
            assert!(table.find(&Request::new(missed(index)).unwrap().ask()).is_none(), "{index}");
        }
    }
}
