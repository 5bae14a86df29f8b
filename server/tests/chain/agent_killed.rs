//! The agent loses power again and again.

use crate::process::until;
use crate::road::vehicle;
use crate::world::World;
use rustix::process::Signal;
use sqlx::PgPool;
use std::collections::BTreeSet;
use std::time::Duration;

/// From the last read of a vehicle to the kill, milliseconds: before its first flush, open and flushed, its interval over, sent, answered, gone.
const KILL_AFTER_MS: [u64; 6] = [0, 150, 500, 1000, 1500, 3000];

#[sqlx::test(migrations = false)]
async fn what_was_on_its_disk_is_counted_once(db: PgPool) {
    let mut world = World::new(db).await;
    let mut numbers = 1..;
    let mut vehicles = Vec::new();
    let mut flushed = BTreeSet::new();
    for kill_after_ms in KILL_AFTER_MS {
        world.start_agent().await;
        for port in [1, 2] {
            vehicles.push(numbers.next().map(vehicle).expect("numbers do not end"));
            world.site.reader.pass(port, &vehicles[vehicles.len() - 1]).await;
        }
        tokio::time::sleep(Duration::from_millis(kill_after_ms)).await;
        world.site.take_agent().kill();
        flushed.append(&mut world.site.on_disk(&vehicles));
    }
    let from_rounds = flushed.len();
    assert!(from_rounds >= 6, "kills in good time after a flush find its vehicles: {flushed:?}");

    // Sent and not answered: the server sleeps, so that the broker has the rows and the agent keeps them.
    world.start_agent().await;
    world.outbox_drains().await;
    world.signal_server(Signal::STOP);
    let unanswered: Vec<String> = numbers.by_ref().take(3).map(vehicle).collect();
    for epc in &unanswered {
        world.site.reader.pass(1, epc).await;
    }
    until("rows wait for their answer", async || {
        (world.broker.status()?["outbox"]["oldest_s"].as_f64()? > 3.0).then_some(())
    })
    .await;
    world.site.take_agent().kill();
    let kept = world.site.on_disk(&unanswered);
    assert_eq!(kept.len(), unanswered.len(), "what has no answer stays");
    flushed.extend(kept);
    vehicles.extend(unanswered);

    // Killed again as soon as it lives, several times, before the server wakes up.
    for _ in 0..3 {
        let seen = world.site.lamps.seen().len();
        world.site.start_agent();
        until("the first lamps", async || world.site.lamps.has_more_than(seen).then_some(())).await;
        world.site.take_agent().kill();
    }
    world.signal_server(Signal::CONT);
    world.start_agent().await;
    // One vehicle stands at the stop line while the power goes.
    let standing = numbers.next().map(vehicle).expect("numbers do not end");
    world.site.reader.pass(2, &standing).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    world.site.take_agent().kill();
    assert!(world.site.on_disk(std::slice::from_ref(&standing)).contains(&standing));
    world.start_agent().await;
    world.site.reader.pass(2, &standing).await;
    flushed.insert(standing);

    world.each_counted_once(&flushed).await;
    world.outbox_drains().await;
    for epc in &vehicles {
        assert!(world.counted(epc).await <= 1, "{epc} is counted twice");
    }
}
