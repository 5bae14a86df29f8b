//! What ends: readers that are no longer wanted, and the lamp loop.
//!
//! To close a line may take the kernel half a minute when its adapter has failed; nobody waits for that.

use super::reading::RunningReader;
use super::threads::News;
use crate::clock::Clock;
use crate::output::LampEvent;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::Builder;
use std::time::Duration;

/// How long all of them together are waited for: less than the watchdog of systemd waits for the agent.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often whoever waits does what else is due.
const BEAT: Duration = Duration::from_millis(500);

/// How long the last word of a lamp loop that has ended is waited for.
const LAST_WORD: Duration = Duration::from_secs(2);

/// Takes what a lamp loop that has ended told before that and is still on its way here.
pub(super) fn hear_out(inbox: &Receiver<News>, clock: &Clock, mut handle: impl FnMut(LampEvent)) {
    let until = clock.mono() + LAST_WORD.as_millis() as i64;
    loop {
        let wait = Duration::from_millis(until.since(clock.mono()).max(0).unsigned_abs());
        match inbox.recv_timeout(wait) {
            Ok(News::Lamp(LampEvent::Ended)) | Err(_) => return,
            Ok(News::Lamp(event)) => handle(event),
            Ok(_) => {}
        }
    }
}

/// Ends readers, all at once. After this none of them is heard any more; one that still closes its line ends by itself, and until then its port is
/// busy. `meanwhile` is called again and again.
pub(super) fn end(readers: Vec<RunningReader>, clock: &Clock, meanwhile: impl FnMut()) {
    let heard: Vec<_> = readers.iter().map(RunningReader::heard).collect();
    let stops = readers.into_iter().map(|reader| move || drop(reader.stop()));
    let left = all_at_once(stops, clock, meanwhile);
    for heard in heard {
        heard.end();
    }
    if left > 0 {
        tracing::warn!(readers = left, "readers still close their ports; these are busy until then");
    }
}

/// Does all jobs, each on a thread of its own, and waits for them a limited time in all; how many are still at it.
fn all_at_once<J: FnOnce() + Send + 'static>(
    jobs: impl Iterator<Item = J>,
    clock: &Clock,
    mut meanwhile: impl FnMut(),
) -> usize {
    let (done, is_done) = mpsc::channel();
    let mut left = 0;
    for job in jobs {
        let done = done.clone();
        let started = Builder::new().name("reader-leaves".to_owned()).spawn(move || {
            job();
            // Whoever has waited long enough does not need it.
            let _ = done.send(());
        });
        // Without a thread it is dropped, which ends a reader, too.
        left += usize::from(started.is_ok());
    }
    let until = clock.mono() + PATIENCE.as_millis() as i64;
    while left > 0 {
        meanwhile();
        let wait = Duration::from_millis(until.since(clock.mono()).max(0).unsigned_abs());
        match is_done.recv_timeout(wait.min(BEAT)) {
            Ok(()) => left -= 1,
            Err(RecvTimeoutError::Timeout) if !wait.is_zero() => {}
            Err(_) => break,
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ClockTrust;
    use crate::signal::SignalEvent;

    #[test]
    fn what_the_lamp_loop_told_before_it_ended_is_heard_to_its_last_word() {
        let (news, inbox) = mpsc::sync_channel(1);
        let told = std::thread::spawn(move || {
            for number in 0..40 {
                let event = LampEvent::Signal(SignalEvent::PlanOver { plan_id: Some(number.to_string()) });
                news.send(News::Lamp(event)).expect("somebody listens");
                news.send(News::RowsWaiting).expect("somebody listens");
            }
            news.send(News::Lamp(LampEvent::Ended)).expect("somebody listens");
            // It is not waited for that nobody is left.
            news
        });
        let clock = Clock::new(ClockTrust::Always);
        let (mut heard, began) = (0, clock.mono());
        hear_out(&inbox, &clock, |_| heard += 1);
        assert_eq!(heard, 40);
        let news = told.join().expect("no panic");
        // A last word that was lost is not waited for long.
        hear_out(&inbox, &clock, |_| heard += 1);
        assert!(clock.mono().since(began) >= LAST_WORD.as_millis() as i64);
        drop(news);
    }

    #[test]
    fn one_that_takes_long_is_left_and_the_others_are_waited_for() {
        let (stuck, is_stuck) = mpsc::channel::<()>();
        let mut is_stuck = Some(is_stuck);
        let (done, did) = mpsc::channel();
        let jobs: Vec<Box<dyn FnOnce() + Send>> = (0..5)
            .map(|number| -> Box<dyn FnOnce() + Send> {
                let done = done.clone();
                // The first one, for which those after it would have to wait.
                let waits = is_stuck.take();
                Box::new(move || {
                    if let Some(waits) = waits {
                        let _ = waits.recv();
                    }
                    let _ = done.send(number);
                })
            })
            .collect();
        let clock = Clock::new(ClockTrust::Always);
        let began = clock.mono();
        let mut beats = 0;
        let left = all_at_once(jobs.into_iter(), &clock, || beats += 1);
        let took_ms = clock.mono().since(began);
        assert_eq!(left, 1);
        assert!(took_ms >= PATIENCE.as_millis() as i64, "the others had their time: {took_ms}");
        assert!(beats >= 5, "the watchdog is fed meanwhile: {beats}");
        let mut ended: Vec<i32> = did.try_iter().collect();
        ended.sort_unstable();
        assert_eq!(ended, [1, 2, 3, 4]);
        drop(stuck);
        assert_eq!(did.recv_timeout(PATIENCE * 10), Ok(0), "it ends by itself");
    }
}
