//! What a new configuration changes, and whether that can take effect while the agent runs.

use super::Config;
use std::collections::{BTreeMap, BTreeSet};
use toml::Value;

/// Sections and keys that take effect at once; everything else (lanes, groups, stages, times, pins, identities) needs a restart, so that what
/// is added later does too until somebody has thought about it.
const AT_ONCE: [&str; 7] =
    ["counting.accept", "fallback", "log.level", "mqtt", "outbox.flush_ms", "outbox.max_mb", "reader"];

/// Behind the name of a section whose entries stand in another order: their numbers are in use everywhere.
const ORDER: &str = " order";

/// What is different, as people write it: `signal.amber_s`, `reader "north"`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Takes effect at once.
    pub at_once: Vec<String>,
    /// Takes effect with the next start.
    pub restart: Vec<String>,
}

impl Changes {
    /// From one configuration to another.
    ///
    /// # Errors
    /// When one of them cannot be written as TOML.
    pub fn between(old: &Config, new: &Config) -> Result<Self, toml::ser::Error> {
        let (before, after) = (values(old)?, values(new)?);
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let mut changes = Self::default();
        let differs = |name: &str| before.get(name) != after.get(name);
        for name in names.iter().filter(|name| differs(name)) {
            // An entry more or less is said already.
            let section = name.strip_suffix(ORDER);
            if section.is_some_and(|section| {
                names.iter().any(|other| other != name && is_in(other, section) && differs(other))
            }) {
                continue;
            }
            let at_once = AT_ONCE.iter().any(|key| is_in(name, key));
            let list = if at_once { &mut changes.at_once } else { &mut changes.restart };
            list.push((*name).clone());
        }
        // The effective configuration does not show it.
        let password = |config: &Config| config.mqtt.as_ref().and_then(|mqtt| mqtt.password.clone());
        if password(old) != password(new) {
            changes.at_once.push("mqtt.password_file".to_owned());
        }
        Ok(changes)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.at_once.is_empty() && self.restart.is_empty()
    }

    /// Whether one of those that take effect at once is in a section.
    pub fn touch(&self, section: &str) -> bool {
        self.at_once.iter().any(|name| is_in(name, section))
    }
}

/// Whether a name is that of a section or key, or of something in it.
fn is_in(name: &str, section: &str) -> bool {
    name.strip_prefix(section).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', ' ']))
}

/// Every value by the name under which it is told: a key of a section, or a whole entry of a section that has several.
fn values(config: &Config) -> Result<BTreeMap<String, Value>, toml::ser::Error> {
    let mut values = BTreeMap::new();
    for (section, value) in config.to_table()? {
        match value {
            Value::Table(keys) => {
                values.extend(keys.into_iter().map(|(key, value)| (format!("{section}.{key}"), value)));
            }
            Value::Array(entries) => {
                let names = entries.iter().filter_map(|entry| entry.get("name").cloned()).collect();
                values.insert(format!("{section}{ORDER}"), Value::Array(names));
                for (position, entry) in entries.into_iter().enumerate() {
                    let name = match entry.get("name").and_then(Value::as_str) {
                        Some(name) => format!("{section} {name:?}"),
                        None => format!("{section} {}", position + 1),
                    };
                    values.insert(name, entry);
                }
            }
            other => {
                values.insert(section, other);
            }
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::sample::two_lanes;

    fn between(old: &str, new: &str) -> (Vec<String>, Vec<String>) {
        let changes = Changes::between(&two_lanes(old), &two_lanes(new)).expect("both are TOML");
        (changes.at_once, changes.restart)
    }

    fn reader(name: &str, lane: &str) -> String {
        format!("[[reader]]\nname = \"{name}\"\nport = \"virtual\"\nlanes = {{ default = \"{lane}\" }}\n")
    }

    const COUNTS: &str = "type = \"junction\"\n";

    #[test]
    fn what_is_safe_takes_effect_at_once() {
        for (new, named) in [
            ("[counting]\naccept = \"all\"\n", "counting.accept"),
            ("[outbox]\nmax_mb = 64\n", "outbox.max_mb"),
            ("[outbox]\nflush_ms = 100\n", "outbox.flush_ms"),
            ("[log]\nlevel = \"debug\"\n", "log.level"),
            ("[mqtt]\nurl = \"mqtt://broker\"\n", "mqtt.url"),
            ("[[fallback]]\nfrom = \"07:00\"\n", "fallback 1"),
        ] {
            assert_eq!(between("", new), (vec![named.to_owned()], vec![]), "{new}");
            assert_eq!(between(new, ""), (vec![named.to_owned()], vec![]), "{new}");
        }
        assert_eq!(between("", ""), (vec![], vec![]));
    }

    #[test]
    fn everything_else_needs_a_restart() {
        for (new, named) in [
            ("[signal]\nall_red_s = 3.0\n", "signal.all_red_s"),
            ("[counting]\nabsence_s = 5\n", "counting.absence_s"),
            ("[outbox]\npath = \"/elsewhere\"\n", "outbox.path"),
            ("[privacy]\nepc = \"pseudonym\"\n", "privacy.epc"),
            ("[input]\ndoor = 5\n", "input.door"),
            ("[console]\nsocket = \"/elsewhere\"\n", "console.socket"),
            ("[[intergreen]]\nfrom = \"N\"\nto = \"E\"\nseconds = 9\n", "intergreen 1"),
        ] {
            assert!(between("", new).1.contains(&named.to_owned()), "{new}");
            assert_eq!(between("", new).0, [""; 0], "{new}");
        }
        // The first reader makes it a device that counts.
        assert_eq!(between("", &reader("a", "N")).1, ["device.type"]);
        // An advance zone without a distance gets one: the lane is another.
        let advance = reader("a", "N:advance");
        assert_eq!(between(COUNTS, &format!("{COUNTS}{advance}")).1, ["lane \"N\""]);
    }

    #[test]
    fn readers_are_told_by_name_and_their_order_counts() {
        let both =
            |first: &str, second: &str| format!("{COUNTS}{}{}", reader(first, "N"), reader(second, "E"));
        let alone = format!("{COUNTS}{}", reader("a", "N"));
        assert_eq!(between(&alone, &both("a", "b")), (vec!["reader \"b\"".to_owned()], vec![]));
        let swapped = format!("{COUNTS}{}{}", reader("b", "E"), reader("a", "N"));
        assert_eq!(between(&both("a", "b"), &swapped), (vec!["reader order".to_owned()], vec![]));
    }
}
