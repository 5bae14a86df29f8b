//! How a later file overrides an earlier one: key by key within a section and within the entry of the same name; what is no section is replaced
//! whole.

use toml::de::{DeArray, DeTable, DeValue};

/// Sections with entries, and the keys that together name one.
const NAMED: [(&str, &[&str]); 7] = [
    ("lane", &["name"]),
    ("group", &["name"]),
    ("stage", &["name"]),
    ("reader", &["name"]),
    ("compatible", &["a", "b"]),
    ("intergreen", &["from", "to"]),
    ("link", &["junction", "direction"]),
];

/// Puts what a later file says over what is there.
pub(super) fn overlay<'t>(base: &mut DeTable<'t>, over: DeTable<'t>) {
    for (key, value) in over {
        let (span, inner) = (value.span(), value.into_inner());
        let name = key.get_ref().to_string();
        let there = base.get_mut(name.as_str()).map(toml::Spanned::get_mut);
        let rest = match (there, inner) {
            (Some(DeValue::Table(there)), DeValue::Table(more)) => {
                replace_keys(there, more);
                None
            }
            (Some(DeValue::Array(there)), DeValue::Array(more)) if is_named(&name) => {
                overlay_entries(&name, there, more);
                None
            }
            (_, whole) => Some(whole),
        };
        if let Some(whole) = rest {
            base.remove(name.as_str());
            base.insert(key, toml::Spanned::new(span, whole));
        }
    }
}

fn is_named(section: &str) -> bool {
    NAMED.iter().any(|(named, _)| *named == section)
}

/// The key goes along with its value: errors point at the file in which it stands.
fn replace_keys<'t>(base: &mut DeTable<'t>, over: DeTable<'t>) {
    for (key, value) in over {
        base.remove(key.get_ref().as_ref());
        base.insert(key, value);
    }
}

/// An entry that is there already gets the new keys, another one is appended. A name that the later file has twice is left for the check to find.
fn overlay_entries<'t>(section: &str, base: &mut DeArray<'t>, over: DeArray<'t>) {
    let mut met = Vec::new();
    for entry in over {
        let found = entry.get_ref().as_table().and_then(|more| position_of(section, base, more));
        if let Some(at) = found.filter(|at| !met.contains(at)) {
            met.push(at);
            let there = base.get_mut(at).map(toml::Spanned::get_mut);
            if let (Some(DeValue::Table(there)), DeValue::Table(more)) = (there, entry.into_inner()) {
                replace_keys(there, more);
            }
        } else {
            met.push(base.len());
            base.push(entry);
        }
    }
}

/// Where the entry stands that another one names. A lane is named by its id first: what else is said of it, its name too, is new then.
pub(super) fn position_of(section: &str, entries: &DeArray<'_>, named: &DeTable<'_>) -> Option<usize> {
    let position = |is_same: &dyn Fn(&DeTable<'_>) -> bool| {
        entries.iter().position(|entry| entry.get_ref().as_table().is_some_and(is_same))
    };
    let id = text(named, "id").filter(|_| section == "lane");
    let by_id = id.and_then(|id| position(&|entry| text(entry, "id") == Some(id)));
    by_id.or_else(|| position(&|entry| has_same_name(section, entry, named)))
}

/// Whether two entries are of one thing, by what names things of their section.
fn has_same_name(section: &str, a: &DeTable<'_>, b: &DeTable<'_>) -> bool {
    let Some((_, keys)) = NAMED.iter().find(|(named, _)| *named == section) else { return false };
    let name = |table: &DeTable<'_>| {
        keys.iter().map(|key| text(table, key).map(str::to_owned)).collect::<Option<Vec<_>>>()
    };
    match (name(a), name(b)) {
        // A pair that may go together has no direction.
        (Some(a), Some(b)) => a == b || (section == "compatible" && a.iter().eq(b.iter().rev())),
        _ => false,
    }
}

fn text<'a>(table: &'a DeTable<'_>, key: &str) -> Option<&'a str> {
    table.get(key).and_then(|value| value.get_ref().as_str())
}
