//! HTTP/1.x messages as they came, read by the book (RFC 9112) and by nothing more.

use std::fmt::Display;

use serde_json::Value;

use super::{Failure, Why, Wire};

/// A response as it was on the wire.
#[derive(Debug, Clone)]
pub struct Response {
    /// Interim (1xx) responses that came before it, in order.
    pub interim: Vec<Head>,
    /// Such as `HTTP/1.1`.
    pub version: String,
    pub status: u16,
    pub reason: String,
    pub fields: Fields,
    pub framing: Framing,
    /// The content, without chunked framing.
    pub body: Vec<u8>,
    pub trailers: Fields,
}

/// A request as it was on the wire.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub target: String,
    /// Such as `HTTP/1.1`.
    pub version: String,
    pub fields: Fields,
    pub framing: Framing,
    /// The content, without chunked framing.
    pub body: Vec<u8>,
    pub trailers: Fields,
}

/// A start line and the fields that follow it.
#[derive(Debug, Clone)]
pub struct Head {
    pub start: String,
    pub fields: Fields,
}

/// Field lines in the order and the spelling of the wire.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields(pub Vec<(String, String)>);

/// How the end of a body was found (RFC 9112 section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    None,
    Length(usize),
    Chunked,
    UntilClose,
}

pub(super) async fn response(wire: &mut Wire, to_head: bool) -> Result<Response, Failure> {
    let mut interim = Vec::new();
    loop {
        let head = head(wire).await?;
        let (version, status, reason) =
            status_line(&head.start).ok_or_else(|| not_http(wire, "no status line", &head.start))?;
        if (100..200).contains(&status) && status != 101 {
            interim.push(head);
            continue;
        }
        let bodiless = to_head || matches!(status, 101 | 204 | 304);
        let framing =
            if bodiless { Framing::None } else { framing(wire, &head.fields)?.unwrap_or(Framing::UntilClose) };
        let (body, trailers) = body(wire, framing).await?;
        return Ok(Response { interim, version, status, reason, fields: head.fields, framing, body, trailers });
    }
}

pub(super) async fn request(wire: &mut Wire) -> Result<Request, Failure> {
    let Head { start, fields } = head(wire).await?;
    let parts: Vec<&str> = start.split(' ').collect();
    let [method, target, version] = parts[..] else { return Err(not_http(wire, "no request line", &start)) };
    let framing = framing(wire, &fields)?.unwrap_or(Framing::None);
    let (method, target, version) = (method.to_owned(), target.to_owned(), version.to_owned());
    let (body, trailers) = body(wire, framing).await?;
    Ok(Request { method, target, version, fields, framing, body, trailers })
}

pub(super) async fn head(wire: &mut Wire) -> Result<Head, Failure> {
    let start = wire.line().await?;
    let fields = fields(wire).await?;
    Ok(Head { start, fields })
}

pub(super) async fn chunk(wire: &mut Wire) -> Result<Vec<u8>, Failure> {
    let line = wire.line().await?;
    let size = line.split(';').next().unwrap_or_default();
    let size = usize::from_str_radix(size, 16).map_err(|_| not_http(wire, "no chunk size", &line))?;
    if size == 0 {
        return Ok(Vec::new());
    }
    let data = wire.take(size).await?;
    match &wire.take(2).await?[..] {
        b"\r\n" => Ok(data),
        other => Err(not_http(wire, "no CRLF after a chunk", other.escape_ascii())),
    }
}

async fn body(wire: &mut Wire, framing: Framing) -> Result<(Vec<u8>, Fields), Failure> {
    let content = match framing {
        Framing::None => Vec::new(),
        Framing::Length(length) => wire.take(length).await?,
        Framing::UntilClose => wire.rest().await?,
        Framing::Chunked => {
            let mut content = Vec::new();
            loop {
                let chunk = chunk(wire).await?;
                if chunk.is_empty() {
                    return Ok((content, fields(wire).await?));
                }
                content.extend(chunk);
            }
        }
    };
    Ok((content, Fields::default()))
}

async fn fields(wire: &mut Wire) -> Result<Fields, Failure> {
    let mut fields = Vec::new();
    loop {
        let line = wire.line().await?;
        if line.is_empty() {
            return Ok(Fields(fields));
        }
        match line.split_once(':') {
            Some((name, value)) if !name.is_empty() && !name.contains([' ', '\t']) => {
                fields.push((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()));
            }
            _ => return Err(not_http(wire, "no field line", &line)),
        }
    }
}

fn framing(wire: &Wire, fields: &Fields) -> Result<Option<Framing>, Failure> {
    match (fields.all("transfer-encoding")[..].as_ref(), fields.all("content-length")[..].as_ref()) {
        ([], []) => Ok(None),
        (["chunked"], []) => Ok(Some(Framing::Chunked)),
        ([], [length]) => {
            let length = length.parse().map_err(|_| not_http(wire, "no content length", length))?;
            Ok(Some(Framing::Length(length)))
        }
        (codings, lengths) => Err(not_http(wire, "ambiguous framing", format!("{codings:?} and {lengths:?}"))),
    }
}

fn status_line(line: &str) -> Option<(String, u16, String)> {
    let mut parts = line.splitn(3, ' ');
    let version = parts.next().filter(|version| version.starts_with("HTTP/1."))?;
    let status = parts.next().filter(|status| status.len() == 3)?.parse().ok()?;
    Some((version.to_owned(), status, parts.next()?.to_owned()))
}

fn not_http(wire: &Wire, what: &str, found: impl Display) -> Failure {
    wire.failure(Why::NotHttp(format!("{what}: \"{found}\"")))
}

// === impl Response ===

impl Response {
    /// The value of the one field line of this name.
    ///
    /// # Panics
    /// When there are several.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.one(name)
    }

    /// The content as text.
    ///
    /// # Panics
    /// When it is none.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is UTF-8")
    }

    /// The content as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("the body is no JSON ({error}): \"{}\"", self.body.escape_ascii()))
    }
}

// === impl Fields ===

impl Fields {
    /// Every value of this name, in order; names do not depend on case.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let same = |line: &&(String, String)| line.0.eq_ignore_ascii_case(name);
        self.0.iter().filter(same).map(|(_, value)| value.as_str()).collect()
    }

    /// The value of the one field line of this name.
    ///
    /// # Panics
    /// When there are several.
    pub fn one(&self, name: &str) -> Option<&str> {
        match self.all(name)[..] {
            [] => None,
            [value] => Some(value),
            ref several => panic!("expected one field line {name}, found {several:?}"),
        }
    }

    /// Whether there is such a field line.
    pub fn has(&self, name: &str) -> bool {
        !self.all(name).is_empty()
    }
}
