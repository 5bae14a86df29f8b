//! High-resolution events on their way into the outbox: one row for some seconds of them.

use super::losses::{EVENTS_ROW_MS, Loss, Losses};
use crate::counting::IntervalCount;
use crate::outbox::{EventsRow, RowBody};
use flextraff_common::hires::{Event, EventCode};
use flextraff_common::time::{ClockState, Moment, MonoMs};
use std::collections::BTreeSet;

/// Most events of one row. Lamps and stop lines of the largest junction stay far below it; a flood of foreign reads must not fill the outbox.
const MOST_EVENTS: usize = 2000;
const TOO_MANY: &str = "more events than a row holds: events were dropped";
/// Resolution, milliseconds.
const RESOLUTION_MS: i64 = 100;
/// Events that are remembered, so that no two are the same.
const REMEMBERED: usize = 4 * MOST_EVENTS;
/// The wall clock was set when it moves by more than this against the monotonic one, milliseconds.
const CLOCK_STEP_MS: i64 = 500;

/// Gathers events.
#[derive(Debug)]
pub(super) struct Events {
    enabled: bool,
    waiting: Vec<Event>,
    recent: BTreeSet<Event>,
    due: MonoMs,
    dropped: u64,
    /// From the first to the last of them.
    dropped_span: Option<(MonoMs, MonoMs)>,
    clock: Option<(i64, ClockState)>,
}

impl Events {
    pub(super) fn new(enabled: bool, now: MonoMs) -> Self {
        Self {
            enabled,
            waiting: Vec::new(),
            recent: BTreeSet::new(),
            due: now + EVENTS_ROW_MS,
            dropped: 0,
            dropped_span: None,
            clock: None,
        }
    }

    /// Takes an event. Two of the same code, parameter and tenth of a second would be one to whoever reads the log: the second is moved to
    /// the next free tenth.
    pub(super) fn push(&mut self, event: Event) {
        if !self.enabled {
            return;
        }
        if self.waiting.len() >= MOST_EVENTS {
            self.dropped += 1;
            let (from, to) = self.dropped_span.unwrap_or((event.at, event.at));
            self.dropped_span = Some((from.min(event.at), to.max(event.at)));
            return;
        }
        let mut event = Event { at: MonoMs(event.at.0.div_euclid(RESOLUTION_MS) * RESOLUTION_MS), ..event };
        while !self.recent.insert(event) {
            event.at = event.at + RESOLUTION_MS;
        }
        if self.recent.len() > REMEMBERED {
            self.recent.pop_first();
        }
        self.waiting.push(event);
    }

    /// Takes who came to the stop lines and who left.
    pub(super) fn handle_interval(&mut self, interval: &IntervalCount) {
        let of = |code, t_ms| Event::of_detector(interval.start + t_ms, code, interval.lane);
        interval.passages.iter().for_each(|passage| self.push(of(EventCode::DetectorOn, passage.t_ms)));
        interval.departures.iter().for_each(|departed| self.push(of(EventCode::DetectorOff, departed.t_ms)));
    }

    /// Follows the wall clock.
    pub(super) fn handle_clock(&mut self, now: &Moment) {
        let offset_ms = now.wall.0 - now.mono.0;
        let Some((before_ms, state)) = self.clock.replace((offset_ms, now.clock)) else { return };
        let step_ms = (offset_ms - before_ms).abs();
        if step_ms > CLOCK_STEP_MS || (state == ClockState::Unsynced && now.clock == ClockState::Synced) {
            let seconds = (step_ms as u64).div_ceil(1000).min(255) as u32;
            self.push(Event::new(now.mono, EventCode::ClockUpdated, seconds));
        }
    }

    /// The next row, when it is due, or whatever there is with `all`; what has found no room in it is lost.
    pub(super) fn take(&mut self, now: MonoMs, all: bool, lost: &mut Losses) -> Option<RowBody> {
        if now < self.due && !all && self.waiting.len() < MOST_EVENTS {
            return None;
        }
        self.due = now + EVENTS_ROW_MS;
        if let Some((from, to)) = self.dropped_span.take() {
            tracing::warn!(
                events = self.dropped,
                "more events than a row holds; the rest of the log is lost"
            );
            let rows = self.dropped.div_ceil(MOST_EVENTS as u64);
            lost.add(TOO_MANY, Loss { from, to, rows });
            self.dropped = 0;
        }
        let mut events = std::mem::take(&mut self.waiting);
        events.sort_by_key(|event| event.at);
        let events: Vec<_> = events.iter().map(|event| (event.at, event.code, event.parameter)).collect();
        (!events.is_empty()).then_some(RowBody::Events(EventsRow { events }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flextraff_common::time::UnixMs;

    fn row(events: &mut Events, now: i64) -> Option<Vec<(i64, u16, u32)>> {
        match events.take(MonoMs(now), false, &mut Losses::default())? {
            RowBody::Events(row) => {
                Some(row.events.iter().map(|event| (event.0.0, event.1, event.2)).collect())
            }
            other => panic!("{other:?} is no row of events"),
        }
    }

    #[test]
    fn a_row_comes_every_ten_seconds_in_order_of_time_and_no_event_is_there_twice() {
        let mut events = Events::new(true, MonoMs(0));
        for (at, parameter) in [(2450, 1), (2499, 1), (2420, 1), (1000, 2)] {
            events.push(Event::new(MonoMs(at), EventCode::DetectorOn, parameter));
        }
        assert_eq!(row(&mut events, 9999), None);
        assert_eq!(
            row(&mut events, 10_000),
            Some(vec![(1000, 82, 2), (2400, 82, 1), (2500, 82, 1), (2600, 82, 1)])
        );
        events.push(Event::new(MonoMs(2410), EventCode::DetectorOn, 1));
        assert_eq!(row(&mut events, 19_999), None);
        assert_eq!(row(&mut events, 20_000), Some(vec![(2700, 82, 1)]), "also not in two rows");
        assert_eq!(row(&mut events, 40_000), None, "nothing happened");
    }

    #[test]
    fn a_flood_is_cut_and_a_log_that_is_off_holds_nothing() {
        let mut events = Events::new(true, MonoMs(0));
        for n in 0..5000 {
            events.push(Event::new(MonoMs(n), EventCode::DetectorOn, 1));
        }
        let mut lost = Losses::default();
        let row_of = events.take(MonoMs(5000), false, &mut lost);
        let Some(RowBody::Events(full)) = row_of else { panic!("{row_of:?} is no row of events") };
        assert_eq!(full.events.len(), MOST_EVENTS, "full before it is due");
        let dropped = Loss { from: MonoMs(2000), to: MonoMs(4999), rows: 2 };
        assert_eq!(lost.take().collect::<Vec<_>>(), [(TOO_MANY, dropped)]);
        assert_eq!((events.dropped, events.dropped_span), (0, None), "the next row starts anew");
        let mut off = Events::new(false, MonoMs(0));
        off.push(Event::new(MonoMs(0), EventCode::PhaseOn, 1));
        assert_eq!(row(&mut off, 60_000), None);
    }

    #[test]
    fn a_clock_that_is_set_is_logged_and_one_that_drifts_is_not() {
        let mut events = Events::new(true, MonoMs(0));
        let at = |events: &mut Events, mono: i64, offset: i64, clock| {
            events.handle_clock(&Moment { mono: MonoMs(mono), wall: UnixMs(mono + offset), clock });
        };
        at(&mut events, 0, 0, ClockState::Unsynced);
        at(&mut events, 1000, 90_000, ClockState::Unsynced);
        at(&mut events, 2000, 90_100, ClockState::Synced);
        for second in 3..13 {
            at(&mut events, second * 1000, 90_100 + second * 100, ClockState::Synced);
        }
        at(&mut events, 13_000, -4_000_000, ClockState::Synced);
        assert_eq!(row(&mut events, 13_000), Some(vec![(1000, 181, 90), (2000, 181, 1), (13_000, 181, 255)]));
    }
}
