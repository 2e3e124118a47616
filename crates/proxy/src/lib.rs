//! The path of a request: accept, connection, exchange, forward, relay, reply.
