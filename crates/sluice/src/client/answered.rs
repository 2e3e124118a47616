use std::fmt;

use http::StatusCode;
use serde_json::Value;

use super::{running::Shown, table::plain};

/// That a gateway said no, and why (RFC 9457).
#[derive(Debug)]
pub(crate) struct Answered {
    pub(super) address: String,
    pub(crate) status: StatusCode,
    pub(super) problem: Value,
    pub(super) shown: Shown,
}

// === impl Answered ===

impl Answered {
    /// Which edit of a transaction it is about.
    pub(crate) fn edit(&self) -> Option<usize> {
        self.problem["edit"].as_u64().and_then(|edit| usize::try_from(edit).ok())
    }

    /// Says where in a file it is, for what is told by its path, such as `routes[a].upstream`.
    pub(crate) fn place(&mut self, place_of: impl Fn(&str) -> Option<String>) {
        for problem in self.problem["problems"].as_array_mut().into_iter().flatten() {
            if let Some(place) = problem["path"].as_str().and_then(&place_of) {
                problem["path"] = Value::Null;
                problem["place"] = place.into();
            }
        }
    }

    /// What to do about it, where it is not what the gateway says itself.
    fn hint(&self) -> Option<String> {
        match self.status {
            StatusCode::UNAUTHORIZED => Some(format!("the token that was shown is {}", self.shown)),
            StatusCode::PRECONDITION_FAILED => {
                Some("somebody was faster, and nothing is changed; `sluice history` tells who".to_owned())
            }
            _ => None,
        }
    }
}

/// Where, what, why, and what instead; a line for each problem of a document.
impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the gateway at {} answers {}", self.address, self.status.as_u16())?;
        match self.problem["detail"].as_str() {
            Some(detail) => write!(f, ": {}", plain(detail))?,
            None => write!(f, " {}", self.status.canonical_reason().unwrap_or_default())?,
        }
        if let Some(hint) = self.hint() {
            write!(f, "; {hint}")?;
        }
        for problem in self.problem["problems"].as_array().into_iter().flatten() {
            write!(f, "\n{}", finding(problem))?;
        }
        Ok(())
    }
}

/// A line about something that is wrong or odd. What is in a file is told as editors want it.
pub(super) fn finding(problem: &Value) -> String {
    let part = |name: &str| problem[name].as_str().filter(|part| !part.is_empty());
    let (severity, message) = (part("severity").unwrap_or("error"), part("message").unwrap_or_default());
    let hint = part("hint").map_or_else(String::new, |hint| format!("; {hint}"));
    let line = match (part("path"), part("place")) {
        (Some(path), _) => format!("{severity}: {path}: {message}{hint}"),
        (None, Some(place)) => format!("{place}: {severity}: {message}{hint}"),
        (None, None) => format!("{severity}: {message}{hint}"),
    };
    plain(&line).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answered(status: StatusCode, problem: Value) -> Answered {
        Answered { address: "gateway:80".to_owned(), status, problem, shown: Shown::Variable }
    }

    #[test]
    fn what_and_why() {
        let told = answered(StatusCode::NOT_FOUND, json!({ "detail": "there is no route `a`" })).to_string();
        assert_eq!(told, "the gateway at gateway:80 answers 404: there is no route `a`");
        let told = answered(StatusCode::BAD_GATEWAY, Value::Null).to_string();
        assert_eq!(told, "the gateway at gateway:80 answers 502 Bad Gateway");
        let told = answered(StatusCode::UNAUTHORIZED, json!({ "detail": "no" })).to_string();
        assert!(told.ends_with("401: no; the token that was shown is that of SLUICE_ADMIN_TOKEN"), "{told}");
    }

    #[test]
    fn problems_are_told_where_they_are() {
        let problems = json!([
            { "severity": "error", "path": "routes[a].upstream", "place": null, "message": "no", "hint": "yes" },
            { "severity": "warning", "path": null, "place": "x.yaml:1:2", "message": "odd\u{1b}[2J", "hint": null },
            { "severity": "error", "path": "elsewhere", "message": "bad" },
        ]);
        let mut answered = answered(StatusCode::UNPROCESSABLE_ENTITY, json!({ "detail": "d", "problems": problems }));
        answered.place(|path| (path == "routes[a].upstream").then(|| "a.yaml:7:3".to_owned()));
        let told = answered.to_string();
        let lines: Vec<_> = told.lines().skip(1).collect();
        let expected = ["a.yaml:7:3: error: no; yes", "x.yaml:1:2: warning: odd\u{fffd}[2J", "error: elsewhere: bad"];
        assert_eq!(lines, expected);
    }
}
