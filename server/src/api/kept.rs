//! Pages that were sent before, kept as long as what they show is the same by its version in the database.

use super::page::Written;
use axum::http::Uri;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use uuid::Uuid;

/// Most pages that are kept.
const MOST: usize = 16;
/// Largest page that is kept, bytes.
const LARGEST: usize = 512 * 1024;

/// Pages of a list, the one used last at the end.
#[derive(Debug, Default)]
pub struct Kept(Mutex<VecDeque<Entry>>);

#[derive(Debug)]
struct Entry {
    user: Option<Uuid>,
    at: String,
    version: Uuid,
    page: Written,
}

impl Kept {
    /// The page at an address as a user sees it (`None`: who sees everything), when it was made of this version of the list.
    pub fn get(&self, user: Option<Uuid>, at: &Uri, version: Uuid) -> Option<Written> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = at.to_string();
        let place =
            entries.iter().position(|one| one.user == user && one.at == at && one.version == version)?;
        let entry = entries.remove(place)?;
        let page = entry.page.clone();
        entries.push_back(entry);
        Some(page)
    }

    /// Keeps a page in place of what was there, and of the one that nobody has asked for longest.
    pub fn put(&self, user: Option<Uuid>, at: &Uri, version: Uuid, page: &Written) {
        if page.bytes() > LARGEST {
            return;
        }
        let entry = Entry { user, at: at.to_string(), version, page: page.clone() };
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|one| one.user != user || one.at != entry.at);
        if entries.len() >= MOST {
            entries.pop_front();
        }
        entries.push_back(entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_sent_again_only_to_the_same_user_at_the_same_address_while_nothing_has_changed() {
        let kept = Kept::default();
        let at = |limit: usize| format!("/api/junctions?limit={limit}").parse::<Uri>().unwrap();
        let has = |user, limit, version| kept.get(user, &at(limit), version).is_some();
        let (user, [a, b]) = (Some(Uuid::from_u128(1)), [7, 8].map(Uuid::from_u128));
        kept.put(None, &at(1), a, &Written::default());
        assert!(has(None, 1, a));
        assert!(!has(None, 1, b) && !has(None, 2, a) && !has(user, 1, a));
        kept.put(None, &at(1), b, &Written::default());
        assert!(has(None, 1, b) && !has(None, 1, a));
        // The first one is asked for, the second one is not.
        kept.put(user, &at(1), b, &Written::default());
        assert!(has(None, 1, b));
        for limit in 2..=MOST {
            kept.put(None, &at(limit), b, &Written::default());
        }
        assert!(has(None, 1, b) && !has(user, 1, b));
    }
}
