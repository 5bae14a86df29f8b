//! A loop that does nothing but wait for the next multiple of 50 ms, as the lamp loop waits: what punctuality this machine has to give.
//! Runs for so many seconds as its argument says and prints its lateness as JSON.

use flextraff_agent::clock::Clock;
use flextraff_agent::config::ClockTrust;
use flextraff_agent::output::{Lateness, TICK_MS};
use std::sync::mpsc::channel;
use std::time::Duration;

#[expect(clippy::print_stdout, reason = "a program for the bench")]
fn main() {
    let seconds: i64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(10);
    let (clock, late) = (Clock::new(ClockTrust::Always), Lateness::default());
    let (_open, never) = channel::<()>();
    let tick_us = TICK_MS * 1000;
    let end_us = clock.mono_us() + seconds * 1_000_000;
    loop {
        let now_us = clock.mono_us();
        if now_us >= end_us {
            break;
        }
        let due_us = now_us - now_us.rem_euclid(tick_us) + tick_us;
        let wait = Duration::from_micros((due_us - now_us).unsigned_abs());
        let _ = never.recv_timeout(wait);
        late.record((clock.mono_us() - due_us).max(0).unsigned_abs());
    }
    println!(
        "{{\"late_p50_us\":{},\"late_p999_us\":{},\"late_max_us\":{}}}",
        late.quantile_us(0.5).unwrap_or_default(),
        late.quantile_us(0.999).unwrap_or_default(),
        late.max_us()
    );
}
