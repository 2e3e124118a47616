//! The known word that was probably meant.

/// Words longer than this are not compared: nobody mistypes them by a letter, and the comparison is quadratic.
const LONGEST: usize = 64;

/// The known word nearest to `word`, if one is near enough to have been meant.
///
/// Near enough is one slip in every three letters (a wrong, missing, surplus or swapped letter). Upper case and `-` for
/// `_` count for nothing; another digit counts double, because `http2` is no slip for `http1`.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let word = letters(word)?;
    let bound = (word.len() / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    for candidate in known {
        let Some(letters) = letters(candidate) else { continue };
        if letters.len().abs_diff(word.len()) > bound {
            continue;
        }
        let slips = slips(&word, &letters);
        if slips <= bound && best.is_none_or(|(least, _)| slips < least) {
            best = Some((slips, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// The hint that goes with an unknown word: the nearest known one, or else what is known.
pub fn suggestion<'k>(word: &str, known: impl IntoIterator<Item = &'k str> + Clone) -> Option<String> {
    const LISTED: usize = 32;
    if let Some(near) = nearest(word, known.clone()) {
        return Some(format!("did you mean `{near}`?"));
    }
    let mut known = known.into_iter();
    let mut list: Vec<String> = known.by_ref().take(LISTED).map(|word| format!("`{word}`")).collect();
    if known.next().is_some() {
        list.push("…".to_owned());
    }
    match list.len() {
        0 => None,
        1 => Some(format!("only {} is known here", list[0])),
        _ => Some(format!("known here: {}", list.join(", "))),
    }
}

fn letters(word: &str) -> Option<Vec<char>> {
    if word.len() > LONGEST {
        return None;
    }
    Some(word.chars().map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() }).collect())
}

/// Edit distance in which a swap of neighbours is one slip (optimal string alignment).
fn slips(a: &[char], b: &[char]) -> usize {
    let width = b.len() + 1;
    let mut before = vec![0; width];
    let mut last: Vec<usize> = (0..width).collect();
    let mut row = vec![0; width];
    for i in 1..=a.len() {
        row[0] = i;
        for j in 1..width {
            let wrong = match (a[i - 1], b[j - 1]) {
                (a, b) if a == b => 0,
                (a, b) if a.is_ascii_digit() && b.is_ascii_digit() => 2,
                _ => 1,
            };
            row[j] = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + wrong);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        std::mem::swap(&mut before, &mut last);
        std::mem::swap(&mut last, &mut row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found_and_a_far_one_is_not() {
        let known = ["address", "name", "listeners", "http2", "round_robin"];
        let cases = [
            ("adress", Some("address")),
            ("nmae", Some("name")),
            ("Name", Some("name")),
            ("listener", Some("listeners")),
            ("round-robin", Some("round_robin")),
            ("http", Some("http2")),
            ("http1", None),
            ("weight", None),
            ("", None),
        ];
        for (word, expected) in cases {
            assert_eq!(nearest(word, known), expected, "{word}");
        }
    }

    #[test]
    fn endless_words_are_not_compared() {
        assert_eq!(nearest(&"a".repeat(1 << 20), ["a"]), None);
    }
}
