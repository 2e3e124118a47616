//! Functions, in one table.

use super::{Checker, Type, Typed};
use crate::{
    compiled::{Address, Bool, Double, Int, Part, Search, Span, Text, Time, moment, since_1970, span},
    literal, nearest,
    problem::Fault,
    suggestion,
    syntax::Syntax,
};

/// A way to call a function, for the reference.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// With types in place of values: `string.contains(string)`.
    pub written: &'static str,
    pub about: &'static str,
}

struct Function {
    name: &'static str,
    style: Style,
    usages: &'static [Usage],
    /// Of a method, what it is called on is the first argument.
    build: fn(Vec<Argument>) -> Built,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// `a.f(b)`
    Method,
    /// `f(a)`
    Global,
    Both,
}

struct Argument {
    at: usize,
    value: Typed,
}

type Built = Result<Typed, Objection>;

enum Objection {
    /// The types of the arguments are those of no usage.
    Types,
    Fault(Fault),
}

const SECOND: i128 = 1_000_000_000;
const MINUTE: i128 = 60 * SECOND;
const HOUR: i128 = 60 * MINUTE;

#[rustfmt::skip]
const FUNCTIONS: &[Function] = &[
    Function { name: "has", style: Style::Global, build: has, usages: &[
        usage("has(map.key)", "whether a map has a key; the same as `\"key\" in map`"),
    ] },
    Function { name: "startsWith", style: Style::Method, build: |given| search(given, Search::Start), usages: &[
        usage("string.startsWith(string)", "whether it begins with another"),
    ] },
    Function { name: "endsWith", style: Style::Method, build: |given| search(given, Search::End), usages: &[
        usage("string.endsWith(string)", "whether it ends with another"),
    ] },
    Function { name: "contains", style: Style::Method, build: |given| search(given, Search::Anywhere), usages: &[
        usage("string.contains(string)", "whether another one is part of it"),
    ] },
    Function { name: "matches", style: Style::Both, build: matches, usages: &[
        usage("string.matches(\"regex\")", "whether a regular expression finds something in it; anchored only where `^` or `$` say so"),
    ] },
    Function { name: "within", style: Style::Method, build: within, usages: &[
        usage("string.within(\"10.0.0.0/8\")", "whether an address is in a network; also with a list of networks"),
    ] },
    Function { name: "size", style: Style::Both, build: size, usages: &[
        usage("string.size()", "its length in characters"),
    ] },
    Function { name: "lowerAscii", style: Style::Method, build: lower, usages: &[
        usage("string.lowerAscii()", "the same with `A` to `Z` in lower case"),
    ] },
    Function { name: "upperAscii", style: Style::Method, build: upper, usages: &[
        usage("string.upperAscii()", "the same with `a` to `z` in upper case"),
    ] },
    Function { name: "int", style: Style::Global, build: int, usages: &[
        usage("int(string)", "the whole number that a text spells"),
        usage("int(double)", "the number without its fraction"),
        usage("int(timestamp)", "seconds since 1970"),
    ] },
    Function { name: "double", style: Style::Global, build: double, usages: &[
        usage("double(string)", "the number that a text spells"),
        usage("double(int)", "the same number"),
    ] },
    Function { name: "string", style: Style::Global, build: string, usages: &[
        usage("string(int)", "the text that spells a number; also of a double or a bool"),
    ] },
    Function { name: "timestamp", style: Style::Global, build: timestamp, usages: &[
        usage("timestamp(string)", "the moment that a text spells (RFC 3339), as in `2026-01-31T09:00:00Z`"),
        usage("timestamp(int)", "the moment so many seconds after 1970"),
    ] },
    Function { name: "duration", style: Style::Global, build: duration, usages: &[
        usage("duration(string)", "the duration that a text spells, as in `1h30m` or `1.5s`"),
    ] },
    Function { name: "getFullYear", style: Style::Method, build: |given| part(given, Part::FullYear), usages: &[
        usage("timestamp.getFullYear()", "the year; this and what follows in UTC, or by a clock that is ahead of it: `getHours(\"+01:00\")`"),
    ] },
    Function { name: "getMonth", style: Style::Method, build: |given| part(given, Part::Month), usages: &[
        usage("timestamp.getMonth()", "the month, from 0"),
    ] },
    Function { name: "getDate", style: Style::Method, build: |given| part(given, Part::Date), usages: &[
        usage("timestamp.getDate()", "the day of the month, from 1"),
    ] },
    Function { name: "getDayOfMonth", style: Style::Method, build: |given| part(given, Part::DayOfMonth), usages: &[
        usage("timestamp.getDayOfMonth()", "the day of the month, from 0"),
    ] },
    Function { name: "getDayOfWeek", style: Style::Method, build: |given| part(given, Part::DayOfWeek), usages: &[
        usage("timestamp.getDayOfWeek()", "the day of the week, from 0 for Sunday"),
    ] },
    Function { name: "getDayOfYear", style: Style::Method, build: |given| part(given, Part::DayOfYear), usages: &[
        usage("timestamp.getDayOfYear()", "the day of the year, from 0"),
    ] },
    Function { name: "getHours", style: Style::Method, build: |given| clock(given, Part::Hours, HOUR), usages: &[
        usage("timestamp.getHours()", "the hour of the day"),
        usage("duration.getHours()", "whole hours"),
    ] },
    Function { name: "getMinutes", style: Style::Method, build: |given| clock(given, Part::Minutes, MINUTE), usages: &[
        usage("timestamp.getMinutes()", "the minute of the hour"),
        usage("duration.getMinutes()", "whole minutes"),
    ] },
    Function { name: "getSeconds", style: Style::Method, build: |given| clock(given, Part::Seconds, SECOND), usages: &[
        usage("timestamp.getSeconds()", "the second of the minute"),
        usage("duration.getSeconds()", "whole seconds"),
    ] },
    Function { name: "getMilliseconds", style: Style::Method, build: milliseconds, usages: &[
        usage("timestamp.getMilliseconds()", "the milliseconds of the second"),
        usage("duration.getMilliseconds()", "milliseconds beyond the whole second"),
    ] },
];

/// Functions of CEL that walk through a list, which has no bound that a check could know.
const WALKS: [&str; 7] = ["all", "exists", "exists_one", "existsOne", "filter", "map", "transformList"];

/// Every way to call a function, in the order of the reference.
pub fn usages() -> impl Iterator<Item = Usage> {
    FUNCTIONS.iter().flat_map(|function| function.usages).copied()
}

pub(super) fn is_method(name: &str) -> bool {
    FUNCTIONS.iter().any(|function| function.name == name && function.style != Style::Global)
}

const fn usage(written: &'static str, about: &'static str) -> Usage {
    Usage { written, about }
}

// === impl Checker ===

impl Checker<'_> {
    pub(super) fn call(
        &mut self,
        at: usize,
        target: Option<&Syntax>,
        name: &str,
        arguments: &[Syntax],
    ) -> Option<Typed> {
        if WALKS.contains(&name) && target.is_some() {
            let message =
                format!("`{name}` walks through a list, and what an expression costs must be known beforehand");
            return self.object(at, message, Some("write the cases out and join them with `||` or `&&`"));
        }
        let given = target.into_iter().chain(arguments);
        let values: Vec<_> = given.map(|syntax| (syntax.at, self.value(syntax))).collect();
        let style = if target.is_some() { Style::Method } else { Style::Global };
        let Some(function) = FUNCTIONS.iter().find(|function| function.name == name) else {
            return self.unknown_function(at, style, name);
        };
        let argument = |(at, value): (usize, Option<Typed>)| Some(Argument { at, value: value? });
        let values: Vec<Argument> = values.into_iter().map(argument).collect::<Option<_>>()?;
        let found = found(style, name, &values);
        let built = if matches!(function.style, Style::Both) || function.style == style {
            (function.build)(values)
        } else {
            Err(Objection::Types)
        };
        match built {
            Ok(value) => Some(value),
            Err(Objection::Fault(fault)) => {
                self.faults.push(fault);
                None
            }
            Err(Objection::Types) => {
                let usages: Vec<String> = function.usages.iter().map(|usage| format!("`{}`", usage.written)).collect();
                let message = format!("`{name}` cannot be called as `{found}`");
                self.object(at, message, Some(&format!("write it as {}", usages.join(" or "))))
            }
        }
    }

    fn unknown_function(&mut self, at: usize, style: Style, name: &str) -> Option<Typed> {
        let message = format!("unknown function `{name}`");
        let all = FUNCTIONS.iter().map(|function| function.name);
        let fitting = FUNCTIONS.iter().filter(|function| function.style == Style::Both || function.style == style);
        let hint = match nearest(name, all) {
            Some(near) => Some(format!("did you mean `{near}`?")),
            None => suggestion(name, fitting.map(|function| function.name)),
        };
        self.object(at, message, hint.as_deref())
    }
}

/// A call with types in place of values.
fn found(style: Style, name: &str, values: &[Argument]) -> String {
    let types: Vec<String> = values.iter().map(|argument| argument.value.kind().to_string()).collect();
    match (style, types.split_first()) {
        (Style::Method, Some((target, arguments))) => format!("{target}.{name}({})", arguments.join(", ")),
        _ => format!("{name}({})", types.join(", ")),
    }
}

// === functions ===

/// The values, if there are so many; addresses as texts.
fn values<const N: usize>(given: Vec<Argument>) -> Result<[Typed; N], Objection> {
    let values: Vec<Typed> = given.into_iter().map(|argument| argument.value.plain()).collect();
    values.try_into().map_err(|_| Objection::Types)
}

fn has(given: Vec<Argument>) -> Built {
    let at = given.first().map_or(0, |argument| argument.at);
    let [value] = values(given)?;
    match value {
        Typed::Text(Text::Entry(map, key)) => Ok(Typed::Bool(Bool::Has(map, key))),
        _ => {
            let hint = "name one: `has(request.headers.host)`, or `\"host\" in request.headers`";
            Err(Objection::Fault(Fault::with_hint(at, "`has` asks for an entry of a map, and this is none", hint)))
        }
    }
}

fn search(given: Vec<Argument>, search: Search) -> Built {
    match values(given)? {
        [Typed::Text(text), Typed::Text(wanted)] => Ok(Typed::Bool(Bool::Search(search, Box::new((text, wanted))))),
        _ => Err(Objection::Types),
    }
}

fn matches(given: Vec<Argument>) -> Built {
    let at = given.last().map_or(0, |argument| argument.at);
    match values(given)? {
        [Typed::Text(text), Typed::Text(Text::Constant(pattern))] => {
            let regex = literal::pattern(&pattern).map_err(|message| Fault::divided(at, &message))?;
            Ok(Typed::Bool(Bool::Matches(Box::new(text), Box::new(regex))))
        }
        [Typed::Text(_), Typed::Text(_)] => Err(written_out(at, "a regular expression is compiled beforehand")),
        _ => Err(Objection::Types),
    }
}

fn within(given: Vec<Argument>) -> Built {
    let Ok([address, networks]) = <[Argument; 2]>::try_from(given) else { return Err(Objection::Types) };
    let address = match address.value {
        Typed::Address(variable) => Address::Variable(variable),
        Typed::Text(text) => Address::OfText(text),
        _ => return Err(Objection::Types),
    };
    let texts = match networks.value {
        Typed::Text(text) => vec![text],
        Typed::Texts(texts) => texts,
        _ => return Err(Objection::Types),
    };
    let network = |text| match text {
        Text::Constant(text) => literal::network(&text).map_err(|message| Fault::divided(networks.at, &message).into()),
        _ => Err(written_out(networks.at, "a network is read beforehand")),
    };
    let networks = texts.into_iter().map(network).collect::<Result<_, Objection>>()?;
    Ok(Typed::Bool(Bool::Within(Box::new(address), networks)))
}

fn written_out(at: usize, why: &str) -> Objection {
    Objection::Fault(Fault::with_hint(at, format!("{why}, and this is not known yet"), "write it out, in quotes"))
}

fn size(given: Vec<Argument>) -> Built {
    match values(given)? {
        [Typed::Text(text)] => Ok(Typed::Int(Int::Length(Box::new(text)))),
        _ => Err(Objection::Types),
    }
}

fn lower(given: Vec<Argument>) -> Built {
    match values(given)? {
        [Typed::Text(text)] => Ok(Typed::Text(Text::Lower(Box::new(text)))),
        _ => Err(Objection::Types),
    }
}

fn upper(given: Vec<Argument>) -> Built {
    match values(given)? {
        [Typed::Text(text)] => Ok(Typed::Text(Text::Upper(Box::new(text)))),
        _ => Err(Objection::Types),
    }
}

fn int(given: Vec<Argument>) -> Built {
    Ok(Typed::Int(match values(given)? {
        [Typed::Int(number)] => number,
        [Typed::Double(number)] => Int::OfDouble(Box::new(number)),
        [Typed::Text(text)] => Int::OfText(Box::new(text)),
        [Typed::Time(time)] => Int::OfTime(Box::new(time)),
        _ => return Err(Objection::Types),
    }))
}

fn double(given: Vec<Argument>) -> Built {
    Ok(Typed::Double(match values(given)? {
        [Typed::Double(number)] => number,
        [Typed::Int(number)] => Double::OfInt(Box::new(number)),
        [Typed::Text(text)] => Double::OfText(Box::new(text)),
        _ => return Err(Objection::Types),
    }))
}

fn string(given: Vec<Argument>) -> Built {
    Ok(Typed::Text(match values(given)? {
        [Typed::Text(text)] => text,
        [Typed::Bool(value)] => Text::OfBool(Box::new(value)),
        [Typed::Int(number)] => Text::OfInt(Box::new(number)),
        [Typed::Double(number)] => Text::OfDouble(Box::new(number)),
        _ => return Err(Objection::Types),
    }))
}

fn timestamp(given: Vec<Argument>) -> Built {
    let at = given.first().map_or(0, |argument| argument.at);
    Ok(Typed::Time(match values(given)? {
        [Typed::Time(time)] => time,
        [Typed::Text(Text::Constant(text))] => {
            let time = literal::moment(&text).map_err(|message| Fault::divided(at, &message))?;
            let nanos = moment(since_1970(time));
            Time::Constant(nanos.map_err(|_| Fault::new(at, format!("`{text}` is before the year 1")))?)
        }
        [Typed::Text(text)] => Time::OfText(Box::new(text)),
        [Typed::Int(seconds)] => Time::OfInt(Box::new(seconds)),
        _ => return Err(Objection::Types),
    }))
}

fn duration(given: Vec<Argument>) -> Built {
    let at = given.first().map_or(0, |argument| argument.at);
    Ok(Typed::Span(match values(given)? {
        [Typed::Span(span)] => span,
        [Typed::Text(Text::Constant(text))] => {
            let nanos = literal::duration(&text).map_err(|message| Fault::divided(at, &message))?;
            let nanos = span(nanos).map_err(|_| Fault::new(at, format!("`{text}` is more than ten thousand years")))?;
            Span::Constant(nanos)
        }
        [Typed::Text(text)] => Span::OfText(Box::new(text)),
        _ => return Err(Objection::Types),
    }))
}

/// What a calendar or a clock says, in UTC or ahead of it.
fn part(given: Vec<Argument>, part: Part) -> Built {
    let at = given.last().map_or(0, |argument| argument.at);
    let mut values = given.into_iter().map(|argument| argument.value);
    let (Some(Typed::Time(time)), zone, None) = (values.next(), values.next(), values.next()) else {
        return Err(Objection::Types);
    };
    let ahead = match zone {
        None => 0,
        Some(Typed::Text(Text::Constant(zone))) => ahead(at, &zone)?,
        Some(zone) if zone.kind() == Type::String => {
            return Err(written_out(at, "an offset from UTC is read beforehand"));
        }
        Some(_) => return Err(Objection::Types),
    };
    Ok(Typed::Int(Int::Part(part, ahead, Box::new(time))))
}

/// The minutes that a clock is ahead of UTC.
fn ahead(at: usize, zone: &str) -> Result<i16, Fault> {
    if zone == "UTC" {
        return Ok(0);
    }
    literal::minutes_ahead(zone).ok_or_else(|| {
        let hint = "give how far its clock is ahead of UTC, as in `+01:00`; zones by their names are not known here";
        Fault::with_hint(at, format!("`{}` is no offset from UTC", literal::shortened(zone)), hint)
    })
}

/// The same; of a duration, so many whole units.
fn clock(given: Vec<Argument>, part: Part, unit: i128) -> Built {
    match <[Argument; 1]>::try_from(given) {
        Ok([Argument { value: Typed::Span(span), .. }]) => Ok(Typed::Int(Int::Whole(unit, Box::new(span)))),
        Ok(given) => self::part(given.into(), part),
        Err(given) => self::part(given, part),
    }
}

fn milliseconds(given: Vec<Argument>) -> Built {
    match <[Argument; 1]>::try_from(given) {
        Ok([Argument { value: Typed::Span(span), .. }]) => Ok(Typed::Int(Int::Milliseconds(Box::new(span)))),
        Ok(given) => part(given.into(), Part::Milliseconds),
        Err(given) => part(given, Part::Milliseconds),
    }
}

// === impl Objection ===

impl From<Fault> for Objection {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}
