//! Plans that were sent while the database was away, until it has them.

use super::{Dispatch, utc};
use crate::db;
use crate::planner::SendPlan;
use flextraff_common::ids::JunctionId;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most plans that are kept; of more the oldest of a junction go.
const MOST: usize = 2000;

/// What the database is yet to be told, by junction and plan. Names of plans rise with time.
#[derive(Debug, Default)]
pub(super) struct Late(BTreeMap<(JunctionId, String), Option<Sent>>);

/// A plan that is not recorded, and its message.
type Sent = (SendPlan, Arc<Value>);

impl Late {
    /// A plan that is not recorded.
    pub(super) fn plan(&mut self, send: SendPlan, message: Arc<Value>) {
        if let Some(plan_id) = send.message.plan_id.clone() {
            self.0.insert((send.junction, plan_id), Some((send, message)));
            self.bound();
        }
    }

    /// A plan of which it is not noted what the road made.
    pub(super) fn answer(&mut self, junction: JunctionId, plan_id: &str) {
        self.0.entry((junction, plan_id.to_owned())).or_insert(None);
        self.bound();
    }

    fn bound(&mut self) {
        if self.0.len() > MOST {
            self.0.pop_first();
        }
    }
}

impl Dispatch {
    /// Records what was sent while the database was away, and what the road says of it by now.
    pub(super) async fn catch_up(&mut self) {
        while !self.held.is_database_away()
            && let Some(((junction, plan_id), plan)) = self.late.0.pop_first()
        {
            let recorded = match &plan {
                Some((send, message)) => self.record(send, message).await,
                None => Ok(()),
            };
            let noted = match self.planner.said_of(junction, &plan_id).cloned() {
                Some(said) if recorded.is_ok() => {
                    self.note(junction, &plan_id, said.state, &said.reasons).await.map(drop)
                }
                _ => Ok(()),
            };
            let Err(error) = recorded.and(noted) else { continue };
            if self.held.is_database_away() {
                self.late.0.insert((junction, plan_id), plan);
            } else {
                tracing::error!(%junction, plan_id, %error, "cannot record a plan that was sent");
            }
        }
    }

    /// Records a plan that is sent at this moment.
    pub(super) async fn record(&mut self, send: &SendPlan, message: &Value) -> sqlx::Result<()> {
        let Some(plan_id) = &send.message.plan_id else { return Ok(()) };
        let explanation = send.explanation.as_ref().map(serde_json::to_value).transpose();
        let explanation = explanation.map_err(|error| sqlx::Error::Encode(error.into()))?;
        let sent_at = send.message.timestamp.unwrap_or_else(|| self.now());
        let valid_ms = (send.message.valid_s.unwrap_or_default() * 1000.0) as i64;
        let plan = db::plans::NewPlan {
            plan_id,
            junction_id: send.junction.into(),
            mode: db::mode_name(send.message.mode),
            message,
            explanation: explanation.as_ref(),
            sent_at: utc(sent_at),
            valid_until: utc(sent_at + valid_ms),
        };
        self.held.ask(db::plans::record(&self.app.db, &plan)).await
    }
}
