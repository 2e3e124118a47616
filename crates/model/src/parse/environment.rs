//! `${NAME}` and `${NAME:-default}` in scalars; `$${` is a literal `${`.
//!
//! Replaced after parsing, scalar by scalar: a value from the environment is a value, whatever characters it holds,
//! and never becomes structure. A default is taken as it stands and ends at the first `}`.

/// What is wrong with a hole.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault<'t> {
    Unset(&'t str),
    Unclosed,
    BadName(&'t str),
}

/// The text with its holes filled, and all that is wrong with them.
pub(super) fn fill<'t>(text: &'t str, environment: &dyn Fn(&str) -> Option<String>) -> (String, Vec<Fault<'t>>) {
    let mut filled = String::with_capacity(text.len());
    let mut faults = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        if rest[..start].ends_with('$') {
            filled.push_str(&rest[..start]);
            filled.push('{');
            rest = &rest[start + 2..];
            continue;
        }
        filled.push_str(&rest[..start]);
        let hole = &rest[start + 2..];
        let Some(end) = hole.find('}') else {
            faults.push(Fault::Unclosed);
            return (filled, faults);
        };
        rest = &hole[end + 1..];
        let (name, default) = match hole[..end].split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (&hole[..end], None),
        };
        if !is_name(name) {
            faults.push(Fault::BadName(name));
        } else if let Some(value) = environment(name) {
            filled.push_str(&value);
        } else if let Some(default) = default {
            filled.push_str(default);
        } else {
            faults.push(Fault::Unset(name));
        }
    }
    filled.push_str(rest);
    (filled, faults)
}

fn is_name(name: &str) -> bool {
    let letter = |b: u8| b.is_ascii_alphabetic() || b == b'_';
    name.bytes().next().is_some_and(letter) && name.bytes().all(|b| letter(b) || b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_filled() {
        let environment = |name: &str| match name {
            "PORT" => Some("8080".to_owned()),
            "EMPTY" => Some(String::new()),
            "SLY" => Some("${PORT}".to_owned()),
            _ => None,
        };
        let cases = [
            ("plain", "plain", vec![]),
            ("${PORT}", "8080", vec![]),
            ("a${PORT}b${PORT}c", "a8080b8080c", vec![]),
            ("${NONE:-x:-y}", "x:-y", vec![]),
            ("${NONE:-}", "", vec![]),
            ("${EMPTY:-x}", "", vec![]),
            ("${SLY}", "${PORT}", vec![]),
            ("$${PORT}", "${PORT}", vec![]),
            ("$$${PORT}", "$${PORT}", vec![]),
            ("$ {a} $1", "$ {a} $1", vec![]),
            ("${NONE}${ALSO}", "", vec![Fault::Unset("NONE"), Fault::Unset("ALSO")]),
            ("a${PORT", "a", vec![Fault::Unclosed]),
            ("${2,3}", "", vec![Fault::BadName("2,3")]),
            ("${}", "", vec![Fault::BadName("")]),
        ];
        for (text, filled, faults) in cases {
            assert_eq!(fill(text, &environment), (filled.to_owned(), faults), "{text}");
        }
    }
}
