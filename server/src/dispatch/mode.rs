//! Carries out what people ask of a junction's signal, as far as the database lets it.

use super::request::{self, Answer, Waiter};
use super::{Dispatch, ModeError, ModeRequest, OverrideEvent, Wanted};

impl Dispatch {
    pub(super) async fn set_mode(&mut self, mut request: ModeRequest, answer: Answer) {
        if !self.is_database_there().await || self.record_ends().await.is_err() {
            return self.end_unrecorded(request, answer, sqlx::Error::PoolTimedOut.into()).await;
        }
        if self.planner.junction(request.junction).is_none() {
            self.reload().await;
        }
        match request::apply(&self.app, &mut self.planner, &request, self.clock.now()).await {
            Ok(request::Done { plan_id, told }) => {
                let said = self.planner.said_of(request.junction, &plan_id).cloned();
                let mut waiter = Waiter::new(request.junction, plan_id, answer);
                // A road that already runs the plan has nothing new to say.
                if let Some(said) = said {
                    waiter.answer(said.state, said.reasons);
                }
                self.waiters.push(waiter);
                self.late.deed(request.junction, request.unrecorded.take());
                // The road is told before anybody who looks.
                self.obey().await;
                if let Some((id, event)) = told {
                    self.tell_override(request.junction, id, event).await;
                }
            }
            Err(ModeError::Database(error)) => {
                let tried: sqlx::Result<()> = self.held.learn(Err(error));
                if let Err(error) = tried {
                    self.end_unrecorded(request, answer, error.into()).await;
                }
            }
            Err(ModeError::Unconfirmed { wanted, source }) => {
                tracing::error!(junction = %request.junction, error = %source, "the database does not confirm an override in time");
                let of = match wanted {
                    Some(id) => (Some(id), OverrideEvent::Set),
                    None => (self.running_id(request.junction), OverrideEvent::Ended),
                };
                self.doubts.insert(request.junction, of);
                // Not asked again before it has taken new leases.
                let _: sqlx::Result<()> = self.held.learn(Err(sqlx::Error::PoolTimedOut));
                self.end_unrecorded(request, answer, ModeError::Unconfirmed { wanted, source }).await;
            }
            Err(error) => answer.refuse(error),
        }
    }

    /// Ends the override that runs, if that is what is asked for, although the database cannot record it: who may do so it has said a moment ago, and
    /// the end is the safe direction. Where another server plans, that one would go on sending the override.
    async fn end_unrecorded(&mut self, request: ModeRequest, answer: Answer, error: ModeError) {
        let ModeRequest { junction, user, wanted, unrecorded, .. } = request;
        let runs = self.running_id(junction);
        let may_end = matches!(wanted, Wanted::Automatic)
            && self.held.is_database_away()
            && self.held.holds(junction)
            && self.late.has_room();
        let Some(id) = runs.filter(|_| may_end) else { return answer.refuse(error) };
        let now = self.now();
        match self.planner.end_override(junction, now) {
            Ok(message) => {
                tracing::warn!(
                    %junction, override_id = %id, user_id = %user, %error,
                    "an override is ended; that is recorded when the database takes it"
                );
                self.late.end(junction, id, user, now, unrecorded);
                self.waiters.push(Waiter::new(junction, message.plan_id.unwrap_or_default(), answer));
                self.obey().await;
            }
            Err(error) => answer.refuse(error.into()),
        }
    }
}
