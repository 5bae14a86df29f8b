//! Where each named thing of the site stands in the file, so that a broken rule of the junction can point at it.

use flextraff_common::junction::Problem;
use std::collections::BTreeMap;

/// Bytes of the file by what stands there.
#[derive(Debug, Default)]
pub(super) struct Places {
    by_name: BTreeMap<String, Vec<usize>>,
}

impl Places {
    /// Notes where something stands; the same may stand in several places.
    pub(super) fn add(&mut self, what: impl Into<String>, at: usize) {
        self.by_name.entry(what.into()).or_default().push(at);
    }

    /// Where a broken rule is best mended.
    pub(super) fn of(&mut self, problem: &Problem) -> usize {
        match problem {
            Problem::None { .. } => 0,
            Problem::OneStage => self.first("[[stage]]"),
            Problem::OnlyPedestrians => self.first("[[group]]"),
            Problem::TooMany { what, most, .. } => {
                self.by_name.get(&format!("[[{what}]]")).and_then(|all| all.get(*most)).copied().unwrap_or(0)
            }
            Problem::DuplicateName { what, name } => self.take(&format!("{what} \"{name}\""), 1),
            Problem::BadName { what, name } => self.first(&format!("{what} \"{name}\"")),
            Problem::DuplicateLaneId { b, .. } => self.first(&format!("lane \"{b}\"")),
            Problem::Unknown { user, name, .. } => self.take(&names(user, name), 0),
            Problem::Twice { user, name } => self.take(&names(user, name), 1),
            Problem::GroupWithoutLane { group }
            | Problem::NotPedestrian { group, .. }
            | Problem::GroupWithoutStage { group }
            | Problem::NoPedestrianClearance { group, .. }
            | Problem::CompatibleWithItself { group } => {
                let pair = pair("compatible", group, group);
                let user = if matches!(problem, Problem::CompatibleWithItself { .. }) {
                    pair
                } else {
                    format!("group \"{group}\"")
                };
                self.first(&user)
            }
            Problem::EmptyStage { stage }
            | Problem::ConflictInStage { stage, .. }
            | Problem::MinAboveMax { stage, .. } => self.first(&format!("stage \"{stage}\"")),
            Problem::DuplicateCompatible { a, b } => self.take(&pair("compatible", a, b), 1),
            Problem::DuplicateIntergreen { from, to } => self.take(&pair("intergreen", from, to), 1),
            Problem::IntergreenOfCompatible { from, to } | Problem::IntergreenOutOfRange { from, to, .. } => {
                self.first(&pair("intergreen", from, to))
            }
            Problem::OutOfRange { field, .. } => self.first(field),
            Problem::RedAmberTooLong { .. } => self.first("red_amber_s"),
            Problem::RoundAboveLongestRed { .. } => self.first("longest_red_s"),
        }
    }

    pub(super) fn first(&self, what: &str) -> usize {
        self.by_name.get(what).and_then(|all| all.first()).copied().unwrap_or(0)
    }

    /// The place at a position, which is then used up, so that the next rule broken by the same name points at the next place.
    fn take(&mut self, what: &str, position: usize) -> usize {
        match self.by_name.get_mut(what) {
            Some(all) if all.len() > position.max(1) => all.remove(position),
            Some(all) => all.last().copied().unwrap_or(0),
            None => 0,
        }
    }
}

/// A name that an entry mentions.
pub(super) fn names(user: &str, name: &str) -> String {
    format!("{user} names {name}")
}

/// An entry that is known by two names.
pub(super) fn pair(what: &str, a: &str, b: &str) -> String {
    format!("{what} {a:?} {b:?}")
}
