//! What a policy may do to an exchange, and when.

use futures_util::future::LocalBoxFuture;
use message::{Error, Exchange, Response, Result};

/// A configured behaviour. Shared by all workers; only the futures that it returns are local to one.
///
/// Both hooks are plain functions, because nearly all policies decide at once: a hook that must wait returns
/// [`Step::Wait`], the only step that allocates.
pub trait Policy: Send + Sync + 'static {
    /// What of the request body it must see. Decides, when the document is compiled, whether anything is buffered.
    fn needs(&self) -> Needs {
        Needs::Nothing
    }

    /// Called once its document is live, for what must run beside the traffic. Before this, nothing of it may run.
    fn start(&self) {}

    /// Before the request is forwarded, in the order of the chain.
    fn on_request<'a>(&'a self, exchange: &'a mut Exchange) -> Step<'a> {
        _ = exchange;
        Step::Continue
    }

    /// Before the response goes to the client, in reverse order, if `on_request` ran. The response may be the gateway's own.
    fn on_response<'a>(&'a self, exchange: &'a mut Exchange, response: &'a mut Response) -> Step<'a> {
        _ = (exchange, response);
        Step::Continue
    }

    /// Whether the same settings would make the same policy again. If so, a reload that does not touch them keeps it, with
    /// all that it has counted; one that was made of files looks at them.
    fn is_current(&self) -> bool {
        true
    }

    /// When the exchange is over, however it ended.
    fn on_finish(&self, exchange: &Exchange) {
        _ = exchange;
    }

    /// Called when no exchange can meet it any more.
    fn retire(&self) {}
}

/// What a policy tells the chain to do next.
#[must_use]
pub enum Step<'a> {
    Continue,
    /// Answer with this. On the way in, nothing is forwarded; on the way out, it replaces the response.
    Reply(Box<Response>),
    Fail(Error),
    Wait(LocalBoxFuture<'a, Result<Flow>>),
}

/// What a policy that waited decided.
#[must_use]
pub enum Flow {
    Continue,
    Reply(Box<Response>),
}

/// What a policy must see of the request body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Needs {
    #[default]
    Nothing,
    /// It wraps the stream; nothing is held back.
    Stream,
    /// All of it, before `on_request`; a longer one is refused with 413, never let through unseen. In bytes.
    Buffer(u64),
}

/// When a policy runs, on the way in. Within a stage: gateway, listener, route, upstream, consumer; then as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Who is it?
    Identify,
    /// May they?
    Authorize,
    /// Is the request an attack?
    Protect,
    /// Is it too much?
    Limit,
    /// Is the answer known?
    Cache,
    /// Change what is sent and what comes back.
    Transform,
}

// === impl Stage ===

impl Stage {
    /// As people say it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identify => "identify",
            Self::Authorize => "authorize",
            Self::Protect => "protect",
            Self::Limit => "limit",
            Self::Cache => "cache",
            Self::Transform => "transform",
        }
    }
}

// === impl Needs ===

impl Needs {
    /// What satisfies both: the smaller buffer, because each holds its owner to a bound.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        match (self, other) {
            (Self::Buffer(a), Self::Buffer(b)) => Self::Buffer(a.min(b)),
            (Self::Buffer(limit), _) | (_, Self::Buffer(limit)) => Self::Buffer(limit),
            (Self::Stream, _) | (_, Self::Stream) => Self::Stream,
            (Self::Nothing, Self::Nothing) => Self::Nothing,
        }
    }
}
