//! Every link of the documentation leads somewhere: to a file that is there, to a heading that it holds.

use std::{fs, path::Path};

use super::Problem;

pub(super) fn check(root: &Path, path: &Path, text: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (line, target) in links(text) {
        if let Some(what) = objection(root, path, text, &target) {
            problems.push(Problem {
                file: path.to_path_buf(),
                line,
                what,
                why: "a reader who follows it is lost",
                instead: "correct the link, or write what it should lead to".into(),
            });
        }
    }
    problems
}

/// What is wrong with a link of the page `path`; links to other hosts are not followed.
fn objection(root: &Path, path: &Path, text: &str, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let folder = path.parent().unwrap_or(Path::new(""));
    let found = match file.strip_prefix('/') {
        Some(absolute) => root.join(absolute),
        None => root.join(folder).join(file),
    };
    if !file.is_empty() && !found.exists() {
        return Some(format!("the link to `{target}` leads nowhere"));
    }
    if anchor.is_empty() || !(file.is_empty() || is_page(&found)) {
        return None;
    }
    let page = if file.is_empty() { text.to_owned() } else { fs::read_to_string(&found).ok()? };
    let known = headings(&page).any(|heading| heading == anchor);
    (!known).then(|| format!("the page has no heading for `#{anchor}` of the link `{target}`"))
}

fn is_page(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "md")
}

/// Inline links and reference definitions outside of code, with the number of their line.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        let mut rest = line.as_str();
        while let Some(start) = rest.find("](") {
            rest = &rest[start + 2..];
            let end = rest.find([')', ' ']).unwrap_or(rest.len());
            found.push((number, rest[..end].to_owned()));
        }
        let definition = line.trim_start().strip_prefix('[').and_then(|line| line.split_once("]: "));
        if let Some((_, target)) = definition {
            found.push((number, target.split_whitespace().next().unwrap_or_default().to_owned()));
        }
    }
    found
}

/// The lines of a page without its code, numbered from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, String)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            return None;
        }
        let without_code = || line.split('`').step_by(2).collect::<Vec<_>>().join("``");
        (!fenced).then(|| (index + 1, without_code()))
    })
}

/// The anchors of a page, as the common viewers make them from headings.
fn headings(text: &str) -> impl Iterator<Item = String> {
    let mut fenced = false;
    text.lines().filter_map(move |line| {
        fenced ^= line.trim_start().starts_with("```");
        let title = line.strip_prefix('#')?.trim_start_matches('#').trim();
        (!fenced).then(|| slug(title))
    })
}

fn slug(title: &str) -> String {
    let kept = title.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_somewhere() {
        let text = "# Why `this`, now\n[a](#why-this-now) [b](#gone) [c](Cargo.toml) [d](gone.md#x)\n`[e](gone)` [f](https://example.com)\n\n[g]: gone.md\n```\n[h](gone)\n```\n";
        let problems = check(&crate::root(), Path::new("page.md"), text);
        assert_eq!(problems.iter().map(|problem| problem.line).collect::<Vec<_>>(), [2, 2, 5], "{problems:?}");
    }
}
