//! Which endpoint, over which connection? Balance, endpoint sets, TLS to endpoints, pools.
