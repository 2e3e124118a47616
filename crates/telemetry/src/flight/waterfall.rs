//! A record for people: what came of the request, and where its time went.

use std::fmt;

use super::{AttemptTold, Flight};

/// So wide is the picture of the whole time.
const WIDTH: f64 = 40.0;

// === impl Flight ===

impl fmt::Display for Flight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}", self.method, self.url())?;
        match (self.status, &self.cause) {
            (Some(status), None) => writeln!(f, "{status}, within {} ms", self.duration_ms)?,
            (Some(status), Some(cause)) => writeln!(f, "{status} {cause}, within {} ms", self.duration_ms)?,
            (None, cause) => writeln!(f, "no answer: {}", cause.as_deref().unwrap_or("unknown"))?,
        }
        if let Some(detail) = &self.detail {
            writeln!(f, "  why      {detail}")?;
        }
        for (name, text) in [
            ("route", &self.route),
            ("side", &self.side),
            ("consumer", &self.consumer),
            ("listener", &self.listener),
            ("id", &self.request_id),
            ("trace", &self.trace_id),
        ] {
            if let Some(text) = text {
                writeln!(f, "  {name:<8} {text}")?;
            }
        }
        let Self { time, client, protocol, generation, id, .. } = self;
        writeln!(f, "  when     {time}, from {client} over {protocol}; document {generation}, record {id}")?;
        writeln!(f, "  bytes    {} received, {} sent", self.request_bytes, self.response_bytes)?;
        if !self.policies.is_empty() {
            writeln!(f, "  policies {}", self.policies.join(", "))?;
        }
        for (route, miss) in &self.nearest {
            writeln!(f, "  nearest  {route}: {miss}")?;
        }
        writeln!(f)?;
        self.waterfall(f)?;
        self.trail(f)
    }
}

impl Flight {
    /// A line per phase, each with a bar where its time was.
    fn waterfall(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = if self.duration_ms > 0.0 { WIDTH / self.duration_ms } else { 0.0 };
        for phase in &self.phases {
            let from = (phase.start_ms * scale).min(WIDTH - 1.0) as usize;
            let to = ((phase.start_ms + phase.duration_ms) * scale).round().min(WIDTH) as usize;
            let bar = "█".repeat(to.saturating_sub(from).max(1));
            let (start, took) = (phase.start_ms, phase.duration_ms);
            writeln!(f, "  {:<13} {start:>10.3} ms {took:>10.3} ms  {:from$}{bar}", phase.name, "")?;
        }
        Ok(())
    }

    /// What was tried, and what most requests do not meet.
    fn trail(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.attempts.is_empty() || !self.turns.is_empty() {
            writeln!(f)?;
        }
        let attempts = self.attempts.iter().map(|attempt| (attempt.start_ms, attempt.to_string()));
        let turns = self.turns.iter().map(|turn| (turn.at_us as f64 / 1_000.0, turn.text.clone()));
        let mut lines: Vec<_> = attempts.chain(turns).collect();
        lines.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        for (at, line) in lines {
            writeln!(f, "  {at:>10.3} ms  {line}")?;
        }
        let told = self.attempts.len() as u32;
        if self.attempts_made > told {
            writeln!(f, "                 and {} more attempts", self.attempts_made - told)?;
        }
        if self.cut {
            writeln!(f, "\n  something was too long for the record, and is cut")?;
        }
        Ok(())
    }
}

// === impl AttemptTold ===

impl fmt::Display for AttemptTold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "upstream `{}`, endpoint {}", self.upstream, self.endpoint)?;
        match (self.connection.as_deref(), self.connect_ms) {
            (Some("kept"), _) => write!(f, ", over a kept connection")?,
            (Some("new"), Some(took)) => write!(f, ", connected within {took} ms")?,
            (Some(_), Some(took)) => write!(f, ", a kept connection was dead, connected anew within {took} ms")?,
            _ => write!(f, ", no connection")?,
        }
        let outcome = self.status.map(|status| status.to_string());
        let outcome = outcome.as_deref().or(self.cause.as_deref()).unwrap_or_default();
        write!(f, ": {outcome} after {} ms", self.duration_ms)?;
        if self.overflows {
            write!(f, "; of another tier, since the first has too few that are well")?;
        }
        if self.panics {
            write!(f, "; whatever its health, since too few are well")?;
        }
        match self.passed_over {
            0 => Ok(()),
            1 => write!(f, "; another was passed over, whose breaker is open"),
            many => write!(f, "; {many} others were passed over, whose breakers are open"),
        }
    }
}
