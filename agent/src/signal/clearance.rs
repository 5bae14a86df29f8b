//! From one stage to the next: amber and red for the groups that end, the wait for intergreens and red-amber for those that come.
//!
//! A group that comes waits for the groups that end and conflict with it, and for whatever an earlier change left over; one that waits for
//! nothing has green at once, before the rest of its stage. The stage has green when all of its groups have.

use super::Lamps;
use flextraff_common::junction::{GroupIx, GroupKind, Junction, StageIx};
use flextraff_common::time::MonoMs;
use flextraff_common::wire::{Aspect, ControllerState};

#[derive(Clone, Debug)]
pub(super) struct Clearance {
    /// The ending stage; none: start-up.
    pub(super) from: Option<StageIx>,
    pub(super) to: StageIx,
    pub(super) amber_until: MonoMs,
    /// When the coming stage has green.
    pub(super) green_at: MonoMs,
    heads: Vec<Head>,
    state: ControllerState,
}

#[derive(Clone, Copy, Debug)]
enum Head {
    Red,
    Stays,
    Ends { amber: bool },
    Comes { at: MonoMs, red_amber_from: MonoMs },
}

impl Clearance {
    /// A change that begins at a whole second; `green_ended`: the end of each group's last green, those that end now included.
    pub(super) fn new(
        junction: &Junction,
        from: Option<StageIx>,
        to: StageIx,
        began: MonoMs,
        green_ended: &[Option<MonoMs>],
    ) -> Self {
        let new = junction.stage(to).groups;
        let old = from.map(|stage| junction.stage(stage).groups).unwrap_or_default();
        let has_amber = |group: GroupIx| junction.group(group).kind != GroupKind::Pedestrian;
        let amber_end = (began + i64::from(junction.signal.amber_ms)).ceil_second();
        let red_amber_ms = i64::from(junction.signal.red_amber_ms.next_multiple_of(1000));
        let earliest = if from.is_none() { began + red_amber_ms } else { began };

        let comes = |group: GroupIx| {
            let conflicts = junction.conflicts_of(group);
            let at = conflicts
                .iter()
                .filter_map(|other| {
                    let intergreen = i64::from(junction.intergreen_ms(other, group));
                    green_ended[other.index()].map(|ended| (ended + intergreen).ceil_second())
                })
                .fold(earliest, MonoMs::max);
            let clear =
                if conflicts.intersection(old.minus(new)).iter().any(has_amber) { amber_end } else { began };
            // Beside the amber of a conflicting group it would invite two streams at once: then it is shorter.
            let fits = has_amber(group) && at.since(began) >= red_amber_ms;
            Head::Comes { at, red_amber_from: if fits { clear.max(at - red_amber_ms).min(at) } else { at } }
        };
        let heads: Vec<Head> = junction
            .group_indexes()
            .map(|group| match (old.contains(group), new.contains(group)) {
                (false, false) => Head::Red,
                (true, true) => Head::Stays,
                (true, false) => Head::Ends { amber: has_amber(group) },
                (false, true) => comes(group),
            })
            .collect();
        let planned = from.map_or(0, |from| junction.clearance_s(from, to));
        let green_at = heads.iter().fold(began + i64::from(planned) * 1000, |latest, head| match head {
            Head::Comes { at, .. } => latest.max(*at),
            _ => latest,
        });
        let amber = heads.iter().any(|head| matches!(head, Head::Ends { amber: true }));
        let amber_until = if amber { amber_end } else { began };
        Self { from, to, amber_until, green_at, heads, state: ControllerState::Amber }
    }

    #[cfg(test)]
    pub(super) fn project(&self, key: &mut super::tests::model::Key) {
        let Self { from, to: _, amber_until, green_at, heads, state } = self;
        key.word(from.map_or(-1, |stage| stage.index() as i64));
        key.word(amber_until.since(key.now).max(0));
        key.word(green_at.since(key.now));
        key.word(*state as i64);
        for head in heads {
            match *head {
                Head::Red => key.word(0),
                Head::Stays => key.word(1),
                Head::Ends { amber } => key.word(2 + i64::from(amber)),
                Head::Comes { at, red_amber_from } => {
                    key.word(4 + at.since(key.now).max(0));
                    key.word(red_amber_from.since(key.now).max(0));
                }
            }
        }
    }

    /// What is shown at a moment before the green; the moments of successive calls never decrease.
    pub(super) fn show(&mut self, at: MonoMs) -> (ControllerState, Option<StageIx>, Option<StageIx>, Lamps) {
        let lamps: Lamps = self.heads.iter().map(|head| head.aspect(at, self.amber_until)).collect();
        let coming = |aspect: Aspect| {
            let heads = self.heads.iter().zip(&lamps);
            heads.filter(|(head, shown)| matches!(head, Head::Comes { .. }) && **shown == aspect).count()
        };
        // Groups that start at different times would let the state run back and forth: once in red-amber it stays there.
        if self.state != ControllerState::RedAmber && at >= self.amber_until {
            let waiting = self.heads.iter().any(|head| head.waits_for_red_amber(at));
            let red_amber = coming(Aspect::RedAmber) > 0 && !waiting;
            self.state = if red_amber { ControllerState::RedAmber } else { ControllerState::AllRed };
        }
        match self.state {
            ControllerState::RedAmber => (self.state, Some(self.to), None, lamps),
            _ => (self.state, self.from, Some(self.to), lamps),
        }
    }
}

impl Head {
    fn aspect(&self, at: MonoMs, amber_until: MonoMs) -> Aspect {
        match *self {
            Head::Stays => Aspect::Green,
            Head::Comes { at: green, .. } if at >= green => Aspect::Green,
            Head::Comes { red_amber_from, .. } if at >= red_amber_from => Aspect::RedAmber,
            Head::Ends { amber: true } if at < amber_until => Aspect::Amber,
            Head::Red | Head::Ends { .. } | Head::Comes { .. } => Aspect::Red,
        }
    }

    fn waits_for_red_amber(&self, at: MonoMs) -> bool {
        matches!(*self, Head::Comes { at: green, red_amber_from } if red_amber_from < green && at < red_amber_from)
    }
}
