//! The files of a configuration: the main one, and what stands beside it in `config.d`.

use super::errors::{ConfigError, ConfigErrors};
use super::merge::overlay;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use toml::de::DeTable;

/// Folder beside the main file whose `*.toml` files override single keys of it.
pub const OVERRIDES: &str = "config.d";

/// Most bytes of all files together.
const LARGEST: usize = 1 << 20;
/// Most files in [`OVERRIDES`].
const MOST_FILES: usize = 64;

/// Files in the order in which later ones override earlier ones. A byte of any of them has one number, so that errors of all files are sorted
/// and placed together.
#[derive(Debug)]
pub(super) struct Sources {
    files: Vec<Source>,
}

#[derive(Debug)]
struct Source {
    path: PathBuf,
    /// Number of its first byte; so many line ends stand before it in `text`, and the parser's spans are right for all files.
    start: usize,
    text: String,
}

impl Source {
    fn own_text(&self) -> &str {
        &self.text[self.start..]
    }
}

impl Sources {
    /// One file whose text is known.
    pub(super) fn of(path: &Path, text: &str) -> Self {
        let mut sources = Self { files: Vec::new() };
        sources.add(path, text);
        sources
    }

    /// The main file and its overrides.
    pub(super) fn read(path: &Path) -> Result<Self, ConfigErrors> {
        let mut paths = vec![path.to_owned()];
        let folder = path.with_file_name(OVERRIDES);
        match overrides(&folder) {
            Ok(more) if more.len() > MOST_FILES => {
                let message = format!("it has {} files; it has at most {MOST_FILES}", more.len());
                return Err(ConfigErrors::whole_file(&folder, message));
            }
            Ok(more) => paths.extend(more),
            Err(error) => return Err(ConfigErrors::whole_file(&folder, cannot_be_read(&error))),
        }
        Self::read_all(&paths)
    }

    fn read_all(paths: &[PathBuf]) -> Result<Self, ConfigErrors> {
        let mut sources = Self { files: Vec::new() };
        let mut errors = Vec::new();
        let mut size = 0;
        for path in paths {
            match read_text(path, &mut size) {
                Ok(text) => sources.add(path, &text),
                Err(message) => errors.extend(ConfigErrors::whole_file(path, message).0),
            }
        }
        if errors.is_empty() { Ok(sources) } else { Err(ConfigErrors(errors)) }
    }

    fn add(&mut self, path: &Path, text: &str) {
        let start = self.files.last().map_or(0, |last| last.text.len() + 1);
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let text = format!("{}{text}", "\n".repeat(start));
        self.files.push(Source { path: path.to_owned(), start, text });
    }

    /// All files as one table.
    pub(super) fn merged(&self) -> Result<DeTable<'_>, ConfigErrors> {
        let (merged, errors) = self.merged_as_far_as_possible();
        if errors.is_empty() { Ok(merged) } else { Err(ConfigErrors(errors)) }
    }

    /// What can be understood of all files as one table, and the errors of TOML's grammar.
    pub(super) fn merged_as_far_as_possible(&self) -> (DeTable<'_>, Vec<ConfigError>) {
        let mut merged = DeTable::new();
        let mut errors = Vec::new();
        for source in &self.files {
            let (table, grammar) = DeTable::parse_recoverable(&source.text);
            errors.extend(self.grammar(&grammar));
            overlay(&mut merged, table.into_inner());
        }
        (merged, errors)
    }

    /// File, line and column, both from 1, of a byte; columns count characters.
    pub(super) fn place(&self, at: usize) -> (&Path, usize, usize) {
        let source = self.source(at);
        let (line, column) = line_and_column(source.own_text(), at.saturating_sub(source.start));
        (&source.path, line, column)
    }

    fn source(&self, at: usize) -> &Source {
        let behind = self.files.partition_point(|source| source.start <= at);
        &self.files[behind.saturating_sub(1)]
    }

    /// Errors of TOML's grammar.
    fn grammar(&self, errors: &[toml::de::Error]) -> Vec<ConfigError> {
        let mut found: Vec<(usize, ConfigError)> = errors
            .iter()
            .map(|error| {
                let at = error.span().map_or(0, |span| span.start);
                let (file, line, column) = self.place(at);
                let content = self.source(at).own_text().split('\n').nth(line - 1).unwrap_or("").trim_end();
                let number = line.to_string();
                let bar = " ".repeat(number.len());
                let excerpt = format!("{number} | {content}\n{bar} | {}^", " ".repeat(column - 1));
                let message = format!("this is no TOML: {}", error.message().replace('\n', ", "));
                let file = file.to_owned();
                (at, ConfigError { file, place: Some((line, column)), message, excerpt: Some(excerpt) })
            })
            .collect();
        found.sort_by_key(|(at, _)| *at);
        found.into_iter().map(|(_, error)| error).collect()
    }
}

/// The override files in the order of their names; none without the folder.
fn overrides(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(error),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if is_override(&path) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Whether a file in the folder is meant: not what an editor keeps there while it has one open, nor a copy of before.
fn is_override(path: &Path) -> bool {
    let name = path.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
    let stem = name.strip_suffix(".toml").filter(|stem| !stem.starts_with(['.', '#']));
    stem.is_some_and(|stem| !["~", ".bak", ".orig", ".old"].iter().any(|copy| stem.ends_with(copy)))
}

fn read_text(path: &Path, size: &mut usize) -> Result<String, String> {
    let length = fs::metadata(path).map_err(|error| cannot_be_read(&error))?.len();
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    *size = size.saturating_add(length);
    if *size > LARGEST {
        return Err(format!(
            "with this file the configuration has {size} bytes; it has at most {LARGEST}, so this is another file"
        ));
    }
    let bytes = fs::read(path).map_err(|error| cannot_be_read(&error))?;
    String::from_utf8(bytes).map_err(|error| {
        let readable =
            String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]).into_owned();
        let line = readable.matches('\n').count();
        format!("line {} is no UTF-8; save the file in that encoding", line + 1)
    })
}

fn cannot_be_read(error: &io::Error) -> String {
    let way_out = match error.kind() {
        ErrorKind::NotFound => "write it, or name another file with --config",
        ErrorKind::PermissionDenied => "make it readable for this user",
        _ => "name another file with --config",
    };
    format!("the configuration cannot be read ({error}); {way_out}")
}

/// Line and column, both from 1, of a byte in a text; columns count characters.
pub(super) fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}
