//! `docs/metrics.md`

use telemetry::names;

use crate::{Page, head, row};

const INTRODUCTION: &str = "\
`GET /metrics` on the admin address gives all of them, as Prometheus text or, for scrapers that ask for it, as OpenMetrics.
Counters never go back while the process runs: a reload keeps those of every route and upstream whose name stays.
What to watch, with queries, is in [operations](operations.md#what-to-watch).

";

const LABELS: &str = "
## Labels

No label takes a value that a client could choose, so the number of series is bounded by the document.

| label | values |
| --- | --- |
| `route`, `upstream` | the names in the document. `_none`: no route took the request. `_other`: all beyond the first 10,000 names |
| `endpoint` | addresses, of circuit breakers alone: those of endpoints that ever did something, up to 10,000 breakers in all |
| `cause` | the names of [errors](errors.md) |
| `code_class` | `1xx` to `5xx`; `none` if the client got no response |
| `protocol` | `http1`, `http2`, `grpc`, `websocket` |
| `outcome` | of one attempt, or copy: the class of the answer, `1xx` to `5xx`, or the cause of the failure; for a copy also `overflow` |
| `result` | `success`, `failure` |
| `worker` | the number of the thread, from 0 |

Series of a route, upstream or mirror begin with its first request.
";

pub(crate) fn page() -> Page {
    let mut text = INTRODUCTION.to_owned();
    text += &head(&["metric", "kind", "labels", "what it counts"]);
    for family in names::ALL {
        let labels: Vec<String> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        text += &row(&[
            &format!("`{}`", family.name),
            &format!("{:?}", family.kind).to_lowercase(),
            &labels.join(", "),
            family.help,
        ]);
    }
    text += LABELS;
    Page { name: "metrics.md", title: "Metrics", source: "`crates/telemetry/src/names.rs`", text }
}
