//! One WebSocket client: signs in with its first frame, then gets the events of what it may see.

use super::seats::Seat;
use super::{Guest, LiveFrame, origin};
use crate::api::body::PathParams;
use crate::api::guard::{ClientAddress, SignedIn, session_of_token};
use crate::api::problem::Problem;
use crate::app::App;
use crate::auth::Sender as RequestsOf;
use crate::clock::Clock;
use crate::db::access;
use crate::db::audit::{self, Actor, Deed};
use crate::metrics::LiveRefusal;
use axum::Router;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::get;
use flextraff_common::ids::{JunctionId, UserId};
use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::pin::{Pin, pin};
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use uuid::Uuid;

/// Within this time the first frame must sign in.
const SIGN_IN_LIMIT: Duration = Duration::from_secs(5);
/// Time between two pings; rights are looked up again at each, because a change of them may go unheard.
const PING_EVERY: Duration = Duration::from_secs(30);
/// A client that does not take a frame for so long is gone.
const SEND_LIMIT: Duration = Duration::from_secs(10);
/// Largest frame of a client, in bytes: an access token and little else.
const MOST_BYTES: usize = 8 * 1024;
/// Clients say little: a buffer of the usual 128 KiB for each of thousands would be most of the server's memory.
const READ_BYTES: usize = 1024;

/// Close codes: 4401 and 4403 are ours, the others of RFC 6455 and its registry.
const GOING_AWAY: u16 = 1001;
const POLICY: u16 = 1008;
const TRY_AGAIN_LATER: u16 = 1013;
const NOT_SIGNED_IN: u16 = 4401;
const NO_ACCESS: u16 = 4403;

pub(super) fn router() -> Router<App> {
    Router::new().route("/ws/junction/{junction_id}", get(junction)).route("/ws/live", get(all))
}

async fn junction(
    State(app): State<App>,
    PathParams(id): PathParams<Uuid>,
    address: ClientAddress,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Problem> {
    open(app, Some(JunctionId(id)), address, &headers, upgrade)
}

async fn all(
    State(app): State<App>,
    address: ClientAddress,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Problem> {
    open(app, None, address, &headers, upgrade)
}

fn open(
    app: App,
    only: Option<JunctionId>,
    address: ClientAddress,
    headers: &HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Problem> {
    if !origin::is_allowed(headers, &app.config.http.cors_origins) {
        return Err(Problem::forbidden(
            "Pages of this origin may not open a live feed; see http.cors_origins",
        ));
    }
    let Some(guest) = app.live.enter(address.0) else {
        app.metrics.live_refused(LiveRefusal::Waiting);
        let detail = "Too many clients are about to sign in at the live feed, all together or from your address; try again in 5 s";
        return Err(Problem::retry(StatusCode::SERVICE_UNAVAILABLE, detail, 5));
    };
    let upgrade = upgrade
        .max_message_size(MOST_BYTES)
        .max_frame_size(MOST_BYTES)
        .read_buffer_size(READ_BYTES)
        .write_buffer_size(0);
    Ok(upgrade.on_upgrade(move |socket| serve(app, only, address, socket, guest)))
}

/// Why the server closes a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Close {
    NotSignedIn(&'static str),
    NoAccess,
    Lagged,
    Unavailable,
    /// The user has as many clients as there are places for him.
    Full,
    /// The user has most clients, and somebody who has fewer has come.
    Displaced,
    /// The user has made more requests than he may in a minute, of which each further token is one.
    TooMany,
    Unexpected,
    /// The server stops.
    Stopping,
    /// The client has gone or does not answer.
    Gone,
}

impl Close {
    const fn frame(self) -> Option<(u16, &'static str)> {
        match self {
            Self::NotSignedIn(reason) => Some((NOT_SIGNED_IN, reason)),
            Self::NoAccess => Some((NO_ACCESS, "No access to this junction")),
            Self::Lagged => Some((TRY_AGAIN_LATER, "Events were missed; connect again and fetch what is")),
            Self::Unavailable => {
                Some((TRY_AGAIN_LATER, "The database cannot be reached; connect again later"))
            }
            Self::Full => Some((
                TRY_AGAIN_LATER,
                "All places of the live feed are taken; close other windows of yours, or connect again later",
            )),
            Self::Displaced => Some((
                TRY_AGAIN_LATER,
                "Others need the place, and you have most of them; close other windows of yours",
            )),
            Self::TooMany => Some((TRY_AGAIN_LATER, "Too many requests; connect again in a minute")),
            Self::Unexpected => Some((POLICY, "Send only {\"type\":\"auth\",\"token\":…}")),
            Self::Stopping => Some((GOING_AWAY, "The server stops; connect again")),
            Self::Gone => None,
        }
    }
}

/// A frame of the client.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Request {
    Auth(SignIn),
}

#[derive(Deserialize)]
struct SignIn {
    token: String,
    /// Whether the client wants a frame with each ping: scripts of a page hear no pings, and would take a dead line for a quiet one.
    #[serde(default)]
    beats: bool,
    /// Whether the client wants a frame when what its user may see or do has changed: a page shows what may be done.
    #[serde(default)]
    rights: bool,
    /// Whether it wants the vehicles of counts, as the MQTT message has them: a look-up, which stands in the audit log.
    #[serde(default = "yes")]
    vehicles: bool,
}

const fn yes() -> bool {
    true
}

/// What a token lets a client see, and for how long.
struct Grant {
    token: String,
    user: UserId,
    username: String,
    sees: Sees,
    ends_in: Duration,
}

enum Sees {
    All,
    These(BTreeSet<JunctionId>),
}

impl Sees {
    fn contains(&self, junction: JunctionId) -> bool {
        match self {
            Self::All => true,
            Self::These(junctions) => junctions.contains(&junction),
        }
    }
}

type Sender = SplitSink<WebSocket, Message>;

async fn serve(
    app: App,
    only: Option<JunctionId>,
    address: ClientAddress,
    socket: WebSocket,
    mut guest: Guest,
) {
    let _counted = app.metrics.live_client();
    let (mut sender, receiver) = socket.split();
    let close = tokio::select! {
        close = run(&app, only, address, &mut sender, receiver, &mut guest) => close,
        () = app.live.closing() => Close::Stopping,
    };
    match close {
        Close::Full => app.metrics.live_refused(LiveRefusal::Full),
        Close::Displaced => app.metrics.live_refused(LiveRefusal::Displaced),
        _ => {}
    }
    tracing::debug!(?close, "live client left");
    if let Some((code, reason)) = close.frame() {
        let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
        let _ = timeout(SEND_LIMIT, sender.send(Message::Close(Some(frame)))).await;
    }
}

async fn run(
    app: &App,
    only: Option<JunctionId>,
    address: ClientAddress,
    sender: &mut Sender,
    mut receiver: impl StreamExt<Item = Result<Message, axum::Error>> + Unpin,
    guest: &mut Guest,
) -> Close {
    let first = match timeout(SIGN_IN_LIMIT, next_token(&mut receiver)).await {
        Ok(Ok(first)) => first,
        Ok(Err(close)) => return close,
        Err(_) => return Close::NotSignedIn("Sign in with the first frame, within 5 seconds"),
    };
    // Heard from before the first look on, so that no change falls between.
    let mut rights = app.live.rights();
    let SignIn { token, beats, rights: tells_rights, vehicles } = first;
    let mut grant = match admit(app, only, token).await {
        Ok(grant) => grant,
        Err(close) => return close,
    };
    let mut seat = match sit_down(app, grant.user) {
        Ok(seat) => seat,
        Err(close) => return close,
    };
    guest.waiting = None;
    if vehicles && let Err(close) = note_look(app, only, address, &grant).await {
        return close;
    }
    // Subscribed before `ready`: whatever happens after it is heard.
    let mut events = app.live.subscribe();
    if let Err(close) = send(sender, Message::Text(Utf8Bytes::from_static(r#"{"type":"ready"}"#))).await {
        return close;
    }
    let mut expiry = pin!(sleep(grant.ends_in));
    let mut pings = interval(PING_EVERY);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pings.reset();
    let mut answered = true;
    loop {
        let outcome = tokio::select! {
            message = receiver.next() => {
                answered = true;
                match read(message) {
                    Ok(Some(next)) => match renew(app, only, grant.user, next.token).await {
                        Ok(renewed) => {
                            let is_other = renewed.user != grant.user;
                            grant = renewed;
                            expiry.set(sleep(grant.ends_in));
                            if is_other {
                                seat = match sit_down(app, grant.user) {
                                    Ok(seat) => seat,
                                    Err(close) => return close,
                                };
                            }
                            if vehicles && is_other { note_look(app, only, address, &grant).await } else { Ok(()) }
                        }
                        Err(close) => Err(close),
                    },
                    Ok(None) => Ok(()),
                    Err(close) => Err(close),
                }
            }
            event = events.recv() => match event {
                Ok(frame) => forward(sender, only, (&grant.sees, vehicles), frame).await,
                Err(RecvError::Lagged(_)) => Err(Close::Lagged),
                Err(RecvError::Closed) => Err(Close::Gone),
            },
            changed = rights.recv() => match changed {
                Ok(user) if user != grant.user => Ok(()),
                Ok(_) | Err(RecvError::Lagged(_)) => match admit(app, only, grant.token).await {
                    Ok(same) => {
                        grant = same;
                        tell(sender, tells_rights, r#"{"type":"rights"}"#).await
                    }
                    Err(close) => return close,
                },
                Err(RecvError::Closed) => Err(Close::Gone),
            },
            () = seat.lost() => Err(Close::Displaced),
            () = &mut expiry => Err(Close::NotSignedIn("The token has ended; sign in again")),
            _ = pings.tick() => {
                if !answered {
                    return Close::Gone;
                }
                answered = false;
                match admit(app, only, grant.token).await {
                    Ok(same) => {
                        grant = same;
                        beat(sender, beats).await
                    }
                    Err(close) => return close,
                }
            }
        };
        if let Err(close) = outcome {
            return close;
        }
    }
}

/// A place for a client of a user.
fn sit_down(app: &App, user: UserId) -> Result<Seat, Close> {
    app.live.seats.take(user).ok_or(Close::Full)
}

/// Asks the client whether it is there, and tells one that wants to know that the line holds.
async fn beat(sender: &mut Sender, told: bool) -> Result<(), Close> {
    send(sender, Message::Ping(axum::body::Bytes::new())).await?;
    tell(sender, told, r#"{"type":"beat"}"#).await
}

/// Sends what only clients that have asked for it get.
async fn tell(sender: &mut Sender, asked: bool, text: &'static str) -> Result<(), Close> {
    if asked { send(sender, Message::Text(Utf8Bytes::from_static(text))).await } else { Ok(()) }
}

async fn forward(
    sender: &mut Sender,
    only: Option<JunctionId>,
    (sees, vehicles): (&Sees, bool),
    frame: LiveFrame,
) -> Result<(), Close> {
    let junction = frame.event.junction;
    if only.is_some_and(|only| only != junction) || !sees.contains(junction) {
        return Ok(());
    }
    let text = if vehicles { frame.text } else { frame.anonymous() };
    send(sender, Message::Text(text)).await
}

async fn send(sender: &mut Sender, message: Message) -> Result<(), Close> {
    match timeout(SEND_LIMIT, sender.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Close::Gone),
    }
}

async fn next_token(
    receiver: &mut (impl StreamExt<Item = Result<Message, axum::Error>> + Unpin),
) -> Result<SignIn, Close> {
    loop {
        if let Some(next) = read(receiver.next().await)? {
            return Ok(next);
        }
    }
}

/// The sign-in in a message; `None` for what the protocol itself exchanges.
fn read(message: Option<Result<Message, axum::Error>>) -> Result<Option<SignIn>, Close> {
    match message {
        Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
            Ok(Request::Auth(next)) => Ok(Some(next)),
            Err(_) => Err(Close::Unexpected),
        },
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
        Some(Ok(Message::Binary(_))) => Err(Close::Unexpected),
        Some(Ok(Message::Close(_)) | Err(_)) | None => Err(Close::Gone),
    }
}

/// Notes that somebody sees from here on which vehicles pass.
async fn note_look(
    app: &App,
    only: Option<JunctionId>,
    address: ClientAddress,
    grant: &Grant,
) -> Result<(), Close> {
    let (user_id, username) = (Some(grant.user.0), Some(grant.username.clone()));
    let deed = Deed { junction: only, ..Deed::new("vehicles.watch") };
    let actor = Actor { user_id, username, address: address.0 };
    Box::pin(audit::record(&app.db, &actor, deed)).await.map_err(|error| unavailable(&error))
}

fn unavailable(error: &sqlx::Error) -> Close {
    tracing::error!(%error, "live feed: the database failed");
    Close::Unavailable
}

/// What a token lets a client see.
///
/// On the heap and only while it is asked for: what the look-ups take would else be kept for each of thousands of clients all the time.
fn admit(
    app: &App,
    only: Option<JunctionId>,
    token: String,
) -> Pin<Box<dyn Future<Output = Result<Grant, Close>> + Send + '_>> {
    Box::pin(look_up(app, only, token))
}

/// The same for a further token. It counts as a request of who is signed in: it costs the database no less.
async fn renew(app: &App, only: Option<JunctionId>, user: UserId, token: String) -> Result<Grant, Close> {
    app.auth.admit(RequestsOf::User(user), Clock.instant()).map_err(|_| Close::TooMany)?;
    admit(app, only, token).await
}

async fn look_up(app: &App, only: Option<JunctionId>, token: String) -> Result<Grant, Close> {
    let found = session_of_token(&token, app).await.map_err(|error| unavailable(&error))?;
    let Some(SignedIn { user, token_ends, .. }) = found else {
        return Err(Close::NotSignedIn("Could not validate credentials"));
    };
    let left_ms = token_ends.saturating_mul(1000).saturating_sub(Clock.now().0);
    let ends_in = Duration::from_millis(u64::try_from(left_ms).unwrap_or(0));
    let sees = if user.is_admin {
        Sees::All
    } else {
        Sees::These(
            access::granted(&app.db, user.id())
                .await
                .map_err(|error| unavailable(&error))?
                .into_iter()
                .collect(),
        )
    };
    if only.is_some_and(|only| !sees.contains(only)) {
        return Err(Close::NoAccess);
    }
    Ok(Grant { token, user: user.id(), username: user.username, sees, ends_in })
}
