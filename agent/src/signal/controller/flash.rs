//! Flash on request, and the way back into operation: in through the due clearances, out through start-up. The end of the process takes the
//! same way as far as red everywhere.

use super::{Controller, Green, Phase};
use crate::signal::Lamps;
use crate::signal::fault::flash;
use crate::signal::startup::Startup;
use flextraff_common::junction::{FaultAspect, GroupIx, GroupKind, GroupSet, Junction, StageIx};
use flextraff_common::time::{Moment, MonoMs};
use flextraff_common::wire::{Aspect, ControllerState, StageEnd};

/// From a green to flash or to the end: amber for every head that had green, then red everywhere until nobody is in anybody's way, because in
/// flash everybody may go.
#[derive(Clone, Copy, Debug)]
pub(super) struct ToFlash {
    stage: StageIx,
    amber_until: MonoMs,
    flash_at: MonoMs,
}

impl ToFlash {
    /// Of a green that ends now; `clear_at`: when whoever had green is out of everybody's way.
    fn new(junction: &Junction, stage: StageIx, at: MonoMs, clear_at: MonoMs) -> Self {
        let amber_until = (at + i64::from(junction.signal.amber_ms)).ceil_second();
        let all_red_until = (amber_until + i64::from(junction.signal.all_red_ms)).ceil_second();
        Self { stage, amber_until, flash_at: all_red_until.max(clear_at) }
    }

    /// Where every head is red and may stay so.
    fn in_red(stage: StageIx, at: MonoMs, clear_at: MonoMs) -> Self {
        Self { stage, amber_until: at, flash_at: at.max(clear_at) }
    }

    #[cfg(test)]
    pub(super) fn project(&self, key: &mut crate::signal::tests::model::Key) {
        let Self { stage, amber_until, flash_at } = self;
        key.word(stage.index() as i64);
        key.word(amber_until.since(key.now).max(0));
        key.word(flash_at.since(key.now).max(0));
    }

    pub(super) fn over(&self, at: MonoMs) -> bool {
        at >= self.flash_at
    }

    pub(super) fn show(
        &self,
        junction: &Junction,
        at: MonoMs,
    ) -> (ControllerState, Option<StageIx>, Option<StageIx>, Lamps) {
        let state = if at < self.amber_until { ControllerState::Amber } else { ControllerState::AllRed };
        let ends = junction.stage(self.stage).groups;
        let lamps = junction.group_indexes().map(|group| {
            let has_amber = junction.group(group).kind != GroupKind::Pedestrian;
            let is_amber = state == ControllerState::Amber && ends.contains(group) && has_amber;
            if is_amber { Aspect::Amber } else { Aspect::Red }
        });
        (state, Some(self.stage), None, lamps.collect())
    }
}

/// What flash on request shows: as a fault that flashes, else as start-up.
pub(super) fn flash_lamps(junction: &Junction) -> Lamps {
    let red = junction.signal.fault_aspect == FaultAspect::FlashRed;
    flash(junction, if red { Aspect::FlashRed } else { Aspect::FlashAmber })
}

impl Controller {
    /// When whoever has had green is out of everybody's way, if the groups of a stage end their green now.
    fn clear_at(&self, ending: GroupSet, at: MonoMs) -> MonoMs {
        let gone = |group: GroupIx| {
            let ended = if ending.contains(group) { Some(at) } else { self.green_ended[group.index()] };
            ended.map(|ended| (ended + i64::from(self.junction.longest_intergreen_ms(group))).ceil_second())
        };
        self.junction.group_indexes().filter_map(gone).fold(at, MonoMs::max)
    }

    /// Takes that somebody wants flash, or wants it no longer.
    ///
    /// The present green ends when its shortest time is over, with amber, and red until nobody is in anybody's way: in flash everybody may go. A
    /// change of stages that shows red everywhere goes no further. Start-up brings the signal back. A fault comes before it, plans wait behind it.
    pub fn handle_flash(&mut self, wanted: bool, now: Moment) {
        self.handle_timeout(now);
        self.flash_wanted = wanted;
        if !wanted && matches!(self.phase, Phase::Flash) {
            self.start_up(now.mono);
        }
    }

    /// Takes that the process is to end within `longest_s`: as with flash the present green ends when its shortest time is over, and what follows
    /// is red everywhere. Where that would take longer the shortest time gives way, because amber must not.
    pub fn handle_end(&mut self, longest_s: u32, now: Moment) {
        self.handle_timeout(now);
        self.end_by = Some(now.mono + i64::from(longest_s) * 1000);
    }

    /// Whether amber and all-red after the last green are over, so that the process may end.
    pub fn has_ended(&self, now: MonoMs) -> bool {
        self.end_by.is_some() && matches!(&self.phase, Phase::ToFlash(way) if way.over(now))
    }

    /// Whether the signal starts up.
    pub fn starts_up(&self) -> bool {
        matches!(self.phase, Phase::Startup(_))
    }

    /// Leaves out the flash of a start-up that has just begun, because every head has been red since an orderly end; nothing of it has been told.
    pub fn start_in_red(&mut self, now: Moment) {
        if matches!(self.phase, Phase::Startup(_)) {
            self.events.clear();
            self.phase = Phase::Startup(Startup::in_red(&self.junction, now.mono));
            self.show(now.mono);
        }
    }

    /// Whether somebody wants flash.
    pub fn wants_flash(&self) -> bool {
        self.flash_wanted
    }

    /// Whether the lamps flash because somebody wanted it.
    pub fn flashes_on_request(&self) -> bool {
        matches!(self.phase, Phase::Flash)
    }

    /// Leaves the fault aspect through start-up, after a person at the cabinet has cleared the fault.
    pub fn clear_fault(&mut self, now: Moment) {
        self.handle_timeout(now);
        if self.fault.take().is_some() {
            self.start_up(now.mono);
        }
    }

    fn start_up(&mut self, at: MonoMs) {
        self.phase = Phase::Startup(Startup::new(&self.junction, at));
        self.next_second = at.ceil_second();
        self.show(at);
    }

    /// Goes on towards flash, if somebody wants it and the phase allows; `false` when the phase has its own course.
    pub(super) fn goes_to_flash(&mut self, at: MonoMs) -> bool {
        match &self.phase {
            Phase::ToFlash(way) => {
                // Whoever has changed his mind has start-up after it all the same.
                if way.over(at) && self.end_by.is_none() {
                    self.phase = Phase::Flash;
                    if !self.flash_wanted {
                        self.start_up(at);
                    }
                }
            }
            Phase::Flash => {}
            Phase::Startup(_) if self.flash_wanted => self.phase = Phase::Flash,
            Phase::Green(Green { stage, began, .. }) if self.flash_wanted || self.end_by.is_some() => {
                let stage = *stage;
                let least_ms = 1000 * i64::from(self.junction.stage(stage).min_green_s);
                let groups = self.junction.stage(stage).groups;
                let way = ToFlash::new(&self.junction, stage, at, self.clear_at(groups, at));
                // A second later would be too late.
                let must_end = self.end_by.is_some_and(|by| way.flash_at + 1000 > by);
                if at.since(*began) < least_ms && !must_end {
                    return false;
                }
                for group in groups.iter() {
                    self.green_ended[group.index()] = Some(at);
                    self.red_since[group.index()] = at;
                }
                self.cycle.green_ended(at, way.amber_until, StageEnd::Manual);
                self.end_cycle(at, StageEnd::Manual);
                self.phase = Phase::ToFlash(way);
            }
            Phase::Clearance(clearance, coming)
                if (self.flash_wanted || self.end_by.is_some())
                    && at >= clearance.green_at
                    && self.shown.lamps.iter().all(|aspect| *aspect == Aspect::Red) =>
            {
                let stage = coming.stage;
                self.end_cycle(at, StageEnd::Manual);
                let way = ToFlash::in_red(stage, at, self.clear_at(GroupSet::EMPTY, at));
                let stays_red = self.end_by.is_some() || !way.over(at);
                self.phase = if stays_red { Phase::ToFlash(way) } else { Phase::Flash };
            }
            _ => return false,
        }
        true
    }
}
