//! What the link is asked for, and what waits while it does not run.

use super::LinkRequest;
use crate::clock;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::mpsc::Receiver;
use tokio::sync::mpsc::error::TryRecvError;

/// Requests that may wait beside the queue.
const MOST_HELD: usize = 256;
/// How late a pause notices that it is to end.
const NOTICE: Duration = Duration::from_millis(100);

/// The requests, in the order in which they were sent.
#[derive(Debug)]
pub struct Requests {
    inbox: Receiver<LinkRequest>,
    held: VecDeque<LinkRequest>,
}

impl From<Receiver<LinkRequest>> for Requests {
    fn from(inbox: Receiver<LinkRequest>) -> Self {
        Self { inbox, held: VecDeque::new() }
    }
}

impl Requests {
    /// The next one; the end when nobody is left to ask.
    pub(super) async fn next(&mut self) -> LinkRequest {
        match self.held.pop_front() {
            Some(request) => request,
            None => self.inbox.recv().await.unwrap_or(LinkRequest::Stop),
        }
    }

    /// Lets them wait for a while; `false` as soon as the link is to end.
    pub fn hold(&mut self, pause: Duration) -> bool {
        let mut left = pause;
        loop {
            while self.held.len() < MOST_HELD {
                match self.inbox.try_recv() {
                    Ok(LinkRequest::Stop) | Err(TryRecvError::Disconnected) => return false,
                    Ok(request) => self.held.push_back(request),
                    Err(TryRecvError::Empty) => break,
                }
            }
            if left.is_zero() {
                return true;
            }
            let wait = left.min(NOTICE);
            clock::gather(wait);
            left -= wait;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use tokio::sync::mpsc::channel;

    const PATIENCE: Duration = Duration::from_secs(20);

    #[test]
    fn a_pause_loses_nothing_and_keeps_the_order() {
        let (ask, inbox) = channel(8);
        let mut requests = Requests::from(inbox);
        ask.try_send(LinkRequest::RowsWaiting).expect("there is room");
        assert!(requests.hold(Duration::from_millis(1)));
        ask.try_send(LinkRequest::Rows(Vec::new())).expect("there is room");
        drop(ask);
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let came =
            runtime.block_on(async { [requests.next().await, requests.next().await, requests.next().await] });
        assert_eq!(came, [LinkRequest::RowsWaiting, LinkRequest::Rows(Vec::new()), LinkRequest::Stop]);
    }

    #[test]
    fn a_pause_ends_with_the_agent_and_holds_a_limited_number() {
        let (ask, inbox) = channel(MOST_HELD);
        let mut requests = Requests::from(inbox);
        for _ in 0..MOST_HELD {
            ask.try_send(LinkRequest::RowsWaiting).expect("there is room");
        }
        assert!(requests.hold(Duration::ZERO));
        ask.try_send(LinkRequest::RowsWaiting).expect("there is room");
        assert!(requests.hold(Duration::ZERO));
        assert_eq!(requests.held.len(), MOST_HELD, "the rest waits where it has its limit");
        let (ask, inbox) = channel(8);
        ask.try_send(LinkRequest::Stop).expect("there is room");
        let (tell, ended) = mpsc::channel();
        std::thread::spawn(move || tell.send(Requests::from(inbox).hold(PATIENCE * 10)));
        assert_eq!(ended.recv_timeout(PATIENCE), Ok(false));
    }
}
