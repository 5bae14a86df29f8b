//! What is wrong with a configuration: everything at once, each with its place.

use super::sources::Sources;
use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Everything that is wrong with a configuration, in the order of its files; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file: the main one, or one of `config.d`.
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
    /// All of them for a log line, without excerpts.
    pub fn in_one_line(&self) -> String {
        let short = |error: &ConfigError| ConfigError { excerpt: None, ..error.clone() }.to_string();
        self.0.iter().map(short).collect::<Vec<_>>().join("; ")
    }

    /// One error that has no place in the file.
    pub(super) fn whole_file(file: &Path, message: String) -> Self {
        Self(vec![ConfigError { file: file.to_owned(), place: None, message, excerpt: None }])
    }
}

/// A value and the byte at which it stands in the files.
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
    /// What keeps only the link from the broker, as long as it lasts.
    of_link: RefCell<Vec<(usize, String)>>,
}

impl Report {
    /// Notes a sentence about what stands at a byte of the files.
    pub(super) fn add(&self, at: usize, message: impl Into<String>) {
        self.found.borrow_mut().push((at, message.into()));
    }

    /// Notes a sentence about what the link needs, and may have later: who drives lamps and counts goes on without.
    pub(super) fn add_of_link(&self, at: usize, message: impl Into<String>) {
        self.of_link.borrow_mut().push((at, message.into()));
    }

    /// Takes out what the link needs; `None` when it has everything.
    pub(super) fn take_of_link(&self, sources: &Sources) -> Option<ConfigErrors> {
        in_order(self.of_link.take(), sources)
    }

    /// Everything noted, in the order of the files; `None` when nothing was.
    pub(super) fn into_errors(self, sources: &Sources) -> Option<ConfigErrors> {
        let mut found = self.found.into_inner();
        found.extend(self.of_link.into_inner());
        in_order(found, sources)
    }
}

fn in_order(mut found: Vec<(usize, String)>, sources: &Sources) -> Option<ConfigErrors> {
    found.sort_by_key(|(at, _)| *at);
    let errors: Vec<ConfigError> = found
        .into_iter()
        .map(|(at, message)| {
            let (file, line, column) = sources.place(at);
            ConfigError { file: file.to_owned(), place: Some((line, column)), message, excerpt: None }
        })
        .collect();
    (!errors.is_empty()).then_some(ConfigErrors(errors))
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
