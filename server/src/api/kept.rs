//! Pages that were sent before, kept as long as the database says that what they show is the same.

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
    fingerprint: String,
    page: Written,
}

impl Kept {
    /// The page at an address as a user sees it (`None`: who sees everything), when it was made of what has this fingerprint.
    pub fn get(&self, user: Option<Uuid>, at: &Uri, fingerprint: &str) -> Option<Written> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = at.to_string();
        let place = entries
            .iter()
            .position(|one| one.user == user && one.at == at && one.fingerprint == fingerprint)?;
        let entry = entries.remove(place)?;
        let page = entry.page.clone();
        entries.push_back(entry);
        Some(page)
    }

    /// Keeps a page in place of what was there, and of the one that nobody has asked for longest.
    pub fn put(&self, user: Option<Uuid>, at: &Uri, fingerprint: String, page: &Written) {
        if page.bytes() > LARGEST {
            return;
        }
        let entry = Entry { user, at: at.to_string(), fingerprint, page: page.clone() };
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|one| one.user != user || one.at != entry.at);
        if entries.len() >= MOST {
            entries.pop_front();
        }
        entries.push_back(entry);
    }
}
