//! Request bodies, queries and path parameters, read with limits; all that is wrong is told at once, field by field.

mod extract;

pub use extract::{FormBody, JsonBody, JsonBytes, OptionalJsonBody, PathParams, QueryParams};

use super::problem::{FieldError, Problem};
use crate::config::unknown;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

/// Largest body, in bytes.
pub const MOST_BYTES: usize = 1024 * 1024;
/// Longest text in a field that has no limit of its own, in characters.
pub const MOST_TEXT: usize = 4096;
/// So much of the name of a field that does not exist is shown.
const MOST_SHOWN: usize = 60;

/// Something that is read out of the fields of a body.
pub trait Body: Sized {
    /// Whether fields that it does not know are passed over, because a standard wants that; else each is an error: it would be a mistyped one.
    const PASSES_OVER: bool = false;

    /// Longest that is waited for the body, where that is shorter than a request may take.
    const WITHIN: Duration = Duration::MAX;

    /// Reads it. What is wrong goes to `fields`, and then the value is thrown away.
    fn read(fields: &mut Fields) -> Self;
}

/// The fields of a body and what was found wrong with them.
#[derive(Debug, Default)]
pub struct Fields {
    values: Map<String, Value>,
    /// Names that were asked for.
    known: BTreeSet<String>,
    errors: Vec<FieldError>,
}

impl Fields {
    /// Reads a body out of its fields.
    ///
    /// # Errors
    /// 422 that names every field that is wrong.
    pub fn check<T: Body>(values: Map<String, Value>) -> Result<T, Problem> {
        let mut fields = Self { values, ..Self::default() };
        let body = T::read(&mut fields);
        if !T::PASSES_OVER {
            fields.refuse_unknown();
        }
        if fields.errors.is_empty() { Ok(body) } else { Err(Problem::invalid(fields.errors)) }
    }

    /// Whether the body has no fields.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Whether the body has this field, and not as null.
    pub fn has(&mut self, name: &str) -> bool {
        self.know(name);
        self.values.get(name).is_some_and(|value| !value.is_null())
    }

    /// Whether the body has this field, be it as null.
    pub fn given(&mut self, name: &str) -> bool {
        self.know(name);
        self.values.contains_key(name)
    }

    fn know(&mut self, name: &str) {
        if !self.known.contains(name) {
            self.known.insert(name.to_owned());
        }
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.know(name);
        self.values.remove(name)
    }

    /// Notes each field for which nobody has asked.
    fn refuse_unknown(&mut self) {
        let others: Vec<String> =
            self.values.keys().filter(|name| !self.known.contains(*name)).cloned().collect();
        for name in others {
            let message = unknown("field", &name, self.known.iter().cloned());
            let shown: String = name.chars().filter(|letter| !letter.is_control()).take(MOST_SHOWN).collect();
            self.refuse(&shown, message);
        }
    }

    /// Notes that something is wrong with a field; of several faults of one field the first is told.
    pub fn refuse(&mut self, name: &str, message: impl Into<String>) {
        if self.errors.iter().any(|error| error.field == name) {
            return;
        }
        self.errors.push(FieldError { field: name.into(), message: message.into() });
    }

    /// A text that may hold anything, of at most [`MOST_TEXT`] characters.
    pub fn text(&mut self, name: &str) -> String {
        match self.take(name) {
            Some(Value::String(text)) => {
                if text.chars().count() > MOST_TEXT {
                    self.refuse(name, format!("{name} has at most {MOST_TEXT} characters"));
                }
                text
            }
            Some(other) => self.wrong(name, "a text", &other),
            None => self.missing(name),
        }
    }

    /// A line for people: 1 to `most` characters without control characters; white space around it goes.
    pub fn line(&mut self, name: &str, most: usize) -> String {
        let before = self.errors.len();
        let text = self.text(name);
        if self.errors.len() > before {
            return text;
        }
        let line = text.trim();
        if line.is_empty() || line.chars().count() > most || line.chars().any(char::is_control) {
            self.refuse(name, format!("{name} has 1 to {most} characters and no control characters"));
        }
        line.to_owned()
    }

    /// A line for people, which may be absent, null or empty.
    pub fn optional_line(&mut self, name: &str, most: usize) -> Option<String> {
        self.know(name);
        let blank = match self.values.get(name) {
            Some(Value::String(text)) => text.trim().is_empty(),
            Some(Value::Null) | None => true,
            Some(_) => false,
        };
        (!blank).then(|| self.line(name, most))
    }

    /// True or false; absent means `default`.
    pub fn flag_or(&mut self, name: &str, default: bool) -> bool {
        match self.take(name) {
            Some(Value::Bool(flag)) => flag,
            Some(other) => self.wrong(name, "true or false", &other),
            None => default,
        }
    }

    /// A number within a range.
    pub fn number(&mut self, name: &str, range: RangeInclusive<f64>) -> f64 {
        let number = match self.take(name) {
            Some(Value::Number(number)) => number.as_f64().unwrap_or(f64::NAN),
            Some(other) => return self.wrong(name, "a number", &other),
            None => return self.missing(name),
        };
        if !range.contains(&number) {
            self.refuse(name, format!("{name} lies between {} and {}", range.start(), range.end()));
        }
        number
    }

    /// A whole number within a range; absent means `default`.
    pub fn whole_or(&mut self, name: &str, default: i32, range: RangeInclusive<i32>) -> i32 {
        let whole = match self.take(name) {
            Some(Value::Number(number)) => whole(&number),
            Some(other) => return self.wrong(name, "a whole number", &other),
            None => return default,
        };
        let within = whole.filter(|whole| range.contains(whole));
        if within.is_none() {
            self.refuse(name, format!("{name} is a whole number from {} to {}", range.start(), range.end()));
        }
        within.unwrap_or(default)
    }

    /// A whole number within a range; absent or null: nothing.
    pub fn optional_whole(&mut self, name: &str, range: RangeInclusive<i32>) -> Option<i32> {
        let least = *range.start();
        self.has(name).then(|| self.whole_or(name, least, range))
    }

    /// What a text parses to, such as "the UUID of a lane"; absent or null: nothing.
    pub fn optional_parsed<T: FromStr>(&mut self, name: &str, wanted: &str) -> Option<T> {
        if !self.has(name) {
            return None;
        }
        let parsed = self.text(name).parse().ok();
        if parsed.is_none() {
            self.refuse(name, format!("{name} is {wanted}"));
        }
        parsed
    }

    /// Notes which of these fields are absent or null; to be asked before they are read.
    pub fn require(&mut self, names: &[&str]) {
        for name in names {
            if !self.has(name) {
                self.missing::<()>(name);
            }
        }
    }

    /// A list of what serde reads; its texts have at most [`MOST_TEXT`] characters and no control characters. Absent or null: nothing.
    pub fn optional_list<T: DeserializeOwned>(&mut self, name: &str, most: usize) -> Option<Vec<T>> {
        let list: Vec<T> = self.optional_object(name)?;
        if list.len() > most {
            self.refuse(name, format!("{name} has at most {most} entries"));
            return None;
        }
        Some(list)
    }

    /// An object that serde reads, with texts as in a list; absent or null: nothing.
    pub fn optional_object<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let value = self.take(name).filter(|value| !value.is_null())?;
        if !storable(&value) {
            let wanted =
                format!("texts in {name} have at most {MOST_TEXT} characters and no control characters");
            self.refuse(name, wanted);
            return None;
        }
        serde_json::from_value(value)
            .map_err(|error| self.refuse(name, format!("{name} cannot be read: {error}")))
            .ok()
    }

    fn missing<T: Default>(&mut self, name: &str) -> T {
        self.refuse(name, format!("{name} is required"));
        T::default()
    }

    fn wrong<T: Default>(&mut self, name: &str, wanted: &str, found: &Value) -> T {
        let found = match found {
            Value::Null => "null",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::String(_) => "a text",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        self.refuse(name, format!("{name} is {wanted}, not {found}"));
        T::default()
    }
}

/// Whether every text in a value, its keys too, has at most [`MOST_TEXT`] characters and no control characters:
/// the audit log keeps what was asked for, be it refused later, and PostgreSQL stores no NUL.
fn storable(value: &Value) -> bool {
    let plain = |text: &str| text.chars().count() <= MOST_TEXT && !text.chars().any(char::is_control);
    match value {
        Value::String(text) => plain(text),
        Value::Array(list) => list.iter().all(storable),
        Value::Object(fields) => fields.iter().all(|(key, value)| plain(key) && storable(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

/// 30 and 30.0 are the same whole number in JSON.
fn whole(number: &serde_json::Number) -> Option<i32> {
    if let Some(whole) = number.as_i64() {
        return i32::try_from(whole).ok();
    }
    let float = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() <= f64::from(i32::MAX))?;
    Some(float as i32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(Debug)]
    struct Sample {
        line: String,
        note: Option<String>,
        flag: bool,
        number: f64,
        whole: i32,
    }

    impl Body for Sample {
        fn read(fields: &mut Fields) -> Self {
            Self {
                line: fields.line("line", 5),
                note: fields.optional_line("note", 5),
                flag: fields.flag_or("flag", false),
                number: fields.number("number", -1.0..=1.0),
                whole: fields.whole_or("whole", 30, 1..=100),
            }
        }
    }

    fn check(value: Value) -> Result<Sample, Vec<String>> {
        let Value::Object(values) = value else { panic!("the sample is an object") };
        Fields::check(values).map_err(|problem: Problem| {
            let body = format!("{problem:?}");
            ["line", "note", "flag", "number", "whole"]
                .iter()
                .filter(|name| body.contains(&format!("field: \"{name}\"")))
                .map(ToString::to_string)
                .collect()
        })
    }

    #[test]
    fn absent_fields_take_their_defaults() {
        let sample = check(json!({"line": " abc ", "number": 1, "note": null})).unwrap();
        assert_eq!((sample.line.as_str(), sample.note, sample.flag), ("abc", None, false));
        assert_eq!((sample.number, sample.whole), (1.0, 30));
        assert_eq!(check(json!({"line": "a", "number": 0, "whole": 5.0})).unwrap().whole, 5);
    }

    #[derive(Debug)]
    struct PassesOver;

    impl Body for PassesOver {
        const PASSES_OVER: bool = true;

        fn read(_: &mut Fields) -> Self {
            Self
        }
    }

    #[test]
    fn a_field_that_does_not_exist_is_told_beside_the_one_that_may_be_meant() {
        let told = |value: Value| {
            let Value::Object(values) = value else { panic!("the sample is an object") };
            format!("{:?}", Fields::check::<Sample>(values).unwrap_err())
        };
        let text = told(json!({"line": "a", "number": 0, "flagg": true}));
        let sentence = "there is no field \\\"flagg\\\"; did you mean \\\"flag\\\"?";
        assert!(text.contains(sentence) && text.contains("field: \"flagg\""), "{text}");
        let text = told(json!({"line": "a", "number": 0, "flag": true, "a\u{0}b": null, "x".repeat(100): 1}));
        assert!(text.contains("field: \"ab\""), "{text}");
        assert!(text.contains(&format!("field: \"{}\"", "x".repeat(60))), "{text}");
        let others = Map::from_iter([("more".to_owned(), json!(1))]);
        assert!(Fields::check::<PassesOver>(others).is_ok());
    }

    #[test]
    fn texts_within_lists_and_objects_have_limits_too() {
        let long = "x".repeat(MOST_TEXT + 1);
        for bad in ["a\u{0}b", "a\nb", long.as_str()] {
            for value in [json!([bad]), json!([[1, {"stage": bad}]]), json!({"a": {bad: 1}})] {
                let values = Map::from_iter([("it".to_owned(), value.clone())]);
                let mut fields = Fields { values, ..Fields::default() };
                assert_eq!(fields.optional_object::<Value>("it"), None, "{value}");
                assert_eq!(
                    fields.errors.iter().map(|error| error.field.as_str()).collect::<Vec<_>>(),
                    ["it"]
                );
            }
        }
        let mut fields = Fields {
            values: Map::from_iter([("it".to_owned(), json!(["उत्तर", {"a": null}]))]),
            ..Fields::default()
        };
        assert_eq!(fields.optional_list::<Value>("it", 2).map(|list| list.len()), Some(2));
        assert!(fields.errors.is_empty());
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let all = ["line", "note", "flag", "number", "whole"];
        for value in [
            json!({"line": "\u{0}", "note": "too long", "flag": "yes", "number": 2, "whole": 2_147_483_648_i64}),
            json!({"line": "", "note": 1, "flag": null, "number": null, "whole": 0.5}),
            json!({"line": [], "note": {}, "flag": 1, "number": "1", "whole": "30"}),
            json!({"note": "a\nb", "flag": [], "whole": null}),
            json!({"line": "seven c", "note": [], "flag": {}, "number": 1e300, "whole": 1e300}),
        ] {
            let expected: Vec<&str> = all.to_vec();
            assert_eq!(check(value.clone()).unwrap_err(), expected, "{value}");
        }
    }
}
