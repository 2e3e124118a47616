//! For tools that read HTTP archives, and for shells.

use serde_json::{Value, json};

use super::Flight;

// === impl Flight ===

impl Flight {
    /// A command that asks the same again, as far as the record goes: without body, and without what is secret.
    pub fn as_curl(&self) -> String {
        let mut command = format!("curl -v -X {} {}", self.method, quoted(&self.url()));
        for (name, value) in &self.headers {
            command.push_str(&format!(" \\\n  -H {}", quoted(&format!("{name}: {value}"))));
        }
        command.push('\n');
        command
    }

    /// An HTTP archive (HAR 1.2) with this one entry.
    pub fn as_har(&self) -> Value {
        let headers: Vec<_> = self.headers.iter().map(|(name, value)| pair(name, value)).collect();
        let query = self.query.iter().flat_map(|query| query.split('&'));
        let query = query.map(|text| text.split_once('=').unwrap_or((text, "")));
        let query: Vec<_> = query.map(|(name, value)| pair(name, value)).collect();
        let http = if self.protocol == "http1" { "HTTP/1.1" } else { "HTTP/2" };
        let connect: f64 = self.attempts.iter().filter_map(|attempt| attempt.connect_ms).sum();
        let asked: f64 = self.attempts.iter().map(|attempt| attempt.duration_ms).sum();
        let body = self.phases.last().filter(|phase| phase.name == "body").map_or(0.0, |phase| phase.duration_ms);
        let blocked = (self.duration_ms - asked - body).max(0.0);
        json!({ "log": {
            "version": "1.2",
            "creator": { "name": "sluice", "version": "1" },
            "entries": [{
                "startedDateTime": self.time,
                "time": self.duration_ms,
                "request": {
                    "method": self.method, "url": self.url(), "httpVersion": http, "headers": headers,
                    "queryString": query, "cookies": [], "headersSize": -1, "bodySize": self.request_bytes,
                },
                "response": {
                    "status": self.status.unwrap_or_default(), "statusText": "", "httpVersion": http, "headers": [],
                    "cookies": [], "content": { "size": self.response_bytes, "mimeType": "" }, "redirectURL": "",
                    "headersSize": -1, "bodySize": self.response_bytes,
                },
                "cache": {},
                "timings": {
                    "blocked": blocked, "connect": connect, "send": 0, "wait": (asked - connect).max(0.0), "receive": body,
                },
                "comment": self.cause.as_deref().unwrap_or_default(),
            }],
        } })
    }
}

fn pair(name: &str, value: &str) -> Value {
    json!({ "name": name, "value": value })
}

/// As a shell takes it for one word.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_sees_one_word() {
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's; rm -rf /"), r"'it'\''s; rm -rf /'");
    }
}
