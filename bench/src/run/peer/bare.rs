//! The floor: this program as a bare hyper proxy. It routes nothing and adds nothing.

use std::ffi::OsString;

use super::{super::case::Case, Ground};
use crate::{Failure, load::Protocol};

/// It has no routes to vary, no log, and one protocol to the origin.
pub(super) fn can(case: &Case) -> bool {
    case.protocol != Protocol::Grpc && !case.access_log && !case.name.starts_with("routes-")
}

pub(super) fn prepare(ground: &Ground) -> Result<Vec<OsString>, Failure> {
    let mut arguments: Vec<OsString> = vec!["bare".into()];
    let mut add = |flag: &str, value: OsString| arguments.extend([flag.into(), value]);
    add("--listen", ground.listen.to_string().into());
    add("--origin", ground.origin.to_string().into());
    if ground.case.protocol == Protocol::Tls {
        add("--cert", ground.certificate.cert.clone().into());
        add("--key", ground.certificate.key.clone().into());
    }
    if ground.case.protocol == Protocol::H2c {
        arguments.push("--h2c".into());
    }
    Ok(arguments)
}
