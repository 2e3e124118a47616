//! What of a request decides, hashed.

use message::{
    Exchange,
    field::{self, Value},
};
use model::{Field, HashKey};
use twox_hash::XxHash3_64;

/// XXH3 with 64 bits, the same everywhere and for ever.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    XxHash3_64::oneshot(bytes)
}

/// The key of a request; `None` if it lacks one.
pub(in crate::balance) fn of(key: &HashKey, exchange: &Exchange) -> Option<u64> {
    let Exchange { head, client_ip, consumer, .. } = exchange;
    match key {
        HashKey::ClientIp => Some(match client_ip.to_canonical() {
            std::net::IpAddr::V4(address) => hash(&address.octets()),
            std::net::IpAddr::V6(address) => hash(&address.octets()),
        }),
        HashKey::Path => Some(hash(head.uri.path().as_bytes())),
        HashKey::Consumer => consumer.as_ref().map(|consumer| hash(consumer.name.as_bytes())),
        HashKey::Field(Field::Header(name)) => first(field::headers(&head.headers, name)),
        HashKey::Field(Field::Query(name)) => first(field::parameters(head.uri.query(), name)),
        HashKey::Field(Field::Cookie(name)) => first(field::cookies(&head.headers, name)),
    }
}

/// The first value that is not empty.
fn first<'a>(values: impl Iterator<Item = Value<'a>>) -> Option<u64> {
    let mut values = values.filter(|value| !value.is_empty());
    values.next().map(|value| hash(&value.bytes()))
}
