//! How reads come to the controller: on the signal's time, and never in the way of the lamps.

use super::*;

#[test]
fn a_queue_on_a_red_lane_ends_a_green_early() {
    let (ended, lines, events) = Bench::new(interlock()).run_fed(40.0, |_| 0.0, queue_at_south);
    ended.expect("it was told to stop");
    let greens = greens(&lines);
    assert_eq!((greens[0].0, greens[1].0), ("Grrr", "rGrr"));
    assert!((6.7..9.0).contains(&greens[0].1), "at the shortest green instead of 25 s: {greens:?}");
    let decided = events.iter().filter_map(|event| match event {
        LampEvent::Decided(decision) => Some(decision),
        _ => None,
    });
    let went = decided.clone().find(|decision| decision.best.stage != decision.stage);
    let went = went.expect("the change was decided");
    assert!((at(6.0).mono..at(9.0).mono).contains(&went.at), "{went:?}");
    let waiting = |demand: &Demand| demand.lanes.iter().any(|lane| lane.lane == "S" && lane.present > 3.5);
    assert!(demands(&events).any(waiting), "others are told of the queue");
    assert!(demands(&events).all(|demand| demand.t >= at(-12.0).wall && demand.t <= at(41.0).wall));

    let (_, lines, _) = Bench::new(interlock()).run_fed(
        40.0,
        |_| 0.0,
        |now, inputs| {
            // The same reads of a reader of which nobody says that it works.
            if now > 2.0 {
                inputs.try_send(read(1, 0, now)).expect("there is room");
            }
        },
    );
    assert!((24.7..25.3).contains(&self::greens(&lines)[0].1), "as planned: {lines:?}");
}

#[test]
fn reads_count_on_the_signals_time_after_it_has_stood_still() {
    // The loop stands for 100 s during start-up: from then on the signal is 100 s behind, and 100 s old reads would be of vehicles long gone.
    let stall = |now: f64| if (-10.0..-9.9).contains(&now) { 100.0 } else { 0.0 };
    let (ended, lines, events) = Bench::new(interlock()).run_fed(145.0, stall, |now, inputs| {
        inputs.try_send(LampInput::Reader { reader: 0, up: true.into() }).expect("there is room");
        if now > 102.0 {
            for tag in 0..4 {
                inputs.try_send(read(1, tag, now)).expect("there is room");
            }
        }
    });
    ended.expect("it was told to stop");
    assert!(events.iter().any(|event| matches!(event, LampEvent::Late { still_s: 100.., .. })));
    let greens = greens(&lines);
    assert!((6.7..9.5).contains(&greens[0].1), "{greens:?}");
    for event in &events {
        match event {
            LampEvent::Decided(decision) => assert!(decision.at >= at(100.0).mono, "{decision:?}"),
            LampEvent::Demand(demand) => {
                assert!(demand.departed.iter().all(|departed| (0.0..10.0).contains(&departed.ago_s)));
            }
            _ => {}
        }
    }
}

#[test]
fn reads_of_a_time_in_which_the_signal_stood_count_from_when_it_goes_on() {
    let bench = Bench::new(interlock());
    // The loop stands from 0.5 s to 8.5 s; in that time four vehicles are read, once and 5 s before it goes on.
    let stall = |now: f64| if (0.45..0.5).contains(&now) { 8.0 } else { 0.0 };
    let mut sent = false;
    let (_, _, events) = bench.run_fed(12.0, stall, |now, inputs| {
        if now > 8.0 && !sent {
            sent = true;
            for tag in 0..4 {
                inputs.try_send(read(1, tag, 3.5)).expect("there is room");
            }
        }
    });
    let told: Vec<&Demand> = demands(&events).filter(|demand| demand.t > at(8.5).wall).collect();
    let present = |demand: &Demand| demand.lanes.first().map_or(0.0, |lane| lane.present);
    assert!((present(told[0]) - 4.0).abs() < 1e-9, "{told:?}");
}

#[test]
fn what_waits_is_taken_before_the_next_tick_and_no_flood_holds_it_up() {
    let mut sent = 0;
    let bench = Bench::new(interlock());
    let stats = Arc::clone(&bench.stats);
    let (ended, lines, events) = bench.run_fed(
        1.5,
        |_| 0.0,
        |now, inputs| {
            // 40 reads a tick are 800 a second; 700 at once are more than a tick takes, and less than two take.
            let more = if (-1.0..-0.95).contains(&now) { 700 } else { u32::from(now < 0.0) * 40 };
            for _ in 0..more {
                inputs.try_send(read(3, sent % 500, now)).expect("nothing piles up");
                sent += 1;
            }
        },
    );
    ended.expect("it was told to stop");
    assert!(sent > 9000);
    assert_eq!(stats.stood_still_s.load(std::sync::atomic::Ordering::Relaxed), 0);
    assert_eq!(letters(&lines), ["ffff", "rrrr", "Grrr", "rrrr"]);
    let inventory = |demand: &Demand| demand.lanes.iter().map(|lane| lane.inventory as u32).max();
    assert_eq!(demands(&events).filter_map(inventory).max(), Some(500), "every one was taken");
}

#[test]
fn cycles_and_events_that_nobody_takes_are_told_of_when_somebody_does() {
    let kept = |events: &[LampEvent]| {
        let (mut cycles, mut logged) = (0_u64, 0_u64);
        for event in events {
            match event {
                LampEvent::Signal(SignalEvent::CycleEnded(_)) => cycles += 1,
                LampEvent::Signal(SignalEvent::Logged(events)) => logged += events.len() as u64,
                _ => {}
            }
        }
        (cycles, logged)
    };
    let (ended, _, events) = Bench::new(interlock()).run(500.0, |_| 0.0);
    ended.expect("it was told to stop");
    let all = kept(&events);
    assert!(all.0 >= 2, "{all:?}");

    let mut bench = Bench::new(interlock());
    let (events, inbox) = sync_channel(16);
    bench.parts.events = events;
    let taken = std::cell::RefCell::new(Vec::new());
    let take = |now: f64, _: &SyncSender<LampInput>| {
        if !(5.0..450.0).contains(&now) {
            taken.borrow_mut().extend(inbox.try_iter());
        }
    };
    bench.run_fed(500.0, |_| 0.0, take).0.expect("it was told to stop");
    let mut taken = taken.into_inner();
    taken.extend(inbox.try_iter());
    let lost: Vec<Unkept> = taken
        .iter()
        .filter_map(|event| if let LampEvent::Lost(unkept) = event { Some(*unkept) } else { None })
        .collect();
    let [Unkept { cycles: Some(cycles), events: Some(events) }] = lost.as_slice() else { panic!("{lost:?}") };
    let (got_cycles, got_events) = kept(&taken);
    assert_eq!((got_cycles + cycles.count, got_events + events.count), all, "nothing is lost silently");
    assert!(events.from >= MonoMs(5000) && events.to <= MonoMs(450_100), "{events:?}");
}
