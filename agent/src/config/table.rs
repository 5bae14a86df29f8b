//! Reads one table of the TOML key by key. What is asked for counts as known; what nobody asked for is an error at the end.

use super::errors::{At, Report, nearest};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use uuid::Uuid;

type Value<'t> = Spanned<DeValue<'t>>;

/// Most characters of a text.
const LONGEST_TEXT: usize = 512;

/// A table while it is read.
pub(super) struct Table<'t> {
    /// How messages call it, such as `[signal]` or `lane "N"`.
    pub(super) title: String,
    /// Where its header stands.
    pub(super) at: usize,
    entries: Option<&'t DeTable<'t>>,
    known: Vec<&'static str>,
    pub(super) report: &'t Report,
}

impl<'t> Table<'t> {
    pub(super) fn root(entries: &'t DeTable<'t>, report: &'t Report) -> Self {
        Self { title: "the file".to_owned(), at: 0, entries: Some(entries), known: Vec::new(), report }
    }

    fn new(title: String, at: usize, entries: Option<&'t DeTable<'t>>, report: &'t Report) -> Self {
        Self { title, at, entries, known: Vec::new(), report }
    }

    /// Whether the file has this table at all.
    pub(super) fn is_present(&self) -> bool {
        self.entries.is_some()
    }

    fn take(&mut self, key: &'static str) -> Option<&'t Value<'t>> {
        self.known.push(key);
        self.entries.and_then(|entries| entries.get(key))
    }

    /// Where a key's value stands, or the header when it is not there.
    pub(super) fn place(&self, key: &str) -> usize {
        self.entries.and_then(|entries| entries.get(key)).map_or(self.at, |value| value.span().start)
    }

    fn wrong(&self, key: &str, value: &Value<'_>, expected: &str) {
        let what = self.path(key);
        let kind = kind(value.get_ref());
        self.report.add(value.span().start, format!("{what} is {kind}; it is {expected}"));
    }

    /// How messages call a key.
    pub(super) fn path(&self, key: &str) -> String {
        format!("{key} of {}", self.title)
    }

    /// Notes that a key without default is missing.
    pub(super) fn missing(&self, key: &str, example: &str) {
        self.report.add(self.at, format!("{} has no {key}; add {key} = {example}", self.title));
    }

    pub(super) fn text(&mut self, key: &'static str) -> Option<At<String>> {
        let value = self.take(key)?;
        match value.get_ref().as_str() {
            Some(text) if text.chars().count() > LONGEST_TEXT => {
                let what = self.path(key);
                self.report.add(
                    value.span().start,
                    format!("{what} is too long; it has at most {LONGEST_TEXT} characters"),
                );
                None
            }
            Some(text) => Some(At::new(text.to_owned(), &value.span())),
            None => {
                self.wrong(key, value, "a text in quotes");
                None
            }
        }
    }

    pub(super) fn texts(&mut self, key: &'static str) -> Vec<At<String>> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            self.wrong(key, value, "a list of texts, such as [\"N\"]");
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in items {
            match item.get_ref().as_str() {
                Some(text) => texts.push(At::new(text.to_owned(), &item.span())),
                None => self.wrong(key, item, "a list of texts, such as [\"N\"]"),
            }
        }
        texts
    }

    /// A text that stands for one of a few values.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, options: &[(&str, T)]) -> Option<At<T>> {
        let text = self.text(key)?;
        if let Some((_, value)) = options.iter().find(|(name, _)| *name == text.value) {
            return Some(At { value: *value, at: text.at });
        }
        let what = self.path(key);
        let all: Vec<String> = options.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let near = nearest(&text.value, options.iter().map(|(name, _)| *name))
            .map_or_else(String::new, |near| format!("did you mean \"{near}\"? "));
        self.report
            .add(text.at, format!("{what} is \"{}\"; {near}{} are possible", text.value, all.join(", ")));
        None
    }

    pub(super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        let value = self.take(key)?;
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.wrong(key, value, "true or false");
        }
        flag
    }

    /// A number with or without decimals, of any size.
    pub(super) fn any_number(&mut self, key: &'static str, unit: &str) -> Option<At<f64>> {
        let value = self.take(key)?;
        let number = number(value.get_ref());
        if number.is_none() {
            self.wrong(key, value, &format!("a number{}", of_unit(unit)));
        }
        number.map(|number| At::new(number, &value.span()))
    }

    /// A number with or without decimals, in a range.
    pub(super) fn number(
        &mut self,
        key: &'static str,
        range: RangeInclusive<f64>,
        unit: &str,
    ) -> Option<At<f64>> {
        let number = self.any_number(key, unit)?;
        if range.contains(&number.value) {
            return Some(number);
        }
        self.out_of_range(key, number, *range.start(), *range.end(), unit);
        None
    }

    /// A whole number in a range.
    pub(super) fn whole(
        &mut self,
        key: &'static str,
        range: RangeInclusive<i64>,
        unit: &str,
    ) -> Option<At<i64>> {
        let number = self.any_number(key, unit)?;
        if !(*range.start() as f64..=*range.end() as f64).contains(&number.value) {
            self.out_of_range(key, number, range.start(), range.end(), unit);
            return None;
        }
        if number.value.fract() != 0.0 {
            let what = self.path(key);
            self.report
                .add(number.at, format!("{what} is {}; it is a whole number{}", number.value, of_unit(unit)));
            return None;
        }
        Some(At { value: number.value as i64, at: number.at })
    }

    fn out_of_range(&self, key: &str, number: At<f64>, least: impl Display, most: impl Display, unit: &str) {
        let what = self.path(key);
        let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
        self.report
            .add(number.at, format!("{what} is {}; it lies between {least} and {most}{unit}", number.value));
    }

    /// A UUID; there is no default for ids.
    pub(super) fn id<T: From<Uuid>>(&mut self, key: &'static str) -> Option<T> {
        const EXAMPLE: &str = "\"123e4567-e89b-42d3-a456-426614174000\"";
        if !self.entries.is_some_and(|entries| entries.contains_key(key)) {
            self.known.push(key);
            self.missing(key, EXAMPLE);
            return None;
        }
        let text = self.text(key)?;
        if let Ok(id) = Uuid::parse_str(&text.value) {
            return Some(T::from(id));
        }
        let what = self.path(key);
        self.report
            .add(text.at, format!("{what} is \"{}\", which is no UUID; write it as {EXAMPLE}", text.value));
        None
    }

    /// An absolute path.
    pub(super) fn path_to(&mut self, key: &'static str) -> Option<At<PathBuf>> {
        let text = self.text(key)?;
        if text.value.starts_with('/') {
            return Some(At { value: PathBuf::from(text.value), at: text.at });
        }
        let what = self.path(key);
        self.report.add(
            text.at,
            format!(
                "{what} is \"{}\"; it is a path from the root, such as \"/var/lib/flextraff\"",
                text.value
            ),
        );
        None
    }

    /// A section such as `[signal]`, or an inline table; when it is missing, one without keys.
    pub(super) fn table(&mut self, key: &'static str, title: &str) -> Table<'t> {
        let Some(value) = self.take(key) else {
            return Table::new(title.to_owned(), self.at, None, self.report);
        };
        let entries = value.get_ref().as_table();
        if entries.is_none() {
            let hint = if value.get_ref().is_array() { "; write it once, in single brackets" } else { "" };
            let kind = kind(value.get_ref());
            self.report.add(value.span().start, format!("{title} is {kind}, not a table{hint}"));
        }
        Table::new(title.to_owned(), value.span().start, entries, self.report)
    }

    /// All entries of a section such as `[[lane]]`.
    pub(super) fn tables(&mut self, key: &'static str) -> Vec<Table<'t>> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            let at = value.span().start;
            self.report
                .add(at, format!("{key} is {}; write [[{key}]], in double brackets", kind(value.get_ref())));
            return Vec::new();
        };
        let mut tables = Vec::new();
        for (position, item) in items.iter().enumerate() {
            let Some(entries) = item.get_ref().as_table() else {
                self.report.add(
                    item.span().start,
                    format!("[[{key}]] {} is {}, not a table", position + 1, kind(item.get_ref())),
                );
                continue;
            };
            let title = match entries.get("name").and_then(|name| name.get_ref().as_str()) {
                Some(name) => format!("{key} \"{name}\""),
                None => format!("[[{key}]] {}", position + 1),
            };
            tables.push(Table::new(title, item.span().start, Some(entries), self.report));
        }
        tables
    }

    /// Keys and values of a table whose keys are names.
    pub(super) fn entries(&self) -> Vec<(At<String>, &'t Value<'t>)> {
        let mut entries: Vec<_> = self
            .entries
            .iter()
            .flat_map(|entries| entries.iter())
            .map(|(key, value)| (At::new(key.get_ref().to_string(), &key.span()), value))
            .collect();
        entries.sort_by_key(|(key, _)| key.at);
        entries
    }

    /// Reports every key that nobody asked for.
    pub(super) fn finish(&self) {
        for (key, _) in self.entries() {
            if self.known.contains(&key.value.as_str()) {
                continue;
            }
            let what = if self.title == "the file" { "section" } else { "key" };
            let root = self.title == "the file";
            let show = |name: &str| if root { format!("[{name}]") } else { format!("\"{name}\"") };
            let way_out = nearest(&key.value, self.known.iter().copied()).map_or_else(
                || {
                    let all: Vec<String> = self.known.iter().map(|name| show(name)).collect();
                    format!("its {what}s are {}", all.join(", "))
                },
                |near| format!("did you mean {}?", show(near)),
            );
            self.report.add(key.at, format!("{} has no {what} {}; {way_out}", self.title, show(&key.value)));
        }
    }
}

/// A number of any kind that is finite.
pub(super) fn number(value: &DeValue<'_>) -> Option<f64> {
    let number = match value {
        DeValue::Integer(integer) => {
            i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(|whole| whole as f64)
        }
        DeValue::Float(float) => float.as_str().parse::<f64>().ok(),
        _ => None,
    };
    number.filter(|number| number.is_finite())
}

fn of_unit(unit: &str) -> String {
    if unit.is_empty() { String::new() } else { format!(" of {unit}") }
}

/// How messages call a kind of value.
pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
