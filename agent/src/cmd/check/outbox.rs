//! What the running agent says of its outbox and its connection. Its file is locked, so nobody else can look into it.

use super::Finding;
use crate::cmd::agent_socket;
use crate::config::Config;
use flextraff_common::wire::{LinkStatus, OutboxStatus};

/// Nothing while no agent runs.
pub(super) fn check(config: &Config) -> Vec<Finding> {
    let Some(snapshot) = agent_socket::snapshot(&config.console) else { return Vec::new() };
    let link = snapshot.status.link.as_ref().and_then(taken_over);
    link.into_iter().chain([judge(snapshot.status.outbox.as_ref())]).collect()
}

fn taken_over(link: &LinkStatus) -> Option<Finding> {
    let seconds = link.taken_over_s?;
    Some(Finding::warning(
        "outbox",
        format!("another client took the connection under this device's id {seconds} s ago"),
        "stop the other one, or give it an id of its own",
    ))
}

fn judge(outbox: Option<&OutboxStatus>) -> Finding {
    let Some(outbox) = outbox else {
        return Finding::failed(
            "outbox",
            "the running agent has no outbox; nothing is counted",
            "see its log for the reason: the disk is full, read-only or broken",
        );
    };
    let OutboxStatus { rows, oldest_s, dropped, parked, failure, .. } = outbox;
    if let Some(failure) = failure {
        return Finding::failed(
            "outbox",
            format!("the running agent keeps its rows in memory only: {failure}"),
            "see to the disk before the agent ends; nothing is lost until then",
        );
    }
    let waiting = format!("{rows} rows wait for the server, the oldest for {oldest_s} s");
    match (parked, dropped) {
        (0, 0) => Finding::ok("outbox", waiting),
        (0, _) => Finding::warning(
            "outbox",
            format!("{waiting}; {dropped} rows were dropped since the file was begun, and told as gaps"),
            "raise max_mb of [outbox], or see why the server was not reached",
        ),
        (_, _) => Finding::warning(
            "outbox",
            format!(
                "{waiting}; {parked} rows were rejected by the server, {dropped} dropped, since the file was begun"
            ),
            "compare the ids of junction, lanes and device with the server's; its dead letters name the reason",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn what_was_lost_or_rejected_is_a_warning_with_its_number() {
        let judge = |dropped, parked| {
            judge(Some(&OutboxStatus { rows: 3, oldest_s: 7, dropped, parked, ..OutboxStatus::default() }))
        };
        assert_eq!(judge(0, 0), Finding::ok("outbox", "3 rows wait for the server, the oldest for 7 s"));
        for (finding, words) in [(judge(9, 0), "9 rows were dropped"), (judge(9, 5), "5 rows were rejected")]
        {
            assert_eq!(finding.state, Level::Warning);
            assert!(finding.message.contains(words), "{finding:?}");
        }
        assert_eq!(super::judge(None).state, Level::Failed);
        let full = OutboxStatus { failure: Some("no space".into()), ..OutboxStatus::default() };
        let finding = super::judge(Some(&full));
        assert_eq!(finding.state, Level::Failed);
        assert!(finding.message.ends_with("in memory only: no space"), "{finding:?}");
        let link = |taken_over_s| taken_over(&LinkStatus { taken_over_s, ..LinkStatus::default() });
        assert_eq!(link(None), None);
        assert!(link(Some(4)).is_some_and(|finding| finding.message.contains("4 s ago")));
    }
}
