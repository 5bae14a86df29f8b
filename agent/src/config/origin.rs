//! Where each value of the effective configuration comes from.

use super::merge::position_of;
use super::sources::{Sources, line_and_column};
use std::collections::BTreeMap;
use toml::de::{DeTable, DeValue};

/// Column in which origins stand.
const COLUMN: usize = 56;

/// The effective configuration with a comment behind each value: file and line, or `default`.
pub(super) fn annotated(toml: &str, given: &DeTable<'_>, sources: &Sources) -> String {
    // What the program has written itself is TOML.
    let (effective, _) = DeTable::parse_recoverable(toml);
    let mut origins = BTreeMap::new();
    for (section, value) in effective.get_ref() {
        let section: &str = section.get_ref();
        match value.get_ref() {
            DeValue::Table(keys) => {
                let from = given.get(section).and_then(|given| given.get_ref().as_table());
                note(keys, from, toml, sources, &mut origins);
            }
            DeValue::Array(entries) => {
                let entries = entries.iter().filter_map(|entry| entry.get_ref().as_table());
                for (position, keys) in entries.enumerate() {
                    note(keys, entry_of(given, section, position, keys), toml, sources, &mut origins);
                }
            }
            _ => {}
        }
    }
    let lines = toml.lines().enumerate().map(|(position, line)| match origins.get(&(position + 1)) {
        Some(origin) => format!("{line:COLUMN$} # {origin}\n"),
        None => format!("{line}\n"),
    });
    lines.collect()
}

/// Notes for the line of each key where its value comes from.
fn note(
    keys: &DeTable<'_>,
    from: Option<&DeTable<'_>>,
    toml: &str,
    sources: &Sources,
    origins: &mut BTreeMap<usize, String>,
) {
    for key in keys.keys() {
        let (line, _) = line_and_column(toml, key.span().start);
        // The lanes of a stage stand for all their groups.
        let names = [key.get_ref().as_ref(), if key.get_ref() == "groups" { "lanes" } else { "" }];
        let at = names.iter().find_map(|name| from?.get(*name)).map(|value| value.span().start);
        let origin = at.map_or_else(
            || "default".to_owned(),
            |at| {
                let (file, line, _) = sources.place(at);
                format!("{}:{line}", file.display())
            },
        );
        origins.insert(line, origin);
    }
}

/// The entry of the files that stands behind one of the effective configuration.
fn entry_of<'g>(
    given: &'g DeTable<'_>,
    section: &str,
    position: usize,
    keys: &DeTable<'_>,
) -> Option<&'g DeTable<'g>> {
    let entries = |section: &str| given.get(section).and_then(|given| given.get_ref().as_array());
    let (section, entries) = match (section, entries(section)) {
        // Without any group each lane stands for one.
        ("group", None) => ("lane", entries("lane")?),
        (_, entries) => (section, entries?),
    };
    let named = position_of(section, entries, keys);
    // What has no name keeps its order.
    let unnamed = || entries.get(position).is_some_and(|entry| entry.get_ref().get("name").is_none());
    let at = named.or_else(|| (matches!(section, "reader" | "fallback") && unnamed()).then_some(position))?;
    entries.get(at)?.get_ref().as_table()
}
