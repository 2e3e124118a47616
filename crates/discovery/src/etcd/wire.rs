//! The messages of etcd's API (`etcdserverpb`, `mvccpb`; etcd 3.4 and later), as far as they are used here. Fields that are
//! not named are skipped, which is how Protocol Buffers want it.

use prost::{Message, Oneof};

/// What is asked by one call.
pub(super) trait Ask: Message {
    const PATH: &'static str;
    type Answer: Message + Default;
}

/// What is said in a call that goes on, both ways.
pub(super) trait Converse: Message {
    const PATH: &'static str;
    type Answer: Message + Default;
}

/// Where the store stood when an answer was made.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Header {
    #[prost(int64, tag = "3")]
    pub(super) revision: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct KeyValue {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) key: Vec<u8>,
    #[prost(int64, tag = "3")]
    pub(super) mod_revision: i64,
    #[prost(bytes = "vec", tag = "5")]
    pub(super) value: Vec<u8>,
    #[prost(int64, tag = "6")]
    pub(super) lease: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Event {
    /// [`DELETE`], or a put.
    #[prost(int32, tag = "1")]
    pub(super) kind: i32,
    /// Of a deletion: the key, and the revision at which it was deleted.
    #[prost(message, optional, tag = "2")]
    pub(super) kv: Option<KeyValue>,
}

/// Of an [`Event`]'s kinds.
pub(super) const DELETE: i32 = 1;

#[derive(Clone, PartialEq, Message)]
pub(super) struct Range {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) key: Vec<u8>,
    /// Empty: the key alone.
    #[prost(bytes = "vec", tag = "2")]
    pub(super) range_end: Vec<u8>,
    #[prost(int64, tag = "3")]
    pub(super) limit: i64,
    /// 0: the newest.
    #[prost(int64, tag = "4")]
    pub(super) revision: i64,
    #[prost(bool, tag = "8")]
    pub(super) keys_only: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct RangeAnswer {
    #[prost(message, optional, tag = "1")]
    pub(super) header: Option<Header>,
    #[prost(message, repeated, tag = "2")]
    pub(super) kvs: Vec<KeyValue>,
    #[prost(bool, tag = "3")]
    pub(super) more: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Put {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) value: Vec<u8>,
    #[prost(int64, tag = "3")]
    pub(super) lease: i64,
}

/// An answer of which only matters that it came.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Done {}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Watch {
    #[prost(oneof = "WatchRequest", tags = "1, 3")]
    pub(super) request: Option<WatchRequest>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(super) enum WatchRequest {
    #[prost(message, tag = "1")]
    Create(WatchCreate),
    /// Answered at once, with no events: who hears it knows that the watch lives.
    #[prost(message, tag = "3")]
    Progress(WatchProgress),
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct WatchCreate {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) range_end: Vec<u8>,
    #[prost(int64, tag = "3")]
    pub(super) start_revision: i64,
    /// Whether answers that would be too long come in parts.
    #[prost(bool, tag = "8")]
    pub(super) fragment: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct WatchProgress {}

#[derive(Clone, PartialEq, Message)]
pub(super) struct WatchAnswer {
    #[prost(bool, tag = "4")]
    pub(super) canceled: bool,
    /// Above 0 if the watch was cancelled because what it is to begin with was compacted.
    #[prost(int64, tag = "5")]
    pub(super) compact_revision: i64,
    #[prost(string, tag = "6")]
    pub(super) cancel_reason: String,
    /// Whether more of the same answer follows.
    #[prost(bool, tag = "7")]
    pub(super) fragment: bool,
    #[prost(message, repeated, tag = "11")]
    pub(super) events: Vec<Event>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct LeaseGrant {
    /// In seconds.
    #[prost(int64, tag = "1")]
    pub(super) ttl: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct LeaseGranted {
    #[prost(int64, tag = "2")]
    pub(super) id: i64,
    #[prost(string, tag = "4")]
    pub(super) error: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct LeaseRevoke {
    #[prost(int64, tag = "1")]
    pub(super) id: i64,
}

/// One message of a call that could go on; here it does not.
#[derive(Clone, PartialEq, Message)]
pub(super) struct LeaseKeepAlive {
    #[prost(int64, tag = "1")]
    pub(super) id: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct LeaseKept {
    /// In seconds; 0: there is no such lease any more.
    #[prost(int64, tag = "3")]
    pub(super) ttl: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Authenticate {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) password: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Authenticated {
    #[prost(string, tag = "2")]
    pub(super) token: String,
}

// === impl Ask ===

impl Ask for Range {
    const PATH: &'static str = "/etcdserverpb.KV/Range";
    type Answer = RangeAnswer;
}

impl Ask for Put {
    const PATH: &'static str = "/etcdserverpb.KV/Put";
    type Answer = Done;
}

impl Ask for LeaseGrant {
    const PATH: &'static str = "/etcdserverpb.Lease/LeaseGrant";
    type Answer = LeaseGranted;
}

impl Ask for LeaseRevoke {
    const PATH: &'static str = "/etcdserverpb.Lease/LeaseRevoke";
    type Answer = Done;
}

impl Ask for LeaseKeepAlive {
    const PATH: &'static str = "/etcdserverpb.Lease/LeaseKeepAlive";
    type Answer = LeaseKept;
}

impl Ask for Authenticate {
    const PATH: &'static str = "/etcdserverpb.Auth/Authenticate";
    type Answer = Authenticated;
}

// === impl Converse ===

impl Converse for Watch {
    const PATH: &'static str = "/etcdserverpb.Watch/Watch";
    type Answer = WatchAnswer;
}
