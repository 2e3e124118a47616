//! A running gateway, driven over real sockets.
