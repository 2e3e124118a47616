use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

/// Who asks: an extension of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Peer {
    Tcp(SocketAddr),
    /// A process of this machine, and whose, as the kernel says; `None` if it does not.
    Unix {
        uid: Option<u32>,
    },
}

// === impl Peer ===

impl Peer {
    pub(crate) fn tcp(address: &SocketAddr) -> Self {
        // A socket that takes both kinds of addresses writes those of version 4 in the way of version 6.
        Self::Tcp(SocketAddr::new(address.ip().to_canonical(), address.port()))
    }

    /// The machine. A process of this one is at the loopback address.
    pub fn ip(&self) -> IpAddr {
        match self {
            Self::Tcp(address) => address.ip(),
            Self::Unix { .. } => Ipv4Addr::LOCALHOST.into(),
        }
    }
}

/// `10.0.0.7:50312`, `unix:uid=1000`.
impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix { uid: Some(uid) } => write!(f, "unix:uid={uid}"),
            Self::Unix { uid: None } => f.write_str("unix"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_told_in_one_spelling() {
        let tcp = |text: &str| Peer::tcp(&text.parse().unwrap());
        assert_eq!(tcp("[::ffff:10.0.0.7]:80").to_string(), "10.0.0.7:80");
        assert_eq!(tcp("[2001:db8::1]:80").to_string(), "[2001:db8::1]:80");
        assert_eq!(Peer::Unix { uid: Some(7) }.to_string(), "unix:uid=7");
        assert_eq!(Peer::Unix { uid: None }.ip(), Ipv4Addr::LOCALHOST);
    }
}
