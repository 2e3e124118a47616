//! HTTP messages as the gateway sees them, from the words inwards.

/// Why the gateway did what it did: one vocabulary for logs, metrics, problems and `Proxy-Status`.
mod cause;
/// A failure with its cause, its side and whether another try may help.
mod error;

/// Bodies: nothing, bytes at hand, a stream from a peer, or a stream that a policy made.
mod body;
/// The one canonical form of a request, computed once, and what is refused because it has none.
pub mod canonical;
/// How calls of gRPC end.
pub mod grpc;
/// Values of headers, query parameters and cookies.
pub mod field;
/// Which headers concern one hop only (RFC 9110, 7.6.1).
pub mod hop;
/// Which of the fields that the gateway itself looks at are there at all.
mod notable;
/// What shows that a caller is an operator.
mod token;
/// How far the body of a request has come.
mod upload;

/// Who called, through how many proxies.
pub mod forwarded;
/// What a response depends on, for caches.
pub mod vary;

/// Who calls, once a policy has found out.
pub mod consumer;
/// What is known of a request, for expressions.
mod facts;
/// One request on its way, with all that was found out about it.
mod exchange;
/// Who is at the other end of a client connection.
mod peer;
/// Chance, for what is decided by shares.
mod random;
/// What happened to an exchange, for those who tell it afterwards.
mod record;
/// The part that an exchange has in a trace.
pub mod trace;

pub use body::{Body, BoxBody};
pub use cause::{Cause, Side};
pub use consumer::Consumer;
pub use error::{BoxError, Error, Result, Retry};
pub use exchange::{Captures, Exchange, RequestId, Response, new_request_id};
pub use facts::Facts;
pub use notable::Notable;
pub use peer::{Peer, Tls};
pub use random::Random;
pub use record::{Attempt, Connection, Event, Near, Nearest, NotRetried, Pick, Record, Turn};
pub use token::{TOKEN_FIELD, Token, secret};
pub use trace::{SpanId, Trace, TraceId};
pub use upload::Upload;
