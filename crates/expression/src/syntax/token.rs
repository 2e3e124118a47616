//! Text to tokens (CEL specification, "Syntax").

use crate::problem::Fault;

/// A token with the byte that it begins at.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) at: usize,
    pub(super) kind: TokenKind,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind {
    Name(String),
    /// Without sign; one beyond the largest `i64` is the magnitude of the least.
    Int(u64),
    Double(f64),
    Text(String),
    Symbol(&'static str),
    End,
}

/// The longer ones first.
const SYMBOLS: [&str; 24] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",", "(", ")", "[", "]",
    "{", "}",
];

/// What other languages write, and what is written here.
const FOREIGN: [(char, &str); 5] = [
    ('=', "two values are compared with `==`"),
    ('&', "both must hold is written `&&`"),
    ('|', "one of two must hold is written `||`"),
    (';', "an expression is a single one; join several with `&&`"),
    ('`', "a text stands in `\"` or `'`"),
];

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

/// All tokens of a text, the last of which is its end.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Fault> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blank();
        let at = lexer.at;
        let kind = lexer.token()?;
        let is_end = kind == TokenKind::End;
        tokens.push(Token { at, kind });
        if is_end {
            return Ok(tokens);
        }
    }
}

// === impl Lexer ===

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let taken = &rest[..rest.find(|c| !belongs(c)).unwrap_or(rest.len())];
        self.at += taken.len();
        taken
    }

    /// Blanks, and comments from `//` to the end of their line.
    fn skip_blank(&mut self) {
        loop {
            self.take_while(|c| matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0c'));
            if !self.rest().starts_with("//") {
                return;
            }
            self.take_while(|c| c != '\n');
        }
    }

    fn token(&mut self) -> Result<TokenKind, Fault> {
        let Some(first) = self.peek() else { return Ok(TokenKind::End) };
        if let Some(text) = self.text_literal()? {
            return Ok(TokenKind::Text(text));
        }
        let second = self.rest().chars().nth(1);
        if first.is_ascii_digit() || (first == '.' && second.is_some_and(|c| c.is_ascii_digit())) {
            return self.number();
        }
        if is_word(first) {
            return Ok(TokenKind::Name(self.take_while(is_word).to_owned()));
        }
        if let Some(symbol) = SYMBOLS.iter().find(|symbol| self.rest().starts_with(**symbol)) {
            self.at += symbol.len();
            return Ok(TokenKind::Symbol(symbol));
        }
        let message = format!("`{first}` means nothing here");
        Err(match FOREIGN.iter().find(|(foreign, _)| *foreign == first) {
            Some((_, hint)) => Fault::with_hint(self.at, message, *hint),
            None => Fault::new(self.at, message),
        })
    }

    fn number(&mut self) -> Result<TokenKind, Fault> {
        let at = self.at;
        let bad = |what: &str| Fault::new(at, what.to_owned());
        if let Some(digits) = self.rest().strip_prefix("0x").or_else(|| self.rest().strip_prefix("0X")) {
            let digits = &digits[..digits.find(|c: char| !is_word(c)).unwrap_or(digits.len())];
            self.at += 2 + digits.len();
            let number = u64::from_str_radix(digits, 16).map(TokenKind::Int);
            return number.map_err(|_| bad(&format!("`0x{digits}` is no number of 64 bits")));
        }
        let mut is_double = false;
        self.take_while(|c| c.is_ascii_digit());
        let fraction = self.rest().strip_prefix('.').unwrap_or_default();
        if fraction.starts_with(|c: char| c.is_ascii_digit()) {
            self.at += 1;
            self.take_while(|c| c.is_ascii_digit());
            is_double = true;
        }
        let exponent = self.rest().strip_prefix(['e', 'E']).unwrap_or_default();
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if digits.starts_with(|c: char| c.is_ascii_digit()) {
            self.at += 1 + exponent.len() - digits.len();
            self.take_while(|c| c.is_ascii_digit());
            is_double = true;
        }
        let text = &self.text[at..self.at];
        match self.take_while(is_word) {
            "" => {}
            "u" | "U" => {
                let message = format!("`{text}u`: there are no unsigned numbers here");
                return Err(Fault::with_hint(at, message, format!("write `{text}`")));
            }
            more => return Err(bad(&format!("`{text}{more}` is no number"))),
        }
        if is_double {
            return text.parse().map(TokenKind::Double).map_err(|_| bad(&format!("`{text}` is no number")));
        }
        text.parse().map(TokenKind::Int).map_err(|_| bad(&format!("`{text}` is no number of 64 bits")))
    }

    /// A text in quotes, perhaps raw, perhaps in three quotes; `None` if none begins here.
    fn text_literal(&mut self) -> Result<Option<String>, Fault> {
        let at = self.at;
        let rest = self.rest();
        let prefix = &rest[..rest.find(['"', '\'']).unwrap_or(rest.len())];
        if rest.len() == prefix.len() || prefix.len() > 2 || !prefix.bytes().all(|b| b"rRbB".contains(&b)) {
            return Ok(None);
        }
        if prefix.contains(['b', 'B']) {
            return Err(Fault::with_hint(at, "bytes cannot be written here", "write a text, without the `b`"));
        }
        let is_raw = !prefix.is_empty();
        let quote = &rest[prefix.len()..=prefix.len()];
        let triple = quote.repeat(3);
        let is_long = rest[prefix.len()..].starts_with(&triple);
        let close = if is_long { triple.as_str() } else { quote };
        self.at += prefix.len() + close.len();
        let mut text = String::new();
        loop {
            if self.rest().starts_with(close) {
                self.at += close.len();
                return Ok(Some(text));
            }
            let escape = self.at;
            match self.take() {
                Some('\\') if !is_raw => text.push(self.escaped(escape)?),
                Some('\n' | '\r') if !is_long => {
                    let hint = "write `\\n` for a line break within it";
                    return Err(Fault::with_hint(at, "a text ends on the line that it begins on", hint));
                }
                Some(letter) => text.push(letter),
                None => return Err(Fault::new(at, format!("this text has no end; it lacks a `{close}`"))),
            }
        }
    }

    /// What a backslash at the byte `at` stands for.
    fn escaped(&mut self, at: usize) -> Result<char, Fault> {
        let letter = self.take().unwrap_or_default();
        let code = match letter {
            'a' => return Ok('\x07'),
            'b' => return Ok('\x08'),
            'f' => return Ok('\x0c'),
            'n' => return Ok('\n'),
            'r' => return Ok('\r'),
            't' => return Ok('\t'),
            'v' => return Ok('\x0b'),
            '\\' | '?' | '"' | '\'' | '`' => return Ok(letter),
            'x' | 'X' => self.code(2, 16),
            'u' => self.code(4, 16),
            'U' => self.code(8, 16),
            '0'..='3' => {
                self.at -= 1;
                self.code(3, 8)
            }
            _ => None,
        };
        code.and_then(char::from_u32).ok_or_else(|| {
            let hint = "write `\\\\` for a backslash, or the whole text as `r\"…\"`";
            Fault::with_hint(at, format!("`\\{letter}` stands for nothing"), hint)
        })
    }

    /// So many digits.
    fn code(&mut self, length: usize, radix: u32) -> Option<u32> {
        let digits = self.rest().get(..length)?;
        let are_digits = digits.chars().all(|c| c.is_digit(radix));
        let code = if are_digits { u32::from_str_radix(digits, radix).ok()? } else { return None };
        self.at += length;
        Some(code)
    }
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}
