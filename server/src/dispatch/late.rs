//! Plans that were sent, and overrides that were ended, while the database was away, until it has them.

use super::{Dispatch, OverrideEvent, Unrecorded, utc};
use crate::db;
use crate::db::overrides::EndReason;
use crate::planner::SendPlan;
use flextraff_common::ids::{JunctionId, UserId};
use flextraff_common::time::UnixMs;
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use uuid::Uuid;

/// Most plans that are kept; of more those go that have waited longest.
const MOST: usize = 2000;

/// Most ends of overrides that are kept; further ones are refused.
const MOST_ENDS: usize = 1000;

/// What the database is yet to be told, by junction and plan. Names of plans rise with time, so that those of a junction are told in their order.
#[derive(Debug, Default)]
pub(super) struct Late {
    ends: VecDeque<Ended>,
    waiting: BTreeMap<(JunctionId, String), Waiting>,
    /// How many have ever waited.
    came: u64,
}

#[derive(Debug)]
struct Waiting {
    /// The lower, the longer it waits.
    number: u64,
    /// The plan, if it is not recorded; `None`: only what the road made of it is missing.
    sent: Option<Sent>,
}

/// Somebody has gone back to automatic mode.
#[derive(Clone, Debug)]
struct Ended {
    junction: JunctionId,
    /// Which override he has ended, who he is, and when; `None`: that is recorded.
    what: Option<(Uuid, Option<UserId>, UnixMs)>,
    /// The line of the audit log, if it is not written.
    deed: Option<Unrecorded>,
}

/// A plan that is not recorded, and its message.
type Sent = (SendPlan, Arc<Value>);

impl Late {
    /// A plan that is not recorded.
    pub(super) fn plan(&mut self, send: SendPlan, message: Arc<Value>) {
        if let Some(plan_id) = send.message.plan_id.clone() {
            let number = self.number();
            self.waiting.insert((send.junction, plan_id), Waiting { number, sent: Some((send, message)) });
            self.bound();
        }
    }

    /// A plan of which it is not noted what the road made.
    pub(super) fn answer(&mut self, junction: JunctionId, plan_id: &str) {
        let number = self.number();
        self.waiting.entry((junction, plan_id.to_owned())).or_insert(Waiting { number, sent: None });
        self.bound();
    }

    /// Whether one more end can be kept.
    pub(super) fn has_room(&self) -> bool {
        self.ends.len() < MOST_ENDS
    }

    /// An override that was ended, by whom and when.
    pub(super) fn end(
        &mut self,
        junction: JunctionId,
        id: Uuid,
        by: UserId,
        at: UnixMs,
        deed: Option<Unrecorded>,
    ) {
        self.ends.push_back(Ended { junction, what: Some((id, Some(by), at)), deed });
    }

    /// What was done at a junction and stands in all records but the audit log.
    pub(super) fn deed(&mut self, junction: JunctionId, deed: Option<Unrecorded>) {
        if deed.is_some() {
            self.ends.push_back(Ended { junction, what: None, deed });
        }
    }

    const fn number(&mut self) -> u64 {
        self.came += 1;
        self.came
    }

    fn bound(&mut self) {
        if self.waiting.len() > MOST
            && let Some(oldest) = self.waiting.iter().min_by_key(|(_, one)| one.number)
        {
            let key = oldest.0.clone();
            self.waiting.remove(&key);
        }
    }
}

impl Dispatch {
    /// Records the overrides that were ended while the database was away.
    ///
    /// # Errors
    /// It is away still.
    pub(super) async fn record_ends(&mut self) -> sqlx::Result<()> {
        while let Some(Ended { junction, what, deed }) = self.late.ends.front().cloned() {
            let db = &self.app.db;
            let record = async {
                let mut tx = db.begin().await?;
                let mut ended = None;
                if let Some((id, by, at)) = what {
                    let by = by.map(Uuid::from);
                    let (junction, why) = (junction.into(), EndReason::Ended);
                    ended = db::overrides::end(&mut tx, junction, Some(id), utc(at), why, by).await?;
                }
                if let Some(deed) = &deed {
                    db::audit::record(&mut *tx, &deed.0, deed.1.clone()).await?;
                }
                tx.commit().await?;
                Ok(ended)
            };
            match self.held.ask(record).await {
                Ok(ended) => {
                    self.late.ends.pop_front();
                    if let Some(id) = ended {
                        self.tell_override(junction, id, OverrideEvent::Ended).await;
                    }
                }
                Err(error) if self.held.is_database_away() => return Err(error),
                Err(error) => {
                    // Whoever ended it may have no account any more; that it was ended counts all the same.
                    let front = self.late.ends.front_mut().and_then(|end| end.what.as_mut());
                    if db::is_orphan(&error) && front.is_some_and(|(_, by, _)| by.take().is_some()) {
                        continue;
                    }
                    tracing::error!(%junction, %error, "cannot record the end of an override");
                    self.late.ends.pop_front();
                }
            }
        }
        Ok(())
    }

    /// Records what was sent and ended while the database was away, and what the road says of it by now.
    pub(super) async fn catch_up(&mut self) {
        if !self.held.is_database_away() && self.record_ends().await.is_err() {
            return;
        }
        while !self.held.is_database_away()
            && let Some(((junction, plan_id), waiting)) = self.late.waiting.pop_first()
        {
            let recorded = match &waiting.sent {
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
                self.late.waiting.insert((junction, plan_id), waiting);
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

#[cfg(test)]
mod tests {
    use super::*;
    use flextraff_common::wire::GreenTime;
    use uuid::Uuid;

    #[test]
    fn of_too_many_plans_those_go_that_have_waited_longest_whatever_their_junction() {
        let junction = |number| JunctionId(Uuid::from_u128(number));
        let send = |number, plan: usize| {
            let message = GreenTime { plan_id: Some(format!("{plan:05}")), ..GreenTime::default() };
            SendPlan { junction: junction(number), message, explanation: None }
        };
        let mut late = Late::default();
        // Of a junction in the middle, then of one before it and one behind it by turns.
        late.plan(send(5, 0), Arc::default());
        late.answer(junction(5), "00001");
        for plan in 2..=MOST {
            late.plan(send(if plan % 2 == 0 { 1 } else { 9 }, plan), Arc::default());
        }
        let kept = |late: &Late| late.waiting.keys().map(|(_, plan)| plan.clone()).collect::<Vec<_>>();
        assert_eq!(late.waiting.len(), MOST);
        assert!(!kept(&late).contains(&"00000".to_owned()), "the first is gone");
        // What the road makes of a plan that waits is no further one.
        late.answer(junction(1), "00002");
        assert!(late.waiting[&(junction(1), "00002".to_owned())].sent.is_some());
        for plan in MOST + 1..MOST + 3 {
            late.plan(send(1, plan), Arc::default());
        }
        let kept = kept(&late);
        assert_eq!(kept.len(), MOST);
        assert!(["00001", "00002"].iter().all(|gone| !kept.contains(&(*gone).to_owned())));
        assert!(["00003", "00004"].iter().all(|there| kept.contains(&(*there).to_owned())));
    }
}
