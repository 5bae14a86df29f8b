//! Vehicle actuation: reads at the stop lines extend a green, gaps end it, and stages that nobody calls are left out.
//!
//! It stands in when the traffic is not known, after a defect in estimation above all, and for that reason has a record of its own: when each
//! lane's stop line was last read, and which of them a working reader watches.

use super::heard::Tags;
use super::ladder::following;
use super::{Choice, Decision, Forced, Grounds};
use flextraff_common::epc::Epc;
use flextraff_common::junction::{GroupIx, GroupSet, Junction, LaneIx, StageIx};
use flextraff_common::time::MonoMs;
use flextraff_common::traffic::StageSet;
use flextraff_common::wire::ZoneName;

/// A green goes on while its lanes are read at intervals of at most this, milliseconds. A reader zone is some metres long and read several times
/// a second, so that 2 s without a read are about 3 s from one vehicle to the next.
const GAP_MS: i64 = 2000;
/// Without any read for so long the readers are not trusted, milliseconds.
const SILENT_MS: i64 = 180_000;
/// After so much red somebody without a tag may wait, milliseconds.
const UNSEEN_AFTER_MS: i64 = 60000;
/// What another device said about the lanes that it watches counts for so long, milliseconds.
const FRESH_MS: i64 = 10_000;

/// Who was read at the stop lines, as far as actuation needs it.
#[derive(Clone, Debug)]
pub(in crate::signal) struct Calls {
    /// Last read at the stop line of each lane, without those of `tags`.
    read: Vec<Option<MonoMs>>,
    /// Who was read there a moment ago.
    tags: Tags,
    /// Last read in its advance zone.
    announced: Vec<Option<MonoMs>>,
    /// Whether a working reader of this device watches it.
    watched: Vec<bool>,
    /// Until when another device watches it.
    told_until: Vec<Option<MonoMs>>,
    /// Pedestrian heads whose buttons were pressed since their last green.
    pressed: GroupSet,
}

impl Calls {
    /// Nobody was read, and nobody watches.
    pub(in crate::signal) fn new(lanes: usize) -> Self {
        let never = vec![None; lanes];
        Self {
            read: never.clone(),
            tags: Tags::default(),
            announced: never.clone(),
            watched: vec![false; lanes],
            told_until: never,
            pressed: GroupSet::EMPTY,
        }
    }

    /// Takes a read of a tag at a stop line, which the antennas of other lanes may hear too.
    pub(in crate::signal) fn handle_tag(&mut self, epc: Epc, lane: LaneIx, rssi: Option<f32>, at: MonoMs) {
        for (lane, last) in self.tags.take_gone(at) {
            self.handle_read(lane, ZoneName::StopLine, last);
        }
        if !self.tags.handle_read(epc, lane, rssi, at) {
            self.handle_read(lane, ZoneName::StopLine, at);
        }
    }

    /// Takes a read of somebody who is known to be on that lane.
    pub(in crate::signal) fn handle_read(&mut self, lane: LaneIx, zone: ZoneName, at: MonoMs) {
        let reads = if zone == ZoneName::StopLine { &mut self.read } else { &mut self.announced };
        if let Some(read) = reads.get_mut(lane.index()) {
            *read = Some(read.map_or(at, |last| last.max(at)));
        }
    }

    /// Takes that a push button is pressed; whether that is new.
    pub(in crate::signal) fn handle_button(&mut self, group: GroupIx) -> bool {
        let new = !self.pressed.contains(group);
        self.pressed.insert(group);
        new
    }

    /// Takes which groups have green: whoever has called there may go.
    pub(in crate::signal) fn handle_green(&mut self, green: GroupSet) {
        self.pressed = self.pressed.minus(green);
    }

    /// Pedestrian heads whose buttons were pressed since their last green.
    pub(in crate::signal) const fn pressed(&self) -> GroupSet {
        self.pressed
    }

    /// Takes whether a working reader of this device watches each lane.
    pub(in crate::signal) fn handle_watched(&mut self, watched: &[bool]) {
        for (state, watched) in self.watched.iter_mut().zip(watched) {
            *state = *watched;
        }
    }

    /// Takes that another device watches a lane.
    pub(in crate::signal) fn handle_told(&mut self, lane: LaneIx, at: MonoMs) {
        if let Some(until) = self.told_until.get_mut(lane.index()) {
            *until = Some(at + FRESH_MS);
        }
    }

    /// Whether stop-line readers work, and have read somebody of late.
    pub(in crate::signal) fn are_known(&self, at: MonoMs) -> bool {
        let lanes = (0..self.read.len()).filter(|&lane| self.sees(lane, at));
        lanes.filter_map(|lane| self.last_read(lane)).any(|read| at.since(read) <= SILENT_MS)
    }

    /// When somebody was read last who stands, or stood, at the stop line of a lane.
    fn last_read(&self, lane: usize) -> Option<MonoMs> {
        self.read.get(lane).copied().flatten().max(self.tags.last_read(lane))
    }

    fn sees(&self, lane: usize, at: MonoMs) -> bool {
        let own = self.watched.get(lane).copied().unwrap_or(false);
        own || self.told_until.get(lane).copied().flatten().is_some_and(|until| at <= until)
    }
}

/// What actuation goes by.
pub(in crate::signal) struct Actuation<'a> {
    pub(in crate::signal) junction: &'a Junction,
    pub(in crate::signal) calls: &'a Calls,
    /// The stages that may be served, in the order of the junction.
    pub(in crate::signal) stages: &'a [StageIx],
    /// Those that a fixed order may leave out.
    pub(in crate::signal) may_skip: StageSet,
    /// When each group's last green ended.
    pub(in crate::signal) green_ended: &'a [Option<MonoMs>],
    /// The stage that has green.
    pub(in crate::signal) stage: StageIx,
    /// For how long, seconds.
    pub(in crate::signal) had_s: f64,
    /// Seconds until it must end.
    pub(in crate::signal) latest_s: f64,
    /// Its planned green, seconds: what it has where nobody can be seen.
    pub(in crate::signal) planned_s: f64,
    /// The stages that buses ask for, whoever has asked first first.
    pub(in crate::signal) buses: &'a [StageIx],
    /// Whether the present green may end early for one.
    pub(in crate::signal) may_cut: bool,
}

impl Actuation<'_> {
    /// What to do now.
    pub(in crate::signal) fn decide(&self, at: MonoMs) -> Decision {
        let order = self.junction.signal.stage_order;
        let others = following(self.stages, self.stage, order, self.may_skip, |next| self.called(next, at));
        let bus = self.bus_there();
        // In a fixed order it has to wait for the stages before its own, each of which has its shortest green.
        let called = bus
            .filter(|bus| others.contains(bus))
            .or_else(|| others.iter().copied().find(|&next| self.called(next, at)));
        // In a fixed order the call may come from behind a stage that nobody calls.
        let anywhere = self.stages.iter().any(|&other| other != self.stage && self.called(other, at));
        let next = called.or_else(|| others.first().copied()).unwrap_or(self.stage);
        let must_end = self.latest_s <= 0.0;
        let (stay, grounds) = match (must_end, self.extension(at)) {
            (true, _) => (false, Grounds::Longest),
            (false, Some(_)) if bus.is_some() && !self.bus_here() && self.may_cut => {
                (false, Grounds::BusThere)
            }
            (false, Some(grounds)) => (true, grounds),
            (false, None) if anywhere && self.bus_here() => (true, Grounds::BusHere),
            (false, None) if anywhere => (false, Grounds::GapOut),
            (false, None) => (true, Grounds::Rest),
        };
        let choice = |stage, hold_s| Choice { stage, hold_s, cost: f64::INFINITY };
        let (present, coming) = (choice(self.stage, 1), choice(next, 0));
        let (best, other) = if stay { (present, coming) } else { (coming, present) };
        let alternatives = if must_end || next == self.stage { Vec::new() } else { vec![other] };
        let forced = must_end.then_some(Forced::MaxGreen);
        Decision { at, stage: self.stage, best, alternatives, forced, grounds, wish: None }
    }

    /// Why the present green goes on; none: nobody uses it any more.
    fn extension(&self, at: MonoMs) -> Option<Grounds> {
        let lanes = self.junction.lanes_of_stage(self.stage);
        let recent = |lane: &LaneIx| {
            let reads = [self.calls.last_read(lane.index()), self.calls.announced[lane.index()]];
            reads.into_iter().flatten().any(|read| at.since(read) <= GAP_MS)
        };
        if lanes.iter().any(recent) {
            return Some(Grounds::Extended);
        }
        let is_blind = lanes.iter().any(|lane| !self.calls.sees(lane.index(), at));
        (is_blind && self.had_s < self.planned_s).then_some(Grounds::Unwatched)
    }

    /// Whether a bus asks for what has green.
    fn bus_here(&self) -> bool {
        self.buses.contains(&self.stage)
    }

    /// The stage of the bus that has asked first of those whom the present one does not serve.
    fn bus_there(&self) -> Option<StageIx> {
        self.buses.iter().copied().find(|bus| *bus != self.stage && self.stages.contains(bus))
    }

    /// Whether somebody wants a stage: somebody whom the present one does not serve.
    fn called(&self, stage: StageIx, at: MonoMs) -> bool {
        if self.buses.contains(&stage) && stage != self.stage {
            return true;
        }
        let groups = self.junction.stage(stage).groups.minus(self.junction.stage(self.stage).groups);
        groups.iter().any(|group| self.group_called(group, at))
    }

    fn group_called(&self, group: GroupIx, at: MonoMs) -> bool {
        let lanes = &self.junction.group(group).lanes;
        let Some(ended) = self.green_ended.get(group.index()).copied().flatten() else { return true };
        // Who wants to cross there presses.
        if self.junction.group(group).button {
            return self.calls.pressed.contains(group);
        }
        // Nobody sees people on foot, nor a lane without a working reader.
        let recall = lanes.is_empty() || lanes.iter().any(|lane| !self.calls.sees(lane.index(), at));
        // Whoever is read in amber may still drive through.
        let from = ended + i64::from(self.junction.signal.amber_ms);
        let read = |lane: &LaneIx| self.calls.last_read(lane.index()).is_some_and(|read| read > from);
        // Behind somebody without a tag they may stand unread.
        let announced = |lane: &LaneIx| self.calls.announced[lane.index()].is_some_and(|read| read > ended);
        recall || at.since(ended) >= UNSEEN_AFTER_MS || lanes.iter().any(|lane| read(lane) || announced(lane))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::tests::{at, build, four_way_spec, group, overlapping_spec, stage};
    use flextraff_common::junction::{GroupKind, StageOrder};

    struct Case {
        junction: std::sync::Arc<Junction>,
        calls: Calls,
        green_ended: Vec<Option<MonoMs>>,
        had_s: f64,
    }

    impl Case {
        /// At 100 s; N has green, all others ended theirs at 80 s, and nobody was read.
        fn new() -> Self {
            let junction = build(&four_way_spec());
            let mut calls = Calls::new(4);
            calls.handle_watched(&[true; 4]);
            let ended = Some(at(80.0).mono);
            Self { junction, calls, green_ended: vec![ended; 4], had_s: 10.0 }
        }

        fn read(mut self, lane: usize, second: f64) -> Self {
            self.calls.handle_read(LaneIx::new(lane), ZoneName::StopLine, at(second).mono);
            self
        }

        /// Where it goes and why.
        fn decide(&self, may_skip: bool) -> (usize, Grounds) {
            let stages: Vec<StageIx> = self.junction.stage_indexes().collect();
            let actuation = Actuation {
                junction: &self.junction,
                calls: &self.calls,
                stages: &stages,
                may_skip: stages.iter().copied().filter(|_| may_skip).collect(),
                green_ended: &self.green_ended,
                stage: stages[0],
                had_s: self.had_s,
                latest_s: 60.0 - self.had_s,
                planned_s: 25.0,
                buses: &[],
                may_cut: true,
            };
            let decision = actuation.decide(at(100.0).mono);
            (decision.best.stage.index(), decision.grounds)
        }
    }

    #[test]
    fn reads_extend_gaps_end_and_without_calls_the_green_rests() {
        assert_eq!(Case::new().decide(true), (0, Grounds::Rest));
        assert_eq!(Case::new().read(2, 95.0).decide(true), (2, Grounds::GapOut), "nobody called S");
        assert_eq!(Case::new().read(2, 95.0).read(0, 98.5).decide(true), (0, Grounds::Extended));
        assert_eq!(Case::new().read(2, 95.0).read(0, 97.5).decide(true), (2, Grounds::GapOut));
        let longest = Case { had_s: 60.0, ..Case::new().read(2, 95.0).read(0, 99.5) };
        assert_eq!(longest.decide(true), (2, Grounds::Longest));
        assert_eq!(Case::new().read(2, 82.0).decide(true), (0, Grounds::Rest), "that one went in amber");
        assert_eq!(Case::new().read(2, 95.0).decide(false), (1, Grounds::GapOut), "S may not be skipped");
    }

    #[test]
    fn whom_nobody_can_see_calls_always() {
        let mut blind = Case::new();
        blind.calls.handle_watched(&[true, true, true, false]);
        assert_eq!(blind.decide(true), (3, Grounds::GapOut), "the lane of W");
        blind.calls.handle_watched(&[false, true, true, false]);
        assert_eq!(blind.decide(true), (0, Grounds::Unwatched), "and N has its planned green");
        blind.had_s = 25.0;
        assert_eq!(blind.decide(true), (3, Grounds::GapOut));
        blind.calls.handle_told(LaneIx::new(3), at(95.0).mono);
        assert_eq!(blind.decide(true), (0, Grounds::Rest), "another device watches W");

        let waited = Case { green_ended: vec![Some(at(30.0).mono); 4], ..Case::new() };
        assert_eq!(
            waited.decide(true),
            (1, Grounds::GapOut),
            "after a minute somebody without a tag may wait"
        );

        let mut spec = overlapping_spec();
        spec.groups.push(group("Q", GroupKind::Pedestrian, &[]));
        spec.stages.push(stage("D", &["Q"]));
        let junction = build(&spec);
        let green_ended = vec![Some(at(80.0).mono); junction.groups().len()];
        assert_eq!(
            Case { junction, green_ended, ..Case::new() }.decide(true),
            (3, Grounds::GapOut),
            "walkers"
        );
    }

    #[test]
    fn a_free_order_takes_the_next_call_and_the_readers_must_have_read() {
        let mut case = Case::new();
        assert!(!case.calls.are_known(at(100.0).mono));
        case = case.read(3, 0.0);
        assert!(case.calls.are_known(at(180.0).mono) && !case.calls.are_known(at(181.0).mono));
        case.calls.handle_watched(&[true, true, true, false]);
        assert!(!case.calls.are_known(at(100.0).mono), "the reader that read is down");
        let mut spec = four_way_spec();
        spec.signal.stage_order = StageOrder::Free;
        let free = Case { junction: build(&spec), ..Case::new().read(2, 95.0).read(3, 90.0) };
        assert_eq!(free.decide(false), (2, Grounds::GapOut));
    }
}
