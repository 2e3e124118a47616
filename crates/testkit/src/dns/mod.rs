//! A name server whose answers a test says, over UDP and TCP, with the faults that name servers have.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use demo::{Scope, ScopeOwner};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
};

/// Messages as RFC 1035 has them.
mod message;

use message::Question;

/// A name server on a free port.
#[derive(Debug)]
pub struct NameServer {
    /// Where it is asked, over UDP and TCP.
    pub address: SocketAddr,
    shared: Shared,
    _owner: ScopeOwner,
}

/// What a name has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A or AAAA.
    Address(IpAddr),
    /// Priority, weight, port, target.
    Service(u16, u16, u16, &'static str),
    Alias(&'static str),
}

/// What is wrong with a name server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Fault {
    #[default]
    Nothing,
    /// SERVFAIL to everything.
    Fails,
    /// SERVFAIL to questions of this type (28: AAAA), answers to others.
    FailsFor(u16),
    /// SERVFAIL to questions for this name.
    FailsForName(&'static str),
    /// REFUSED to everything.
    Refuses,
    /// Nothing is said at all.
    Silent,
    /// Octets that are no message.
    Garbage,
    /// Somebody answers first over UDP, with this address and a number that was guessed.
    SpoofedNumber(Ipv4Addr),
    /// Somebody answers first over UDP, with this address and the right number, who did not see how the name was spelled.
    SpoofedName(Ipv4Addr),
    /// UDP has no room.
    Truncates,
    /// Every answer takes so long.
    Slow(Duration),
}

/// A question as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// As it was spelled.
    pub name: String,
    /// 1: A, 28: AAAA, 33: SRV.
    pub kind: u16,
    pub is_tcp: bool,
}

#[derive(Debug, Clone, Default)]
struct Shared(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// By name in lower case, without the last dot.
    names: HashMap<String, Vec<(Record, u32)>>,
    fault: Fault,
    /// Whether the addresses of targets come along.
    tells_targets: bool,
    asked: Vec<Asked>,
}

// === impl NameServer ===

impl NameServer {
    /// Starts one that knows no name.
    pub async fn start() -> Self {
        let (udp, tcp, address) = bind().await;
        let (owner, scope) = Scope::open();
        let shared = Shared::default();
        scope.spawn(serve_udp(udp, shared.clone()));
        let (tasks, state) = (scope.clone(), shared.clone());
        scope.spawn(async move {
            loop {
                let stream = crate::origin::accept(&tcp).await;
                tasks.spawn(serve_tcp(stream, state.clone()));
            }
        });
        Self { address, shared, _owner: owner }
    }

    /// What `name` has from now on, to be kept for `ttl` seconds. With no record it exists all the same.
    pub fn set(&self, name: &str, ttl: u32, records: &[Record]) {
        let records = records.iter().map(|record| (record.clone(), ttl)).collect();
        self.shared.lock().names.insert(name.to_owned(), records);
    }

    /// There is no such name any more.
    pub fn remove(&self, name: &str) {
        self.shared.lock().names.remove(name);
    }

    /// What is wrong from now on.
    pub fn fault(&self, fault: Fault) {
        self.shared.lock().fault = fault;
    }

    /// Has answers with SRV records tell the addresses of their targets, too.
    pub fn tell_targets(&self) {
        self.shared.lock().tells_targets = true;
    }

    /// What was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.lock().asked.clone()
    }
}

// === impl Shared ===

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is sent for a question, one after the other; and when.
    fn answer(&self, octets: &[u8], is_tcp: bool) -> (Vec<Vec<u8>>, Duration) {
        let Some(question) = Question::read(octets) else { return (Vec::new(), Duration::ZERO) };
        let mut state = self.lock();
        state.asked.push(Asked { name: question.name.clone(), kind: question.kind, is_tcp });
        let answer = state.answer(&question);
        let forged = |address: Ipv4Addr| [(question.name.clone(), Record::Address(address.into()), 60)];
        match state.fault {
            Fault::Silent => (Vec::new(), Duration::ZERO),
            Fault::Garbage => (vec![[&octets[..2], b"no message at all"].concat()], Duration::ZERO),
            Fault::Slow(by) => (vec![answer], by),
            Fault::Truncates if !is_tcp => (vec![question.truncated()], Duration::ZERO),
            Fault::SpoofedNumber(address) if !is_tcp => {
                let mut forgery = question.answer(&forged(address), &[]);
                forgery[0] ^= 0xff;
                (vec![forgery, answer], Duration::ZERO)
            }
            Fault::SpoofedName(address) if !is_tcp => {
                let guessed = Question { name: question.name.to_lowercase(), ..question.clone() };
                (vec![guessed.answer(&forged(address), &[]), answer], Duration::ZERO)
            }
            _ => (vec![answer], Duration::ZERO),
        }
    }
}

// === impl State ===

impl State {
    fn answer(&self, question: &Question) -> Vec<u8> {
        match self.fault {
            Fault::Fails => return question.refused(message::SERVFAIL),
            Fault::FailsFor(kind) if kind == question.kind => return question.refused(message::SERVFAIL),
            Fault::FailsForName(name) if name == question.name.to_lowercase() => {
                return question.refused(message::SERVFAIL);
            }
            Fault::Refuses => return question.refused(message::REFUSED),
            _ => {}
        }
        let mut name = question.name.to_lowercase();
        let mut answers = Vec::new();
        let Some(mut records) = self.names.get(&name) else { return question.refused(message::NXDOMAIN) };
        // An alias leads on, and is told with where it leads.
        while let [(Record::Alias(to), ttl)] = records.as_slice() {
            answers.push((name, Record::Alias(to), *ttl));
            name = (*to).to_owned();
            match self.names.get(&name) {
                Some(there) => records = there,
                None => return question.answer(&answers, &[]),
            }
        }
        let of_kind = records.iter().filter(|(record, _)| record.kind() == question.kind);
        answers.extend(of_kind.map(|(record, ttl)| (name.clone(), record.clone(), *ttl)));
        let beside = if self.tells_targets { self.targets(&answers) } else { Vec::new() };
        question.answer(&answers, &beside)
    }

    fn targets(&self, answers: &[(String, Record, u32)]) -> Vec<(String, Record, u32)> {
        let targets = answers.iter().filter_map(|(_, record, _)| match record {
            Record::Service(_, _, _, target) => Some((*target).to_owned()),
            _ => None,
        });
        let there = targets.filter_map(|target| Some((self.names.get(&target)?, target)));
        there
            .flat_map(|(records, target)| {
                records.iter().map(move |(record, ttl)| (target.clone(), record.clone(), *ttl))
            })
            .collect()
    }
}

/// A port that is free for both.
async fn bind() -> (UdpSocket, TcpListener, SocketAddr) {
    loop {
        let (tcp, address) = crate::origin::bind().await;
        if let Ok(udp) = UdpSocket::bind(address).await {
            return (udp, tcp, address);
        }
    }
}

async fn serve_udp(socket: UdpSocket, shared: Shared) {
    let socket = Arc::new(socket);
    let mut octets = [0; 1500];
    loop {
        // What a client that went away makes of it comes back as an error.
        let Ok((length, from)) = socket.recv_from(&mut octets).await else { continue };
        let (answers, after) = shared.answer(&octets[..length], false);
        let socket = socket.clone();
        let send = async move {
            tokio::time::sleep(after).await;
            for answer in answers {
                let _ = socket.send_to(&answer, from).await;
            }
        };
        if after.is_zero() {
            send.await;
        } else {
            tokio::spawn(send);
        }
    }
}

async fn serve_tcp(mut stream: TcpStream, shared: Shared) {
    while let Ok(length) = stream.read_u16().await {
        let mut octets = vec![0; length.into()];
        if stream.read_exact(&mut octets).await.is_err() {
            return;
        }
        let (answers, after) = shared.answer(&octets, true);
        tokio::time::sleep(after).await;
        for answer in answers {
            let length = u16::try_from(answer.len()).expect("short answers");
            if stream.write_all(&[&length.to_be_bytes()[..], &answer].concat()).await.is_err() {
                return;
            }
        }
    }
}
