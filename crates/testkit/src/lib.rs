//! For tests: a gateway on port 0, origins, a raw wire client.
