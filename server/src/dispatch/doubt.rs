//! Overrides of which it is not known whether the database has them: it had not confirmed in time that they were set or ended.

use super::{Dispatch, OverrideEvent};
use crate::db::overrides;
use flextraff_common::ids::JunctionId;
use std::collections::BTreeMap;
use uuid::Uuid;

/// By junction which override was to be set or ended; none: whichever ran.
pub(super) type Doubts = BTreeMap<JunctionId, (Option<Uuid>, OverrideEvent)>;

impl Dispatch {
    /// Takes over what has become of them, once the database has decided that.
    pub(super) async fn settle_doubts(&mut self) {
        if self.doubts.is_empty() || self.held.is_database_away() {
            return;
        }
        let in_doubt: Vec<_> = self.doubts.keys().map(|junction| Uuid::from(*junction)).collect();
        let undecided = match self.held.ask(overrides::undecided(&self.app.db, &in_doubt)).await {
            Ok(undecided) => undecided,
            Err(error) => {
                tracing::error!(%error, "cannot look whether overrides are recorded; trying again");
                return;
            }
        };
        let decided = std::mem::take(&mut self.doubts);
        let (open, decided): (Doubts, Doubts) =
            decided.into_iter().partition(|(junction, _)| undecided.contains(junction));
        self.doubts = open;
        if decided.is_empty() {
            return;
        }
        self.reload().await;
        for (junction, (id, event)) in decided {
            let runs = self.running_id(junction);
            let came_about = (event == OverrideEvent::Set) == (runs == id);
            if let Some(id) = id.filter(|_| came_about) {
                self.tell_override(junction, id, event).await;
            }
        }
    }
}
