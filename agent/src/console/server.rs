//! Serves the clients, each in a task of its own.

use super::listen::listen;
use super::protocol::{Message, Request, line, read_request};
use super::{Asked, Asks, Hub, Peer};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixListener;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

/// Most clients that look at once.
const MOST_MONITORS: usize = 8;
/// Most clients at once: those who look leave room for who clears a fault or asks for flash.
const MOST_CLIENTS: usize = MOST_MONITORS + 4;
/// Longest request, bytes.
const LONGEST_REQUEST: u64 = 4096;
/// How long a client may take to say what it wants.
const ASKS_WITHIN: Duration = Duration::from_secs(10);
/// How long a client may leave a line untaken.
const TAKES_WITHIN: Duration = Duration::from_secs(2);
/// How long the agent may take to do what was asked.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// Between attempts to listen.
const AGAIN: Duration = Duration::from_secs(10);

/// Listens and serves until it is told to stop.
pub(super) async fn run(path: &Path, hub: &Hub, asks: &Asks, mut stopped: oneshot::Receiver<()>) {
    let mut told = false;
    let listener = loop {
        match listen(path).await {
            Ok(listener) => break listener,
            Err(error) if !told => {
                told = true;
                tracing::warn!(socket = %path.display(), %error, "nobody can look at the agent from this machine; it is tried again");
            }
            Err(_) => {}
        }
        tokio::select! {
            _ = &mut stopped => return,
            () = tokio::time::sleep(AGAIN) => {}
        }
    };
    tokio::select! {
        _ = stopped => {}
        () = accept(&listener, hub, asks) => {}
    }
    let _ = std::fs::remove_file(path);
}

async fn accept(listener: &UnixListener, hub: &Hub, asks: &Asks) {
    let room = Arc::new(Semaphore::new(MOST_CLIENTS));
    let monitors = Arc::new(Semaphore::new(MOST_MONITORS));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Such as when too many files are open: others will be closed.
            tokio::time::sleep(TAKES_WITHIN).await;
            continue;
        };
        let (hub, asks, place) = (hub.clone(), Arc::clone(asks), Arc::clone(&room).try_acquire_owned());
        let monitors = Arc::clone(&monitors);
        let peer = stream.peer_cred().map(|peer| Peer { uid: peer.uid(), pid: peer.pid() });
        tokio::spawn(async move {
            let (reads, mut writes) = stream.into_split();
            let served = match &place {
                Ok(_) => serve(BufReader::new(reads), &mut writes, &hub, &monitors, &asks, peer.ok()).await,
                Err(_) => {
                    Err(format!("{MOST_CLIENTS} clients are connected already, more cannot; end one of them"))
                }
            };
            if let Err(detail) = served {
                say(&mut writes, &line(&Message::Error { detail })).await;
            }
        });
    }
}

/// Serves one client until it leaves; else with what it is told at the end.
async fn serve(
    mut reads: BufReader<OwnedReadHalf>,
    writes: &mut OwnedWriteHalf,
    hub: &Hub,
    monitors: &Semaphore,
    asks: &Asks,
    peer: Option<Peer>,
) -> Result<(), String> {
    let mut request = Vec::new();
    let mut limited = (&mut reads).take(LONGEST_REQUEST);
    match timeout(ASKS_WITHIN, limited.read_until(b'\n', &mut request)).await {
        Err(_) => return Err(format!("no request came within {} s", ASKS_WITHIN.as_secs())),
        Ok(Err(_) | Ok(0)) => return Ok(()),
        Ok(Ok(_)) if request.len() as u64 == LONGEST_REQUEST && !request.ends_with(b"\n") => {
            return Err(format!("a request has at most {LONGEST_REQUEST} bytes"));
        }
        Ok(Ok(_)) => {}
    }
    match read_request(&request)? {
        Request::Monitor => {
            let _place = monitors.try_acquire().map_err(|_| {
                format!("{MOST_MONITORS} clients look at the agent already, more cannot; end one of them")
            })?;
            monitor(reads, writes, hub).await
        }
        request => {
            let peer = peer.ok_or("the kernel does not say who asks; nothing is done")?;
            let answer = ask(request, peer, asks).await?;
            say(writes, &line(&answer)).await;
            Ok(())
        }
    }
}

/// Hands a request over and waits for the answer.
async fn ask(request: Request, peer: Peer, asks: &Asks) -> Result<Message, String> {
    let (answer, answered) = oneshot::channel();
    asks(Asked { request, peer, answer });
    match timeout(ANSWERS_WITHIN, answered).await {
        Ok(Ok(message)) => Ok(message),
        Ok(Err(_)) => Err("the agent does not take this request just now; try again".to_owned()),
        Err(_) => Err("the agent has not answered in time; what was asked may still happen".to_owned()),
    }
}

/// Passes on what the hub is told, as long as the client takes it.
async fn monitor(
    mut reads: BufReader<OwnedReadHalf>,
    writes: &mut OwnedWriteHalf,
    hub: &Hub,
) -> Result<(), String> {
    let mut lines = hub.0.subscribe();
    let (mut more, mut listens) = ([0; 1], true);
    loop {
        tokio::select! {
            next = lines.recv() => match next {
                Ok(next) if say(writes, &next).await => {}
                Err(RecvError::Lagged(lost)) => {
                    return Err(format!("too slow: {lost} lines were not taken in time; connect again"));
                }
                Ok(_) | Err(RecvError::Closed) => return Ok(()),
            },
            asked = reads.read(&mut more), if listens => match asked {
                // A client may close its side and go on listening.
                Ok(0) => listens = false,
                Ok(_) => return Err("a connection takes one request; make another one".to_owned()),
                Err(_) => return Ok(()),
            },
        }
    }
}

/// Writes a line; whether the client took it in time.
async fn say(writes: &mut OwnedWriteHalf, text: &str) -> bool {
    matches!(timeout(TAKES_WITHIN, writes.write_all(text.as_bytes())).await, Ok(Ok(())))
}
