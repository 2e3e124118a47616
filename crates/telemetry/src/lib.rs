//! Every metric name, the exchange record, the access log, the exposition.
