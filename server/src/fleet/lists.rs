//! Watch-lists that are still to be published: what cannot be sent at once stays until it is.

use super::keys;
use crate::app::App;
use crate::db::keys::with_watchlist_key;
use chrono::{DateTime, Utc};
use flextraff_common::ids::JunctionId;
use std::collections::BTreeSet;
use std::mem::take;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// After so many junctions whose lists cannot be published the rest waits, too: the database or the broker is away.
const MOST_FAILURES: usize = 3;

/// Of which junctions they are; shared by those who change lists and the task that publishes them.
#[derive(Debug, Default)]
pub(super) struct Lists {
    due: Mutex<Due>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Due {
    /// Those of all junctions.
    all: bool,
    of: BTreeSet<JunctionId>,
}

impl Lists {
    fn lock(&self) -> MutexGuard<'_, Due> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The list of a junction has changed.
    pub(super) fn change(&self, junction: JunctionId) {
        self.lock().of.insert(junction);
        self.wake.notify_one();
    }

    /// The broker may have lost them all.
    pub(super) fn all(&self) {
        self.lock().all = true;
        self.wake.notify_one();
    }

    /// Returns when one has changed since it was last asked.
    pub(super) async fn changed(&self) {
        self.wake.notified().await;
    }

    /// Whether one is still to be published.
    pub(super) fn are_due(&self) -> bool {
        let due = self.lock();
        due.all || !due.of.is_empty()
    }

    /// Publishes what is due. What fails stays due.
    ///
    /// # Errors
    /// The first failure: the database or the broker is away.
    pub(super) async fn publish(&self, app: &App, now: DateTime<Utc>) -> anyhow::Result<()> {
        if self.lock().all {
            let found = with_watchlist_key(&app.db).await?;
            let mut due = self.lock();
            due.all = false;
            due.of.extend(found);
        }
        let mut due = Attempt { lists: self, left: take(&mut self.lock().of) };
        let (mut first, mut failed) = (Ok(()), BTreeSet::new());
        while failed.len() < MOST_FAILURES
            && let Some(&junction) = due.left.first()
        {
            if let Err(error) = keys::send_watchlist(app, junction, now).await {
                failed.insert(junction);
                first = first.and(Err(error));
            }
            due.left.remove(&junction);
        }
        due.left.append(&mut failed);
        first
    }
}

/// What an attempt has not published when it ends, or is given up, is due again.
struct Attempt<'a> {
    lists: &'a Lists,
    left: BTreeSet<JunctionId>,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.lists.lock().of.append(&mut self.left);
    }
}
