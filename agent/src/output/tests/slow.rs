//! A tick that takes long until it has written shortens nothing that is shown.

use super::*;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

/// Keeps from when until when which lamps were lit: what is written is lit only when the writing, which may take long, is over.
struct Slow {
    clock: Arc<AtomicI64>,
    /// The tick that takes long, counted from the first one, and how long, milliseconds.
    stall: (usize, i64),
    ticks: usize,
    lit: Written,
}

impl Output for Slow {
    fn show(&mut self, frame: &Frame<'_>) -> Result<(), OutputError> {
        self.ticks += 1;
        if self.ticks == self.stall.0 {
            self.clock.fetch_add(self.stall.1, Relaxed);
        }
        let now = MonoMs(self.clock.load(Relaxed));
        Recorder(Arc::clone(&self.lit)).show(&Frame { at: now, ..*frame })
    }
}

#[test]
fn a_tick_that_takes_long_lengthens_and_never_shortens() {
    // A tick is 50 ms, the first one 12 s before the first green, of 25 s; so each change has ticks before and after it.
    let changes = [-6, 0, 25, 28, 30].map(|second: i64| (20 * (second + 12)) as usize);
    for stall_ms in [240, 260, 700, 800, 1300, 2400] {
        for late in changes.into_iter().flat_map(|tick| tick - 1..tick + 4) {
            let mut bench = Bench::new(Interlock::new(&four_way(), true));
            let (clock, lit) = (Arc::new(AtomicI64::new(-12_001)), Written::default());
            let stall = (late, stall_ms);
            bench.parts.output =
                Box::new(Slow { clock: Arc::clone(&clock), stall, ticks: 0, lit: Arc::clone(&lit) });
            let stats = Arc::clone(&bench.stats);
            let look = || at(clock.load(Relaxed) as f64 / 1000.0);
            let (ended, _, events) =
                bench.run_on(36.0, &look, |_| (clock.fetch_add(50, Relaxed) + 50) as f64 / 1000.0);
            ended.expect("it was told to stop");
            let tripped = events.iter().find(|event| matches!(event, LampEvent::Tripped { .. }));
            assert_eq!(tripped, None, "{stall_ms} ms in tick {late}");
            assert!(stats.stood_still_s.load(Relaxed) <= 3, "{stall_ms} ms in tick {late}");
            let lit = lit.lock().expect("nobody panics while writing");
            for pair in lit.windows(2).take(lit.len() - 2) {
                let least = match &pair[0].1 {
                    lamps if lamps.contains(&Aspect::FlashAmber) => 5700,
                    lamps if lamps.contains(&Aspect::Amber) => 2700,
                    lamps if lamps.contains(&Aspect::Green) => 24_700,
                    _ => 1700,
                };
                let shown = pair[1].0.since(pair[0].0);
                assert!(shown >= least, "{stall_ms} ms in tick {late}: {shown} ms of {:?}", pair[0].1);
            }
        }
    }
}

#[test]
fn a_second_that_passes_before_the_tick_is_written_late_with_it() {
    // A plan comes at the second at which the amber begins, and is taken before the tick, which begins 0.8 s after that.
    let clock = Arc::new(AtomicI64::new(-12_001));
    let (mut bench, lit) = (Bench::new(interlock()), Written::default());
    let slow = Slow { clock: Arc::clone(&clock), stall: (0, 0), ticks: 0, lit: Arc::clone(&lit) };
    bench.parts.output = Box::new(slow);
    let (outbox, told) = sync_channel(4096);
    bench.parts.events = outbox;
    let plan = message(r#"{"lane_times": [15, 15, 15, 15], "plan_id": "p"}"#);
    let look = || {
        if told.try_iter().any(|event| matches!(event, LampEvent::KeepPlan { .. })) {
            assert_eq!(clock.fetch_add(800, Relaxed), 25_009);
        }
        at(clock.load(Relaxed) as f64 / 1000.0)
    };
    let (ended, _, _) = bench.run_on(40.0, &look, |inputs| {
        let now = clock.fetch_add(50, Relaxed) + 50;
        if now == 24_999 {
            clock.store(25_009, Relaxed);
            inputs.try_send(LampInput::Plan(Box::new(plan.clone()))).expect("there is room");
        }
        now as f64 / 1000.0
    });
    ended.expect("it was told to stop");
    let lit = lit.lock().expect("nobody panics while writing");
    let amber = lit.iter().position(|(_, lamps)| lamps.contains(&Aspect::Amber)).expect("it is shown");
    assert!(lit[amber].0.0 > 25_500, "late: {:?}", lit[amber]);
    assert!(lit[amber + 1].0.since(lit[amber].0) >= 2700, "{lit:?}");
}
