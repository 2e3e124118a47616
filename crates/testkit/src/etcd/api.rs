//! What tests ask of etcd, over its HTTP API with JSON: another way than the one that is tested.

use std::{collections::BTreeMap, net::SocketAddr};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::client::{Client, request};

/// A connection on which a member is asked one thing after the other. Ends with the member.
#[derive(Debug)]
pub struct Api(Client);

/// What a key holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub value: Vec<u8>,
    /// The revision at which it was last written.
    pub revision: i64,
}

// === impl Api ===

impl Api {
    /// Connects to a member without TLS.
    ///
    /// # Panics
    /// When nobody accepts.
    pub async fn connect(address: SocketAddr) -> Self {
        Self(Client::http1(address).await)
    }

    /// Puts a key; gives the revision.
    ///
    /// # Panics
    /// As all that follow, when the member does not do it.
    pub async fn put(&mut self, key: &str, value: &str) -> i64 {
        revision(&self.ask("/v3/kv/put", &json!({ "key": encoded(key), "value": encoded(value) })).await)
    }

    /// Puts a key that goes with a lease.
    ///
    /// # Panics
    /// As [`Api::put`].
    pub async fn put_with(&mut self, key: &str, value: &str, lease: i64) -> i64 {
        let body = json!({ "key": encoded(key), "value": encoded(value), "lease": lease.to_string() });
        revision(&self.ask("/v3/kv/put", &body).await)
    }

    /// Puts keys in one transaction.
    ///
    /// # Panics
    /// As [`Api::put`].
    pub async fn put_all(&mut self, entries: &[(String, String)]) -> i64 {
        let put =
            |(key, value): &(String, String)| json!({ "requestPut": { "key": encoded(key), "value": encoded(value) } });
        let puts: Vec<Value> = entries.iter().map(put).collect();
        revision(&self.ask("/v3/kv/txn", &json!({ "success": puts })).await)
    }

    /// Deletes a key, if it is there.
    ///
    /// # Panics
    /// As [`Api::put`].
    pub async fn delete(&mut self, key: &str) -> i64 {
        revision(&self.ask("/v3/kv/deleterange", &json!({ "key": encoded(key) })).await)
    }

    /// Deletes every key that begins with `prefix`.
    ///
    /// # Panics
    /// As [`Api::put`].
    pub async fn delete_all(&mut self, prefix: &str) -> i64 {
        revision(&self.ask("/v3/kv/deleterange", &span(prefix)).await)
    }

    /// Everything that begins with `prefix`.
    ///
    /// # Panics
    /// As [`Api::put`].
    pub async fn all(&mut self, prefix: &str) -> BTreeMap<Vec<u8>, Stored> {
        let answer = self.ask("/v3/kv/range", &span(prefix)).await;
        let stored = |kv: &Value| {
            let value = decoded(&kv["value"]);
            (decoded(&kv["key"]), Stored { value, revision: number(&kv["mod_revision"]) })
        };
        answer["kvs"].as_array().into_iter().flatten().map(stored).collect()
    }

    /// Where the store stands.
    ///
    /// # Panics
    /// As [`Api::put`].
    pub async fn revision(&mut self) -> i64 {
        revision(&self.ask("/v3/kv/range", &json!({ "key": encoded("/") })).await)
    }

    /// Forgets all that was before `revision`.
    ///
    /// # Panics
    /// As [`Api::put`].
    pub async fn compact(&mut self, revision: i64) {
        self.ask("/v3/kv/compaction", &json!({ "revision": revision.to_string(), "physical": true })).await;
    }

    /// Gives what was forgotten back to the disk.
    ///
    /// # Panics
    /// As [`Api::put`].
    pub async fn defragment(&mut self) {
        self.ask("/v3/maintenance/defragment", &json!({})).await;
    }

    /// A lease of so many seconds.
    ///
    /// # Panics
    /// As [`Api::put`].
    pub async fn grant(&mut self, seconds: u32) -> i64 {
        number(&self.ask("/v3/lease/grant", &json!({ "TTL": seconds.to_string() })).await["ID"])
    }

    /// Ends a lease, as if it ran out.
    ///
    /// # Panics
    /// As [`Api::put`].
    pub async fn revoke(&mut self, lease: i64) {
        self.ask("/v3/lease/revoke", &json!({ "ID": lease.to_string() })).await;
    }

    /// The leases that are there.
    ///
    /// # Panics
    /// As [`Api::put`].
    pub async fn leases(&mut self) -> Vec<i64> {
        let answer = self.ask("/v3/lease/leases", &json!({})).await;
        answer["leases"].as_array().into_iter().flatten().map(|lease| number(&lease["ID"])).collect()
    }

    async fn ask(&mut self, path: &str, body: &Value) -> Value {
        let request = request(http::Method::POST, path).map(|_| crate::body::full(body.to_string()));
        let answer = self.0.fetch(request).await;
        assert_eq!(answer.status, 200, "{path} {body}: {}", answer.text());
        answer.json()
    }
}

fn span(prefix: &str) -> Value {
    let mut end = prefix.as_bytes().to_vec();
    *end.last_mut().expect("a prefix that is not empty") += 1;
    json!({ "key": encoded(prefix), "range_end": BASE64_STANDARD.encode(end) })
}

fn encoded(text: &str) -> String {
    BASE64_STANDARD.encode(text)
}

fn decoded(value: &Value) -> Vec<u8> {
    BASE64_STANDARD.decode(value.as_str().unwrap_or_default()).expect("octets in base64")
}

/// 64 bits are texts, and what is 0 is left out.
fn number(value: &Value) -> i64 {
    value.as_str().map_or(0, |text| text.parse().expect("a number"))
}

fn revision(answer: &Value) -> i64 {
    number(&answer["header"]["revision"])
}
