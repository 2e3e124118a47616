//! Tokens to tree: operators by how closely they bind (Pratt, "Top Down Operator Precedence", 1973).

use super::{
    DEEPEST, Kind, LONGEST, MOST, Operator, Syntax,
    token::{Token, TokenKind, tokens},
};
use crate::problem::Fault;

/// Words that CEL keeps for itself.
const RESERVED: [&str; 17] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// Words that other languages have for an operator.
const WORDS: [(&str, &str); 4] = [("and", "&&"), ("or", "||"), ("not", "!"), ("is", "==")];

/// Parses one expression.
///
/// Stops at the first fault: what follows a slip of syntax is guesswork.
pub(crate) fn parse(text: &str) -> Result<Syntax, Fault> {
    if text.len() > LONGEST {
        let message = format!("an expression of {} bytes; at most {LONGEST} are read", text.len());
        return Err(Fault::with_hint(0, message, "divide it among several routes or policies"));
    }
    let tokens = tokens(text)?;
    if tokens.len() == 1 {
        return Err(Fault::new(0, "the expression is empty"));
    }
    let mut parser = Parser { tokens, next: 0, depth: 0, parts: 0 };
    let syntax = parser.expression()?;
    match parser.peek() {
        TokenKind::End => Ok(syntax),
        _ => Err(parser.surplus()),
    }
}

struct Parser {
    /// The last one is the end.
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
    parts: usize,
}

// === impl Parser ===

impl Parser {
    fn peek(&self) -> &TokenKind {
        self.tokens.get(self.next).map_or(&TokenKind::End, |token| &token.kind)
    }

    /// The byte that the next token begins at.
    fn at(&self) -> usize {
        self.tokens.get(self.next).or(self.tokens.last()).map_or(0, |token| token.at)
    }

    fn take(&mut self) -> TokenKind {
        let kind = self.peek().clone();
        self.next += 1;
        kind
    }

    fn takes(&mut self, symbol: &str) -> bool {
        let is_next = matches!(self.peek(), TokenKind::Symbol(next) if *next == symbol);
        self.next += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, symbol: &str, what: &str) -> Result<(), Fault> {
        if self.takes(symbol) {
            return Ok(());
        }
        Err(Fault::new(self.at(), format!("expected `{symbol}` {what}, found {}", self.found())))
    }

    /// The next token, in words.
    fn found(&self) -> String {
        match self.peek() {
            TokenKind::End => "the end".to_owned(),
            TokenKind::Name(name) => format!("`{name}`"),
            TokenKind::Symbol(symbol) => format!("`{symbol}`"),
            TokenKind::Int(_) | TokenKind::Double(_) => "a number".to_owned(),
            TokenKind::Text(_) => "a text".to_owned(),
        }
    }

    #[cold]
    fn surplus(&self) -> Fault {
        let message = format!("expected an operator or the end, found {}", self.found());
        match self.peek() {
            TokenKind::Name(name) => match WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(name)) {
                Some((_, operator)) => {
                    Fault::with_hint(self.at(), message, format!("`{name}` is written `{operator}`"))
                }
                None => Fault::new(self.at(), message),
            },
            _ => Fault::new(self.at(), message),
        }
    }

    fn part(&mut self, at: usize, kind: Kind) -> Result<Syntax, Fault> {
        self.parts += 1;
        if self.parts > MOST {
            let message = format!("the expression has more than {MOST} parts");
            return Err(Fault::with_hint(at, message, "divide it among several routes or policies"));
        }
        Ok(Syntax { at, kind })
    }

    /// Goes one level down.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        if self.depth == DEEPEST {
            let message = format!("the expression is nested more than {DEEPEST} deep");
            return Err(Fault::with_hint(self.at(), message, "divide it among several routes or policies"));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    /// `a ? b : c`, or less.
    fn expression(&mut self) -> Result<Syntax, Fault> {
        let condition = self.operation(1)?;
        let at = self.at();
        if !self.takes("?") {
            return Ok(condition);
        }
        let (then, otherwise) = self.nested(|parser| {
            let then = parser.expression()?;
            parser.expect(":", "and what holds otherwise")?;
            Ok((then, parser.expression()?))
        })?;
        self.part(at, Kind::If(Box::new([condition, then, otherwise])))
    }

    /// Operands with the operators between them that bind at least so closely.
    fn operation(&mut self, least: u8) -> Result<Syntax, Fault> {
        let mut left = self.operand()?;
        loop {
            let at = self.at();
            let symbol = match self.peek() {
                TokenKind::Symbol(symbol) => *symbol,
                TokenKind::Name(name) if name == "in" => "in",
                _ => return Ok(left),
            };
            let Some((operator, binding)) = Operator::of(symbol, least) else { return Ok(left) };
            self.next += 1;
            let right = self.operation(binding + 1)?;
            left = self.part(at, Kind::Binary(operator, Box::new(left), Box::new(right)))?;
        }
    }

    /// A value with what stands before and behind it.
    fn operand(&mut self) -> Result<Syntax, Fault> {
        let at = self.at();
        if self.takes("!") {
            let operand = self.nested(Self::operand)?;
            return self.part(at, Kind::Not(Box::new(operand)));
        }
        if self.takes("-") {
            if let TokenKind::Int(magnitude) = *self.peek() {
                self.next += 1;
                // Of all magnitudes one alone has no positive number.
                let number = 0_i64.checked_sub_unsigned(magnitude).ok_or_else(|| too_large(at, magnitude))?;
                let number = self.part(at, Kind::Int(number))?;
                return self.members(number);
            }
            let operand = self.nested(Self::operand)?;
            return self.part(at, Kind::Negative(Box::new(operand)));
        }
        let value = self.value()?;
        self.members(value)
    }

    /// `.name`, `.name(…)` and `[…]` behind a value.
    fn members(&mut self, mut value: Syntax) -> Result<Syntax, Fault> {
        loop {
            let at = self.at();
            if self.takes(".") {
                let at = self.at();
                let name = self.name("behind the `.`")?;
                value = match self.takes("(") {
                    true => {
                        let arguments = self.items(")")?;
                        self.part(at, Kind::Call { target: Some(Box::new(value)), function: name, arguments })?
                    }
                    false => self.part(value.at, Kind::Member(Box::new(value), name))?,
                };
            } else if self.takes("[") {
                let index = self.nested(Self::expression)?;
                self.expect("]", "behind the key")?;
                value = self.part(at, Kind::Index(Box::new(value), Box::new(index)))?;
            } else {
                return Ok(value);
            }
        }
    }

    fn name(&mut self, place: &str) -> Result<String, Fault> {
        let at = self.at();
        match self.take() {
            TokenKind::Name(name) => Ok(name),
            _ => {
                self.next -= 1;
                Err(Fault::new(at, format!("expected a name {place}, found {}", self.found())))
            }
        }
    }

    /// What stands in brackets that are open, up to `close`.
    fn items(&mut self, close: &str) -> Result<Vec<Syntax>, Fault> {
        self.nested(|parser| {
            let mut items = Vec::new();
            while !parser.takes(close) {
                items.push(parser.expression()?);
                // A comma may stand behind the last one, but not alone.
                if !parser.takes(",") {
                    parser.expect(close, "or a comma")?;
                    break;
                }
            }
            Ok(items)
        })
    }

    fn value(&mut self) -> Result<Syntax, Fault> {
        let at = self.at();
        match self.take() {
            TokenKind::Text(text) => self.part(at, Kind::Text(text)),
            TokenKind::Double(number) => self.part(at, Kind::Double(number)),
            TokenKind::Int(number) => {
                let number = i64::try_from(number).map_err(|_| too_large(at, number))?;
                self.part(at, Kind::Int(number))
            }
            TokenKind::Name(name) => self.named(at, name),
            TokenKind::Symbol("(") => {
                let inner = self.nested(Self::expression)?;
                self.expect(")", "behind what is in parentheses")?;
                Ok(inner)
            }
            TokenKind::Symbol("[") => {
                let items = self.items("]")?;
                self.part(at, Kind::List(items))
            }
            TokenKind::Symbol("{") => Err(Fault::new(at, "a map cannot be written out here")),
            _ => {
                self.next -= 1;
                Err(Fault::new(at, format!("expected a value, found {}", self.found())))
            }
        }
    }

    fn named(&mut self, at: usize, name: String) -> Result<Syntax, Fault> {
        match &*name {
            "true" => return self.part(at, Kind::Bool(true)),
            "false" => return self.part(at, Kind::Bool(false)),
            "null" => {
                let hint = "ask whether a map has a key with `\"key\" in map`, or `has(map.key)`";
                return Err(Fault::with_hint(at, "`null`: nothing here can be null", hint));
            }
            "in" => return Err(Fault::new(at, "expected a value, found `in`")),
            _ if RESERVED.contains(&&*name) => {
                return Err(Fault::new(at, format!("`{name}` is a word that CEL keeps for itself")));
            }
            _ => {}
        }
        if self.takes("(") {
            let arguments = self.items(")")?;
            return self.part(at, Kind::Call { target: None, function: name, arguments });
        }
        self.part(at, Kind::Name(name))
    }
}

fn too_large(at: usize, number: u64) -> Fault {
    Fault::new(at, format!("{number} is too large for a number of 64 bits"))
}
