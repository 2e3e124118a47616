//! The part that an exchange has in a trace: a request with everything that it sets off, in several services.

/// Zipkin's context, in one header or several (github.com/openzipkin/b3-propagation).
mod b3;
/// Identifiers, and how they are written.
mod id;
/// What an exchange does about traces: whom it follows, and what is told of it.
mod rules;
/// What vendors have to say beside the context: `tracestate`.
mod state;
/// W3C Trace Context, Level 2.
mod w3c;

use http::{HeaderMap, HeaderName, HeaderValue};

pub use id::{SpanId, TraceId};
pub use rules::{Format, Ratio, Rules, Whose, is_failure};

/// The part of one exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    pub id: TraceId,
    /// What the caller did when it asked; `None`: the trace begins here.
    pub parent: Option<SpanId>,
    /// What the exchange is.
    pub span: SpanId,
    /// Chosen at the begin. Those who are asked are told, so that either all tell of it or nobody does.
    pub is_sampled: bool,
    /// Whether the last seven bytes of the id are known to be random; whoever made the id said so.
    pub is_random: bool,
}

/// What somebody who is asked is told: that what it is asked for belongs to a span of a trace.
#[derive(Debug, Clone, Copy)]
pub struct Context<'r> {
    trace: Trace,
    span: SpanId,
    formats: &'r [Format],
}

/// What a caller says of the trace that it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Said {
    /// B3 allows to say only whether there is to be a trace.
    ids: Option<(TraceId, SpanId)>,
    /// `None`: left to us.
    is_sampled: Option<bool>,
    is_random: bool,
}

// === impl Trace ===

impl Trace {
    /// The span of an attempt. It follows from that of the exchange, so that nobody needs to note it.
    pub fn attempt(&self, index: usize) -> SpanId {
        self.span.child(index as u64)
    }

    /// The span of a wait in the gateway; apart from those of attempts, of which there are never so many.
    pub fn wait(&self, index: usize) -> SpanId {
        self.span.child(1 << 32 | index as u64)
    }

    /// What somebody is told who is asked in `span`.
    pub fn context<'r>(&self, span: SpanId, formats: &'r [Format]) -> Context<'r> {
        Context { trace: *self, span, formats }
    }
}

// === impl Context ===

impl Context<'_> {
    /// Whether it says something in a field of this name (in lower case), in which then nobody else says anything.
    #[inline]
    pub fn has(&self, name: &str) -> bool {
        let is_of = |format: &Format| match format {
            Format::W3c => name == w3c::TRACEPARENT,
            Format::B3 => name == b3::B3,
            Format::B3Multi => b3::MULTI.contains(&name),
        };
        match self.formats {
            // Asked of every field of every request, so the usual case is one comparison of lengths.
            [only @ Format::W3c] => is_of(only),
            formats => formats.iter().any(is_of),
        }
    }

    /// Tells each field: its name in lower case, its value in visible characters.
    pub fn fields(&self, mut tell: impl FnMut(&'static str, &[u8])) {
        let Self { trace, span, formats } = self;
        for format in *formats {
            match format {
                Format::W3c => w3c::write(trace, *span, &mut tell),
                Format::B3 => b3::write_single(trace, *span, &mut tell),
                Format::B3Multi => b3::write_multi(trace, *span, &mut tell),
            }
        }
    }

    /// Writes the fields into a head.
    pub fn write(&self, headers: &mut HeaderMap) {
        self.fields(|name, text| put(headers, HeaderName::from_static(name), text));
    }
}

/// Nothing that a client does fills a head so that there is no room, but if something did, the request would go without.
fn put(headers: &mut HeaderMap, name: HeaderName, text: &[u8]) {
    if let Ok(value) = HeaderValue::from_bytes(text) {
        _ = headers.try_insert(name, value);
    }
}

/// The only value of a field; `None` if there is none, or several.
fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests;
