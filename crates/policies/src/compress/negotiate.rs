//! What a client takes (RFC 9110, 12.5.3).

use super::config::Coding;

/// How a response is to be coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) coding: Coding,
    /// The client does not take it uncoded (`identity;q=0`), however short it is.
    pub(super) required: bool,
}

/// Weights in thousandths.
#[derive(Default)]
struct Weights {
    /// In the order of the variants of [`Coding`].
    codings: [Option<u16>; 3],
    identity: Option<u16>,
    others: Option<u16>,
}

/// The best of `offered`, the earlier on a tie. `None`: the response is better left as it is.
pub(super) fn negotiate(accept_encoding: &str, offered: &[Coding]) -> Option<Choice> {
    let weights = Weights::parse(accept_encoding);
    // The first of the best: `max_by_key` would take the last.
    let best = offered.iter().rev().copied().max_by_key(|coding| weights.of(*coding))?;
    let weight = weights.of(best);
    let identity_is_better = weights.identity.is_some_and(|identity| identity > weight);
    let required = weights.identity.or(weights.others.filter(|weight| *weight == 0)) == Some(0);
    (weight > 0 && !identity_is_better).then_some(Choice { coding: best, required })
}

// === impl Weights ===

impl Weights {
    fn parse(accept_encoding: &str) -> Self {
        let mut weights = Self::default();
        for item in accept_encoding.split(',') {
            let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
            let Some(weight) = weight(parameters) else { continue };
            let is = |known: &str| name.trim().eq_ignore_ascii_case(known);
            let slot = match () {
                () if is("zstd") => &mut weights.codings[Coding::Zstd as usize],
                () if is("br") => &mut weights.codings[Coding::Br as usize],
                () if is("gzip") || is("x-gzip") => &mut weights.codings[Coding::Gzip as usize],
                () if is("identity") => &mut weights.identity,
                () if is("*") => &mut weights.others,
                () => continue,
            };
            *slot = Some(weight);
        }
        weights
    }

    fn of(&self, coding: Coding) -> u16 {
        self.codings[coding as usize].or(self.others).unwrap_or(0)
    }
}

/// The weight among parameters, 1000 if there is none; `None` if it is not understood, and the item better ignored.
fn weight(parameters: &str) -> Option<u16> {
    let parameters = parameters.trim();
    if parameters.is_empty() {
        return Some(1000);
    }
    let value = parameters.strip_prefix(['q', 'Q'])?.trim_start().strip_prefix('=')?.trim_start();
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = if fraction.is_empty() { 0 } else { fraction.parse::<u16>().ok()? };
    let thousandths = digits * [1000, 100, 10, 1][fraction.len()];
    match (whole, thousandths) {
        ("0", thousandths) => Some(thousandths),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices() {
        use Coding::{Br, Gzip, Zstd};
        let all = &[Zstd, Br, Gzip][..];
        for (accept, offered, expected) in [
            ("gzip", all, Some((Gzip, false))),
            ("gzip, deflate, br", all, Some((Br, false))),
            ("gzip, deflate, br, zstd", all, Some((Zstd, false))),
            ("gzip, br", &[Gzip, Br], Some((Gzip, false))),
            ("br;q=0.9, gzip;q=1.0", all, Some((Gzip, false))),
            ("GZIP ; Q = 0.5", all, Some((Gzip, false))),
            ("x-gzip", all, Some((Gzip, false))),
            ("*", all, Some((Zstd, false))),
            ("zstd;q=0, *", all, Some((Br, false))),
            ("gzip;q=0.001", all, Some((Gzip, false))),
            ("gzip;q=0", all, None),
            ("*;q=0", all, None),
            ("", all, None),
            ("deflate", all, None),
            ("identity", all, None),
            ("br", &[Gzip], None),
            ("gzip;q=0.5, identity", all, None),
            ("gzip;q=0.5, identity;q=0.5", all, Some((Gzip, false))),
            ("gzip, identity;q=0", all, Some((Gzip, true))),
            ("gzip, *;q=0", all, Some((Gzip, true))),
            ("gzip, identity;q=0.1, *;q=0", all, Some((Gzip, false))),
            ("identity;q=0", all, None),
            ("gzip;q=2, br;q=x, zstd;q=0.1234", all, None),
            ("gzip;level=1", all, None),
            (",, gzip ,", all, Some((Gzip, false))),
        ] {
            let expected = expected.map(|(coding, required)| Choice { coding, required });
            assert_eq!(negotiate(accept, offered), expected, "{accept}");
        }
    }
}
