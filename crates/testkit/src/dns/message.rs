//! Messages as RFC 1035 has them, as far as a server of a test needs them: one question, no compression.

use std::net::IpAddr;

use super::Record;

/// The question of a message, with the number that its answer must have.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) number: [u8; 2],
    /// As it was spelled, without the last dot.
    pub(super) name: String,
    pub(super) kind: u16,
}

pub(super) const SERVFAIL: u8 = 2;
pub(super) const NXDOMAIN: u8 = 3;
pub(super) const REFUSED: u8 = 5;

/// The internet.
const CLASS: [u8; 2] = [0, 1];
/// An answer, from whom it concerns, to a question that wanted recursion, which is to be had.
const FLAGS: [u8; 2] = [0b1000_0101, 0b1000_0000];
const TRUNCATED: u8 = 0b0000_0010;

// === impl Question ===

impl Question {
    /// The first question of a message.
    pub(super) fn read(octets: &[u8]) -> Option<Self> {
        let number = [*octets.first()?, *octets.get(1)?];
        let mut labels = Vec::new();
        let mut rest = octets.get(12..)?;
        loop {
            let (length, after) = rest.split_first()?;
            if *length == 0 {
                let kind = u16::from_be_bytes([*after.first()?, *after.get(1)?]);
                return Some(Self { number, name: labels.join("."), kind });
            }
            labels.push(String::from_utf8_lossy(after.get(..usize::from(*length))?).into_owned());
            rest = after.get(usize::from(*length)..)?;
        }
    }

    pub(super) fn answer(&self, answers: &[(String, Record, u32)], beside: &[(String, Record, u32)]) -> Vec<u8> {
        let mut message = self.head(FLAGS, [answers.len(), 0, beside.len()]);
        for (name, record, ttl) in answers.iter().chain(beside) {
            push(&mut message, name, record.kind(), *ttl, &record.data());
        }
        message
    }

    /// With nothing but a code; absence is not to be believed for long.
    pub(super) fn refused(&self, code: u8) -> Vec<u8> {
        let mut message = self.head([FLAGS[0], FLAGS[1] | code], [0, usize::from(code == NXDOMAIN), 0]);
        if code == NXDOMAIN {
            // Two names and five numbers, all nothing: the last says how long there is none.
            push(&mut message, "", 6, 0, &[0; 2 + 5 * 4]);
        }
        message
    }

    pub(super) fn truncated(&self) -> Vec<u8> {
        self.head([FLAGS[0] | TRUNCATED, FLAGS[1]], [0; 3])
    }

    fn head(&self, flags: [u8; 2], counts: [usize; 3]) -> Vec<u8> {
        let mut message = [self.number, flags, [0, 1]].concat();
        for count in counts {
            message.extend(u16::try_from(count).expect("few records").to_be_bytes());
        }
        push_name(&mut message, &self.name);
        message.extend(self.kind.to_be_bytes());
        message.extend(CLASS);
        message
    }
}

// === impl Record ===

impl Record {
    pub(super) fn kind(&self) -> u16 {
        match self {
            Self::Address(IpAddr::V4(_)) => 1,
            Self::Alias(_) => 5,
            Self::Address(IpAddr::V6(_)) => 28,
            Self::Service(..) => 33,
        }
    }

    fn data(&self) -> Vec<u8> {
        let mut data = Vec::new();
        match self {
            Self::Address(IpAddr::V4(address)) => data.extend(address.octets()),
            Self::Address(IpAddr::V6(address)) => data.extend(address.octets()),
            Self::Alias(to) => push_name(&mut data, to),
            Self::Service(priority, weight, port, target) => {
                for number in [priority, weight, port] {
                    data.extend(number.to_be_bytes());
                }
                push_name(&mut data, target);
            }
        }
        data
    }
}

fn push(message: &mut Vec<u8>, name: &str, kind: u16, ttl: u32, data: &[u8]) {
    push_name(message, name);
    message.extend(kind.to_be_bytes());
    message.extend(CLASS);
    message.extend(ttl.to_be_bytes());
    message.extend(u16::try_from(data.len()).expect("short records").to_be_bytes());
    message.extend(data);
}

fn push_name(message: &mut Vec<u8>, name: &str) {
    for label in name.split('.').filter(|label| !label.is_empty()) {
        message.push(u8::try_from(label.len()).expect("labels of at most 63 octets"));
        message.extend(label.as_bytes());
    }
    message.push(0);
}
