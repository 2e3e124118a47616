//! The messages of etcd's API (`etcdserverpb`, `mvccpb`; etcd 3.4 and later), as far as they are used here. Fields that are
//! not named are skipped, which is how Protocol Buffers want it.

use prost::{Message, Oneof};

/// What is asked by one call.
pub trait Ask: Message {
    const PATH: &'static str;
    type Answer: Message + Default;
}

/// What is said in a call that goes on, both ways.
pub trait Converse: Message {
    const PATH: &'static str;
    type Answer: Message + Default;
}

/// Where the store stood when an answer was made.
#[derive(Clone, PartialEq, Message)]
pub struct Header {
    #[prost(int64, tag = "3")]
    pub revision: i64,
}

#[derive(Clone, PartialEq, Message)]
pub struct KeyValue {
    #[prost(bytes = "vec", tag = "1")]
    pub key: Vec<u8>,
    #[prost(int64, tag = "3")]
    pub mod_revision: i64,
    #[prost(bytes = "vec", tag = "5")]
    pub value: Vec<u8>,
    #[prost(int64, tag = "6")]
    pub lease: i64,
}

#[derive(Clone, PartialEq, Message)]
pub struct Event {
    /// [`DELETE`], or a put.
    #[prost(int32, tag = "1")]
    pub kind: i32,
    /// Of a deletion: the key, and the revision at which it was deleted.
    #[prost(message, optional, tag = "2")]
    pub kv: Option<KeyValue>,
}

/// Of an [`Event`]'s kinds.
pub const DELETE: i32 = 1;

#[derive(Clone, PartialEq, Message)]
pub struct Range {
    #[prost(bytes = "vec", tag = "1")]
    pub key: Vec<u8>,
    /// Empty: the key alone.
    #[prost(bytes = "vec", tag = "2")]
    pub range_end: Vec<u8>,
    #[prost(int64, tag = "3")]
    pub limit: i64,
    /// 0: the newest.
    #[prost(int64, tag = "4")]
    pub revision: i64,
    #[prost(bool, tag = "8")]
    pub keys_only: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct RangeAnswer {
    #[prost(message, optional, tag = "1")]
    pub header: Option<Header>,
    #[prost(message, repeated, tag = "2")]
    pub kvs: Vec<KeyValue>,
    #[prost(bool, tag = "3")]
    pub more: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct Put {
    #[prost(bytes = "vec", tag = "1")]
    pub key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub value: Vec<u8>,
    #[prost(int64, tag = "3")]
    pub lease: i64,
}

#[derive(Clone, PartialEq, Message)]
pub struct PutAnswer {
    #[prost(message, optional, tag = "1")]
    pub header: Option<Header>,
}

#[derive(Clone, PartialEq, Message)]
pub struct DeleteRange {
    #[prost(bytes = "vec", tag = "1")]
    pub key: Vec<u8>,
    /// Empty: the key alone.
    #[prost(bytes = "vec", tag = "2")]
    pub range_end: Vec<u8>,
}

/// Something that is done at once if all that is compared is so, and something else if it is not.
#[derive(Clone, PartialEq, Message)]
pub struct Txn {
    #[prost(message, repeated, tag = "1")]
    pub compare: Vec<Compare>,
    #[prost(message, repeated, tag = "2")]
    pub success: Vec<Operation>,
    #[prost(message, repeated, tag = "3")]
    pub failure: Vec<Operation>,
}

/// What must be equal.
#[derive(Clone, PartialEq, Message)]
pub struct Compare {
    /// [`MOD_REVISION`] or [`VALUE`].
    #[prost(int32, tag = "2")]
    target: i32,
    #[prost(bytes = "vec", tag = "3")]
    key: Vec<u8>,
    #[prost(oneof = "Compared", tags = "6, 7")]
    with: Option<Compared>,
}

#[derive(Clone, PartialEq, Oneof)]
enum Compared {
    #[prost(int64, tag = "6")]
    ModRevision(i64),
    #[prost(bytes = "vec", tag = "7")]
    Value(Vec<u8>),
}

/// Of the targets of a [`Compare`].
const MOD_REVISION: i32 = 2;
const VALUE: i32 = 3;

#[derive(Clone, PartialEq, Message)]
pub struct Operation {
    #[prost(oneof = "Op", tags = "1, 2, 3")]
    op: Option<Op>,
}

/// One thing that a [`Txn`] does.
#[derive(Clone, PartialEq, Oneof)]
pub enum Op {
    #[prost(message, tag = "1")]
    Range(Range),
    #[prost(message, tag = "2")]
    Put(Put),
    #[prost(message, tag = "3")]
    Delete(DeleteRange),
}

#[derive(Clone, PartialEq, Message)]
pub struct TxnAnswer {
    #[prost(message, optional, tag = "1")]
    pub header: Option<Header>,
    /// Whether all that was compared was so.
    #[prost(bool, tag = "2")]
    pub succeeded: bool,
    /// One for each operation that was done.
    #[prost(message, repeated, tag = "3")]
    pub responses: Vec<OperationAnswer>,
}

#[derive(Clone, PartialEq, Message)]
pub struct OperationAnswer {
    #[prost(oneof = "OpAnswer", tags = "1, 2, 3")]
    pub answer: Option<OpAnswer>,
}

#[derive(Clone, PartialEq, Oneof)]
pub enum OpAnswer {
    #[prost(message, tag = "1")]
    Range(RangeAnswer),
    #[prost(message, tag = "2")]
    Put(PutAnswer),
    #[prost(message, tag = "3")]
    Delete(Done),
}

/// An answer of which only matters that it came.
#[derive(Clone, PartialEq, Message)]
pub struct Done {}

#[derive(Clone, PartialEq, Message)]
pub struct Watch {
    #[prost(oneof = "WatchRequest", tags = "1, 3")]
    pub request: Option<WatchRequest>,
}

#[derive(Clone, PartialEq, Oneof)]
pub enum WatchRequest {
    #[prost(message, tag = "1")]
    Create(WatchCreate),
    /// Answered at once, with no events: who hears it knows that the watch lives.
    #[prost(message, tag = "3")]
    Progress(WatchProgress),
}

#[derive(Clone, PartialEq, Message)]
pub struct WatchCreate {
    #[prost(bytes = "vec", tag = "1")]
    pub key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub range_end: Vec<u8>,
    #[prost(int64, tag = "3")]
    pub start_revision: i64,
    /// Whether answers that would be too long come in parts.
    #[prost(bool, tag = "8")]
    pub fragment: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct WatchProgress {}

#[derive(Clone, PartialEq, Message)]
pub struct WatchAnswer {
    #[prost(bool, tag = "4")]
    pub canceled: bool,
    /// Above 0 if the watch was cancelled because what it is to begin with was compacted.
    #[prost(int64, tag = "5")]
    pub compact_revision: i64,
    #[prost(string, tag = "6")]
    pub cancel_reason: String,
    /// Whether more of the same answer follows.
    #[prost(bool, tag = "7")]
    pub fragment: bool,
    #[prost(message, repeated, tag = "11")]
    pub events: Vec<Event>,
}

#[derive(Clone, PartialEq, Message)]
pub struct LeaseGrant {
    /// In seconds.
    #[prost(int64, tag = "1")]
    pub ttl: i64,
}

#[derive(Clone, PartialEq, Message)]
pub struct LeaseGranted {
    #[prost(int64, tag = "2")]
    pub id: i64,
    #[prost(string, tag = "4")]
    pub error: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct LeaseRevoke {
    #[prost(int64, tag = "1")]
    pub id: i64,
}

/// One message of a call that could go on; here it does not.
#[derive(Clone, PartialEq, Message)]
pub struct LeaseKeepAlive {
    #[prost(int64, tag = "1")]
    pub id: i64,
}

#[derive(Clone, PartialEq, Message)]
pub struct LeaseKept {
    /// In seconds; 0: there is no such lease any more.
    #[prost(int64, tag = "3")]
    pub ttl: i64,
}

#[derive(Clone, PartialEq, Message)]
pub struct Authenticate {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub password: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Authenticated {
    #[prost(string, tag = "2")]
    pub token: String,
}

// === impl Compare ===

impl Compare {
    /// The key was last written at this revision of the store; 0: it is not there.
    pub fn revision(key: Vec<u8>, revision: i64) -> Self {
        Self { target: MOD_REVISION, key, with: Some(Compared::ModRevision(revision)) }
    }

    /// The key is there, with this value.
    pub fn value(key: Vec<u8>, value: Vec<u8>) -> Self {
        Self { target: VALUE, key, with: Some(Compared::Value(value)) }
    }
}

// === impl Op ===

impl From<Op> for Operation {
    fn from(op: Op) -> Self {
        Self { op: Some(op) }
    }
}

// === impl Ask ===

impl Ask for Range {
    const PATH: &'static str = "/etcdserverpb.KV/Range";
    type Answer = RangeAnswer;
}

impl Ask for Put {
    const PATH: &'static str = "/etcdserverpb.KV/Put";
    type Answer = PutAnswer;
}

impl Ask for DeleteRange {
    const PATH: &'static str = "/etcdserverpb.KV/DeleteRange";
    type Answer = Done;
}

impl Ask for Txn {
    const PATH: &'static str = "/etcdserverpb.KV/Txn";
    type Answer = TxnAnswer;
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
