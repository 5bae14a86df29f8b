//! Which of several servers on one database looks after which junction: what the table of leases said when this server last looked.

use flextraff_common::ids::JunctionId;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// A look holds so long. A server that could not look for this time does what another one may be doing, rather than leave it undone.
const HOLDS: Duration = Duration::from_secs(10);

/// One look at the leases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// Junctions that this server holds.
    pub held: BTreeSet<JunctionId>,
    /// Junctions that others hold.
    pub others: BTreeSet<JunctionId>,
    /// Other servers are at work, and one of them comes before this one by name: what belongs to no junction is theirs.
    pub follows: bool,
}

/// How much of a message is left to another server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Left {
    /// Nothing.
    #[default]
    Nothing,
    /// Nobody holds its junction, or there is none: all but the first of the servers leave what cannot be used, and what cannot be told apart
    /// when two of them store it.
    Letter,
    /// Its junction was another server's, who may be gone by now: only what cannot be told apart when two of them store it.
    Untimed,
    /// Its junction is another server's.
    All,
}

/// What was seen last; cheap to clone. Unknown until somebody has looked.
#[derive(Clone, Debug, Default)]
pub struct Shares(Arc<watch::Sender<Option<Look>>>);

#[derive(Debug)]
struct Look {
    view: View,
    /// `None`: it holds for ever.
    at: Option<Instant>,
}

impl Shares {
    /// Those of a server that has the database for itself.
    pub fn alone() -> Self {
        let shares = Self::default();
        shares.0.send_replace(Some(Look { view: View::default(), at: None }));
        shares
    }

    /// Takes in a look at `now`.
    pub fn saw(&self, view: View, now: Instant) {
        self.0.send_replace(Some(Look { view, at: Some(now) }));
    }

    /// Waits until somebody has looked.
    pub async fn known(&self) {
        let _ = self.0.subscribe().wait_for(Option::is_some).await;
    }

    /// Whether this server holds a junction for sure.
    pub fn holds(&self, junction: JunctionId, now: Instant) -> bool {
        let seen = self.0.borrow();
        seen.as_ref().is_some_and(|Look { view, at }| {
            at.is_none_or(|at| now.saturating_duration_since(at) < HOLDS) && view.held.contains(&junction)
        })
    }

    /// What of a message of a junction is left to others.
    pub fn left(&self, junction: Option<JunctionId>, now: Instant) -> Left {
        let seen = self.0.borrow();
        let Some(Look { view, at }) = &*seen else { return Left::Nothing };
        let fresh = at.is_none_or(|at| now.saturating_duration_since(at) < HOLDS);
        let is_in = |set: &BTreeSet<JunctionId>| junction.is_some_and(|junction| set.contains(&junction));
        match (is_in(&view.others), fresh) {
            (true, true) => Left::All,
            (true, false) => Left::Untimed,
            (false, true) if view.follows && !is_in(&view.held) => Left::Letter,
            (false, _) => Left::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use uuid::Uuid;

    fn junction(number: u128) -> JunctionId {
        JunctionId(Uuid::from_u128(number))
    }

    #[test]
    fn what_others_hold_is_left_to_them_while_the_look_is_fresh() {
        let (shares, now) = (Shares::default(), Clock.instant());
        assert_eq!(shares.left(Some(junction(1)), now), Left::Nothing, "nobody has looked");
        let view = View { held: [junction(1)].into(), others: [junction(2)].into(), follows: true };
        shares.saw(view, now);
        let expected = [
            (Some(junction(1)), Left::Nothing, Left::Nothing),
            (Some(junction(2)), Left::All, Left::Untimed),
            (Some(junction(3)), Left::Letter, Left::Nothing),
            (None, Left::Letter, Left::Nothing),
        ];
        for (junction, fresh, old) in expected {
            assert_eq!(shares.left(junction, now + Duration::from_secs(9)), fresh, "{junction:?}");
            assert_eq!(shares.left(junction, now + Duration::from_secs(10)), old, "{junction:?}");
        }
        let holds = |number, seconds| shares.holds(junction(number), now + Duration::from_secs(seconds));
        assert!(holds(1, 9) && !holds(1, 10) && !holds(2, 0) && !holds(3, 0));
    }

    #[test]
    fn a_server_alone_keeps_everything_for_ever() {
        let (shares, now) = (Shares::alone(), Clock.instant());
        assert_eq!(shares.left(None, now), Left::Nothing);
        assert_eq!(shares.left(Some(junction(1)), now + Duration::from_hours(1)), Left::Nothing);
    }
}
