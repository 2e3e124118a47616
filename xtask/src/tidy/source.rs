//! A Rust file, taken apart just far enough for rules that read text: code, comments and string literals, by line.

use std::{iter::Peekable, path::Path, str::Chars};

/// One file.
pub(super) struct Source<'f> {
    pub path: &'f Path,
    pub lines: Vec<Line>,
}

/// One line of it.
#[derive(Default)]
pub(super) struct Line {
    /// Without comments; each literal is an empty pair of quotes.
    pub code: String,
    /// The text of its comments, without their marks.
    pub comment: String,
    /// String literals that begin here, as written between the quotes.
    pub strings: Vec<String>,
    /// Inside an item under `#[cfg(test)]`.
    pub in_test: bool,
}

// === impl Source ===

impl<'f> Source<'f> {
    pub(super) fn read(path: &'f Path, text: &str) -> Self {
        let mut lexer = Lexer { input: text.chars().peekable(), lines: vec![Line::default()] };
        lexer.run();
        let mut source = Self { path, lines: lexer.lines };
        source.mark_tests();
        source
    }

    /// Whether a comment on this line, in the lines of comment right above it, or for the whole file leaves `rule`.
    ///
    /// A comment `tidy-allow RULE: reason` is for one line, `tidy-allow-file RULE: reason` for the file.
    /// Without a reason it allows nothing.
    pub(super) fn allows(&self, rule: &str, index: usize) -> bool {
        let says = |line: &Line, mark: &str| {
            let rest = line.comment.split_once(mark).map(|(_, rest)| rest.trim_start());
            rest.and_then(|rest| rest.strip_prefix(rule))
                .and_then(|rest| rest.trim_start().strip_prefix(':'))
                .is_some_and(|reason| !reason.trim().is_empty())
        };
        self.note_at(index, |line| says(line, "tidy-allow "))
            || self.lines.iter().any(|line| says(line, "tidy-allow-file "))
    }

    /// Whether a comment that belongs to this line is as asked: on the line, or right above it and its attributes.
    pub(super) fn note_at(&self, index: usize, asked: impl Fn(&Line) -> bool) -> bool {
        let above = self.lines[..index].iter().rev().take_while(|line| {
            let code = line.code.trim();
            code.starts_with("#[") || (code.is_empty() && !line.comment.is_empty())
        });
        asked(&self.lines[index]) || above.into_iter().any(asked)
    }

    /// From `#[cfg(test)]` to the end of the item that follows.
    fn mark_tests(&mut self) {
        let mut depth = 0_i64;
        let mut outside: Option<i64> = None;
        let mut waiting = false;
        for line in &mut self.lines {
            waiting |= line.code.contains("#[cfg(test)]");
            line.in_test = waiting || outside.is_some();
            for letter in line.code.chars() {
                match letter {
                    '{' => {
                        if waiting {
                            outside = Some(depth);
                            waiting = false;
                        }
                        depth += 1;
                    }
                    '}' => {
                        depth -= 1;
                        outside = outside.filter(|start| *start != depth);
                    }
                    // `#[cfg(test)] mod tests;` and `#[cfg(test)] use …;` have no body here.
                    ';' => waiting = false,
                    _ => {}
                }
            }
        }
    }
}

struct Lexer<'t> {
    input: Peekable<Chars<'t>>,
    lines: Vec<Line>,
}

// === impl Lexer ===

impl Lexer<'_> {
    fn run(&mut self) {
        let mut word = String::new();
        while let Some(letter) = self.input.next() {
            match letter {
                '/' if self.input.next_if_eq(&'/').is_some() => self.line_comment(),
                '/' if self.input.next_if_eq(&'*').is_some() => self.block_comment(),
                '"' => self.string(&word),
                '#' if matches!(word.as_str(), "r" | "br" | "cr") && self.opens_raw() => self.raw_string(1),
                '\'' => self.quote(),
                '\n' => self.lines.push(Line::default()),
                _ => self.code(letter),
            }
            if letter.is_alphanumeric() || letter == '_' {
                word.push(letter);
            } else {
                word.clear();
            }
        }
    }

    fn line(&mut self) -> &mut Line {
        if self.lines.is_empty() {
            self.lines.push(Line::default());
        }
        let last = self.lines.len() - 1;
        &mut self.lines[last]
    }

    fn code(&mut self, letter: char) {
        self.line().code.push(letter);
    }

    fn line_comment(&mut self) {
        while let Some(letter) = self.input.next_if(|letter| *letter != '\n') {
            self.line().comment.push(letter);
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 1;
        while let Some(letter) = self.input.next() {
            match letter {
                '*' if self.input.next_if_eq(&'/').is_some() => {
                    depth -= 1;
                    if depth == 0 {
                        return;
                    }
                }
                '/' if self.input.next_if_eq(&'*').is_some() => depth += 1,
                '\n' => self.lines.push(Line::default()),
                _ => self.line().comment.push(letter),
            }
        }
    }

    /// After the opening quote; `word` stands right before it and may say that the string is raw.
    fn string(&mut self, word: &str) {
        if matches!(word, "r" | "br" | "cr") {
            return self.raw_string(0);
        }
        let mut text = String::new();
        let mut newlines = 0;
        while let Some(letter) = self.input.next() {
            match letter {
                '"' => break,
                '\\' => {
                    text.push('\\');
                    let escaped = self.input.next();
                    newlines += usize::from(escaped == Some('\n'));
                    text.extend(escaped);
                }
                _ => {
                    newlines += usize::from(letter == '\n');
                    text.push(letter);
                }
            }
        }
        self.finish_string(text, newlines);
    }

    /// Whether the `#` that was just read leads to a quote: `r#"…"#`, and not `r#type`.
    fn opens_raw(&mut self) -> bool {
        let mut ahead = self.input.clone();
        ahead.by_ref().find(|letter| *letter != '#') == Some('"')
    }

    /// `hashes` of the opening marks were read already.
    fn raw_string(&mut self, mut hashes: usize) {
        while self.input.next_if_eq(&'#').is_some() {
            hashes += 1;
        }
        if hashes > 0 {
            self.input.next_if_eq(&'"');
        }
        let close = format!("\"{}", "#".repeat(hashes));
        let mut text = String::new();
        for letter in self.input.by_ref() {
            text.push(letter);
            if text.ends_with(&close) {
                text.truncate(text.len() - close.len());
                break;
            }
        }
        let newlines = text.matches('\n').count();
        self.finish_string(text, newlines);
    }

    fn finish_string(&mut self, text: String, newlines: usize) {
        let line = self.line();
        line.strings.push(text);
        line.code.push_str("\"\"");
        self.lines.extend(std::iter::repeat_with(Line::default).take(newlines));
    }

    /// A character literal or the mark of a lifetime.
    fn quote(&mut self) {
        let mut ahead = self.input.clone();
        let (first, second) = (ahead.next(), ahead.next());
        if first == Some('\\') {
            self.input.next();
            self.input.next();
            while self.input.next_if(|letter| *letter != '\'').is_some() {}
            self.input.next();
        } else if second == Some('\'') {
            self.input.next();
            self.input.next();
        }
        self.code('\'');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_comments_and_strings_are_told_apart() {
        let text = r####"let a = "x // \" y"; // z "no string"
/* one
   two /* three */ */ let b = r#"raw " text"#; let c = '"'; let d: &'static str = b"e";
let r#type = '\''; let f = "last";
"####;
        let source = Source::read(Path::new("a.rs"), text);
        let strings: Vec<_> = source.lines.iter().map(|line| line.strings.clone()).collect();
        assert_eq!(strings, [vec![r#"x // \" y"#], vec![], vec!["raw \" text", "e"], vec!["last"], vec![]]);
        assert_eq!(source.lines[0].comment, " z \"no string\"");
        assert_eq!(source.lines[0].code, "let a = \"\"; ");
        assert_eq!(source.lines[2].comment, "   two  three  ");
        assert!(source.lines[3].code.ends_with("let f = \"\";"));
    }

    #[test]
    fn a_string_over_lines_keeps_the_count() {
        let source = Source::read(Path::new("a.rs"), "let a = \"1\n2 \\\n3\";\nlet b = \"x\";\n");
        assert_eq!(source.lines[3].strings, ["x"]);
    }

    #[test]
    fn tests_are_marked_to_their_end() {
        let text =
            "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n#[cfg(test)]\nmod more;\nfn d() {}\n";
        let source = Source::read(Path::new("a.rs"), text);
        let marked: Vec<_> =
            (1..).zip(&source.lines).filter(|(_, line)| line.in_test).map(|(number, _)| number).collect();
        assert_eq!(marked, [2, 3, 4, 5, 7, 8]);
    }

    #[test]
    fn a_rule_is_left_with_a_reason_only() {
        let text = "// tidy-allow ports: data, never bound\nlet a = 1;\n\n// tidy-allow ports:\nlet b = 1;\n";
        let source = Source::read(Path::new("a.rs"), text);
        assert!(source.allows("ports", 1));
        assert!(!source.allows("other", 1));
        assert!(!source.allows("ports", 4));
    }
}
