//! The signal needs nothing but the agent.

use crate::broker::free_port;
use crate::process::until;
use crate::world::Site;
use std::time::{Duration, Instant};

/// From the start of the program to its first lamps.
const FIRST_LAMPS: Duration = Duration::from_secs(2);

#[tokio::test]
async fn lamps_come_at_once_without_a_network_and_end_red() {
    let folder = tempfile::tempdir().expect("there is room");
    // Nobody listens there.
    let mut site = Site::new(folder.path(), Some(free_port()));
    let started = Instant::now();
    site.start_agent();
    until("the first lamps", async || site.lamps.has_more_than(0).then_some(())).await;
    assert!(started.elapsed() < FIRST_LAMPS, "first lamps after {:?}", started.elapsed());
    // Every stage is served, with the greens of the fallback.
    until("greens of both stages", async || (site.lamps.greens(0).len() >= 2).then_some(())).await;
    until("a green", async || {
        site.lamps
            .seen()
            .last()
            .filter(|shown| shown.lamps.values().any(|aspect| aspect == "green"))
            .map(drop)
    })
    .await;
    assert_eq!(site.take_agent().terminate().await.code(), Some(0));
    let last = until("red at every head", async || {
        site.lamps.seen().pop().filter(|shown| shown.lamps.values().all(|aspect| aspect == "red"))
    })
    .await;
    assert_eq!(last.lamps.len(), 2);
}
