//! An explanation for people.

use std::{fmt, time::Duration};

use super::{
    CandidateTold, Decision, Explanation, FallbackTold, Forwarding, MirrorTold, RequestTold, Sent, Share, SideTold,
    Taken, TimeoutsTold,
};

/// The width of the first column.
const LABEL: usize = 12;

/// Lines of a table whose columns are as wide as they must be.
pub(super) struct Table(pub(super) Vec<Vec<String>>);

// === impl Explanation ===

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { listener, request, route, decision, mirrors, fallbacks, policies, candidates, .. } = self;
        let Self { omitted, elsewhere, .. } = self;
        match request {
            Some(request) => line(f, "request", format!("{request}, on listener `{listener}`"))?,
            None => line(f, "request", format!("{} {}, on listener `{listener}`", self.method, self.url))?,
        }
        match route {
            Some(route) => write!(f, "{route}")?,
            None => line(f, "route", "none")?,
        }
        if request.is_some() {
            writeln!(f, "\ncandidates")?;
            Table(candidates.iter().map(CandidateTold::row).collect()).fmt(f)?;
            match omitted {
                0 if candidates.is_empty() => writeln!(f, "  none: the document has no routes")?,
                0 => {}
                1 => writeln!(f, "  1 more")?,
                more => writeln!(f, "  {more} more")?,
            }
            writeln!(f, "\npolicies")?;
            let row = |policy: &super::PolicyTold| {
                vec![policy.stage.to_string(), policy.kind.to_string(), policy.origin.to_string(), policy.place.clone()]
            };
            Table(policies.iter().map(row).collect()).fmt(f)?;
            if policies.is_empty() {
                writeln!(f, "  none")?;
            }
        }
        write!(f, "\n{decision}")?;
        for MirrorTold { upstream, subset, share } in mirrors {
            let labels = subset.as_ref().map(|subset| format!(" with {subset}")).unwrap_or_default();
            let share = (share * 1e5).round() / 1e3;
            line(f, "copied", format!("to `{upstream}`{labels}, {share}% of the requests"))?;
        }
        for FallbackTold { name, upstream, subset, status } in fallbacks {
            let labels = subset.as_ref().map(|subset| format!(" with {subset}")).unwrap_or_default();
            let who = match (upstream, status) {
                (Some(upstream), _) => format!("upstream `{upstream}`{labels}"),
                (None, status) => format!("the gateway itself, with {}", status.unwrap_or_default()),
            };
            line(f, "or else", format!("`{name}`: {who}"))?;
        }
        for other in elsewhere {
            let becomes = match &other.route {
                _ if other.policies_differ => "it meets other policies".to_owned(),
                Some(route) => format!("the route is `{route}`"),
                None => "no route takes it".to_owned(),
            };
            line(f, "elsewhere", format!("on listener `{}`, {becomes}", other.listener))?;
        }
        Ok(())
    }
}

fn line(f: &mut fmt::Formatter<'_>, label: &str, text: impl fmt::Display) -> fmt::Result {
    writeln!(f, "{label:LABEL$}{text}")
}

impl fmt::Display for RequestTold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, requested_method, host, path, query, client_ip } = self;
        f.write_str(method)?;
        if let Some(requested) = requested_method {
            write!(f, " (a preflight for {requested})")?;
        }
        write!(f, " {path}")?;
        if let Some(query) = query {
            write!(f, "?{query}")?;
        }
        write!(f, ", host {host}, from {client_ip}")
    }
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, place, precedence, decided, captures } = self;
        line(f, "route", format!("`{name}`, {place}"))?;
        line(f, "precedence", precedence)?;
        match decided {
            Some(decided) => line(f, "decided by", format!("{}; next is `{}`", decided.by, decided.over))?,
            None => line(f, "decided by", "nothing, as no other route matches")?,
        }
        let captured: Vec<_> = captures.iter().map(|(name, text)| format!("{name} = {text:?}")).collect();
        if captured.is_empty() { Ok(()) } else { line(f, "captures", captured.join(", ")) }
    }
}

impl CandidateTold {
    fn row(&self) -> Vec<String> {
        let fate = match &self.miss {
            None => format!("matches: {}", self.precedence),
            Some(miss) if self.would_win => format!("{miss}; it would win otherwise"),
            Some(miss) => miss.clone(),
        };
        vec![format!("`{}`", self.route), fate]
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upstream(forwarding) => forwarding.fmt(f),
            Self::Split { why, request, shares } => {
                line(f, "sent", request)?;
                line(f, "side", why)?;
                let row = |share: &Share| {
                    let labels = share.subset.as_ref().map(|subset| format!("with {subset}")).unwrap_or_default();
                    vec![format!("`{}`", share.side), format!("upstream `{}`", share.upstream), labels]
                };
                Table(shares.iter().map(row).collect()).fmt(f)
            }
            Self::Redirect { status, location } => line(f, "answer", format!("{status}, location {location}")),
            Self::Respond { status, headers, body_bytes } => {
                line(f, "answer", format!("{status}, with a body of {body_bytes} bytes"))?;
                let rows = headers.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
                Table(rows.map(|(name, value)| vec![format!("{name}:"), value.clone()]).collect()).fmt(f)
            }
            Self::Refuse { status, cause, detail } => line(f, "answer", format!("{status} {cause}: {detail}")),
        }
    }
}

impl fmt::Display for Forwarding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { upstream, place, side, subset, request, protocol, balance, discovery, endpoints, timeouts } = self;
        line(f, "sent", request)?;
        if let Some(SideTold { name, why }) = side {
            line(f, "side", format!("`{name}`, as {why}"))?;
        }
        line(f, "upstream", format!("`{upstream}`, {place}, {protocol}, {balance}"))?;
        line(f, "timeouts", timeouts)?;
        let found = discovery.as_ref().map(|discovery| format!("found in {discovery}"));
        let subset = subset.as_ref().map(|subset| format!("with {subset}"));
        match [found, subset].into_iter().flatten().collect::<Vec<_>>().as_slice() {
            [] => writeln!(f, "endpoints")?,
            said => line(f, "endpoints", said.join(", "))?,
        }
        let has_tiers = endpoints.iter().any(|endpoint| endpoint.tier != endpoints[0].tier);
        let row = |endpoint: &super::EndpointTold| {
            let labels: Vec<_> = endpoint.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let mut row = vec![endpoint.address.clone(), format!("weight {}", endpoint.weight)];
            row.extend(has_tiers.then(|| format!("tier {}", endpoint.tier)));
            row.push(labels.join(", "));
            row
        };
        Table(endpoints.iter().map(row).collect()).fmt(f)?;
        if endpoints.is_empty() && discovery.is_some() {
            return writeln!(
                f,
                "  none is known here; a running gateway, asked with --server, knows those that there are now"
            );
        }
        if endpoints.iter().all(|endpoint| endpoint.weight == 0) {
            writeln!(f, "  none of them can be asked: the answer is 503 no_endpoint")?;
        }
        Ok(())
    }
}

impl fmt::Display for TimeoutsTold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = Duration::from_millis;
        let [connect, first_byte, idle] = [self.connect_ms, self.first_byte_ms, self.idle_ms].map(ms);
        write!(f, "connect {connect:?}, first_byte {first_byte:?}, idle {idle:?}")?;
        match self.total_ms {
            Some(total) => write!(f, ", total {:?}", ms(total)),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, path, query, host } = self;
        let query = query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        match host {
            Some(host) => write!(f, "{method} {path}{query}, host {host}"),
            None => write!(f, "{method} {path}{query}, host as the endpoint's address"),
        }
    }
}

// === impl Table ===

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width =
            |column: usize| self.0.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
        for row in &self.0 {
            let cells = row.iter().enumerate().map(|(column, cell)| format!("{cell:0$}", width(column).unwrap_or(0)));
            writeln!(f, "  {}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }
}
