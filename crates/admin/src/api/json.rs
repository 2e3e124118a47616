//! JSON as strangers send it, read so that it means one thing only.
//!
//! Most readers take the last of two equal keys, some the first: whoever looks at a body on its way here may see another one than
//! we do. So a key that is there twice is refused.

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeOwned, DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

/// Deepest nesting of lists and maps, as in documents.
const DEEPEST: usize = 64;

/// Reads a body, and says why not.
pub(super) fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, String> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = Strict { place: None, depth: 0 }.deserialize(&mut reader).map_err(|error| error.to_string())?;
    reader.end().map_err(|error| error.to_string())?;
    serde_path_to_error::deserialize(value).map_err(|error| {
        let (path, why) = (error.path().to_string(), error.inner().to_string());
        let hint = hint(&why).map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default();
        match &*path {
            "." => format!("{why}{hint}"),
            path => format!("`{path}`: {why}{hint}"),
        }
    })
}

/// The nearest of the words that there are, if an error is about one that there is not.
fn hint(why: &str) -> Option<&str> {
    let is_about_a_word = why.starts_with("unknown field ") || why.starts_with("unknown variant ");
    let mut words = why.split('`').skip(1).step_by(2);
    let unknown = words.next().filter(|_| is_about_a_word)?;
    model::nearest(unknown, words)
}

/// Where we are.
#[derive(Clone, Copy)]
struct Place<'p> {
    within: Option<&'p Place<'p>>,
    step: Step<'p>,
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Key(&'p str),
    Item(usize),
}

/// A value in which no key is there twice.
#[derive(Clone, Copy)]
struct Strict<'p> {
    place: Option<&'p Place<'p>>,
    depth: usize,
}

// === impl Strict ===

impl<'p> Strict<'p> {
    fn inside(self, place: &'p Place<'p>) -> Self {
        Self { place: Some(place), depth: self.depth + 1 }
    }

    fn check_depth<E: Error>(self) -> Result<(), E> {
        match self.depth < DEEPEST {
            true => Ok(()),
            false => Err(E::custom(format_args!("lists and maps are nested more than {DEEPEST} deep"))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        self.check_depth()?;
        let mut list = Vec::new();
        loop {
            let place = Place { within: self.place, step: Step::Item(list.len()) };
            match items.next_element_seed(self.inside(&place))? {
                Some(item) => list.push(item),
                None => return Ok(list.into()),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        self.check_depth()?;
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let place = Place { within: self.place, step: Step::Key(&key) };
            if map.contains_key(&key) {
                return Err(A::Error::custom(format_args!("the key `{place}` is given twice")));
            }
            let value = entries.next_value_seed(self.inside(&place))?;
            map.insert(key, value);
        }
        Ok(map.into())
    }
}

// === impl Place ===

/// `edits[2].object.name`.
impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(within) = self.within {
            within.fmt(f)?;
        }
        match self.step {
            Step::Key(key) if self.within.is_none() => f.write_str(key),
            Step::Key(key) => write!(f, ".{key}"),
            Step::Item(index) => write!(f, "[{index}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_read_as_it_is() {
        for text in [
            r#"{"a":[1,-1,0.5,null,true,"x\u00e9\n"],"b":{"a":{}},"c":[]}"#,
            "18446744073709551615",
            "-9223372036854775808",
            r#""""#,
            " [ ] ",
        ] {
            let expected: Value = serde_json::from_str(text).unwrap();
            assert_eq!(read::<Value>(text.as_bytes()), Ok(expected), "{text}");
        }
        let deep = format!("{}{}", "[".repeat(DEEPEST), "]".repeat(DEEPEST));
        assert!(read::<Value>(deep.as_bytes()).is_ok());
    }

    #[test]
    fn what_could_mean_two_things_is_refused() {
        let deep = "[".repeat(DEEPEST + 1);
        for (text, why) in [
            (r#"{"name":"a","name":"b"}"#, "the key `name` is given twice"),
            (r#"{"a":[{},{"b":{"c":1,"\u0063":2}}]}"#, "the key `a[1].b.c` is given twice"),
            (r#"[[{"a":1,"a":1}]]"#, "the key `[0][0].a` is given twice"),
            (&*deep, "nested more than 64 deep"),
            ("{} {}", "trailing characters"),
            ("", "EOF while parsing"),
            ("{'a':1}", "key must be a string"),
            ("[1,]", "trailing comma"),
            ("1e999", "number out of range"),
            ("NaN", "expected"),
            (r#""\ud800""#, "line 1"),
        ] {
            let error = read::<Value>(text.as_bytes()).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
        assert!(read::<Value>(b"\"\xff\"").is_err());
        assert!(read::<Value>("[".repeat(1 << 20).as_bytes()).is_err());
    }

    #[test]
    fn a_type_says_where_it_differs_and_what_it_knows() {
        #[derive(Debug, PartialEq, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Order {
            endpoints: Vec<Endpoint>,
        }
        #[derive(Debug, PartialEq, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Endpoint {
            weight: u32,
        }
        let read = |text: &str| read::<Order>(text.as_bytes());
        assert_eq!(read(r#"{"endpoints":[{"weight":1}]}"#), Ok(Order { endpoints: vec![Endpoint { weight: 1 }] }));
        let error = read(r#"{"endpoints":[{"weight":1},{"wieght":1}]}"#).unwrap_err();
        assert!(error.starts_with("`endpoints[1].wieght`: unknown field `wieght`"), "{error}");
        assert!(error.ends_with("did you mean `weight`?"), "{error}");
        let error = read(r#"{"endpoints":[{"weight":-1}]}"#).unwrap_err();
        assert!(error.starts_with("`endpoints[0].weight`: invalid value"), "{error}");
    }
}
