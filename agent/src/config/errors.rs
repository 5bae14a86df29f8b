//! What is wrong with a configuration: everything at once, each with its place.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Everything that is wrong with a configuration, in the order of the file; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// Line and column, both from 1; `None` when the file could not be read at all.
    pub place: Option<(usize, usize)>,
    /// A sentence that names the key and the way out.
    pub message: String,
    /// For errors of TOML's grammar: the line, and below it a mark at the place.
    pub excerpt: Option<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some((line, column)) = self.place {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(excerpt) = &self.excerpt {
            write!(f, "\n{excerpt}")?;
        }
        Ok(())
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, error) in self.0.iter().enumerate() {
            if position > 0 {
                writeln!(f)?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

impl ConfigErrors {
    /// One error that has no place in the file.
    pub(super) fn whole_file(file: &Path, message: String) -> Self {
        Self(vec![ConfigError { file: file.to_owned(), place: None, message, excerpt: None }])
    }

    /// Errors of TOML's grammar.
    pub(super) fn grammar(file: &Path, text: &str, errors: &[toml::de::Error]) -> Self {
        let mut found: Vec<(usize, ConfigError)> = errors
            .iter()
            .map(|error| {
                let at = error.span().map_or(0, |span| span.start);
                let (line, column) = line_and_column(text, at);
                let content = text.split('\n').nth(line - 1).unwrap_or("").trim_end();
                let number = line.to_string();
                let bar = " ".repeat(number.len());
                let excerpt = format!("{number} | {content}\n{bar} | {}^", " ".repeat(column - 1));
                let message = format!("this is no TOML: {}", error.message().replace('\n', ", "));
                let file = file.to_owned();
                (at, ConfigError { file, place: Some((line, column)), message, excerpt: Some(excerpt) })
            })
            .collect();
        found.sort_by_key(|(at, _)| *at);
        Self(found.into_iter().map(|(_, error)| error).collect())
    }
}

/// Line and column, both from 1, of a byte in a text; columns count characters.
fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// A value and the byte at which it stands in the file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) at: usize,
}

impl<T> At<T> {
    pub(super) fn new(value: T, span: &Range<usize>) -> Self {
        Self { value, at: span.start }
    }
}

/// Collects what is wrong while a file is read.
#[derive(Debug, Default)]
pub(super) struct Report {
    found: RefCell<Vec<(usize, String)>>,
}

impl Report {
    /// Notes a sentence about what stands at a byte of the file.
    pub(super) fn add(&self, at: usize, message: impl Into<String>) {
        self.found.borrow_mut().push((at, message.into()));
    }

    /// Everything noted, in the order of the file; `None` when nothing was.
    pub(super) fn into_errors(self, file: &Path, text: &str) -> Option<ConfigErrors> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|(at, _)| *at);
        let errors: Vec<ConfigError> = found
            .into_iter()
            .map(|(at, message)| ConfigError {
                file: file.to_owned(),
                place: Some(line_and_column(text, at)),
                message,
                excerpt: None,
            })
            .collect();
        (!errors.is_empty()).then_some(ConfigErrors(errors))
    }
}

/// The name that somebody may have meant, for an error message.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    // Names as short as lanes usually are differ too little from each other: there only case is a slip.
    let slips = |candidate: &str| match candidate.chars().count().max(lower.chars().count()) {
        0..=2 => 0,
        length => (length / 3).max(1),
    };
    known
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| {
            *distance <= slips(candidate) || candidate.starts_with(&format!("{lower}_"))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The end of a sentence about a name that does not exist.
pub(super) fn way_out<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let all: Vec<&str> = known.clone().collect();
    match nearest(name, known) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None if all.is_empty() => "there are none".to_owned(),
        None => format!("there are {}", all.join(", ")),
    }
}
