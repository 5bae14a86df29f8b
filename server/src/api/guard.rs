//! Who sends a request, and whether they may.

use super::problem::Problem;
use crate::app::App;
use crate::clock::Clock;
use crate::db::access::{self, Role};
use crate::db::audit::Actor;
use crate::db::sessions;
use crate::db::users::User;
use crate::live::origin;
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use flextraff_common::ids::JunctionId;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use uuid::Uuid;

const NOT_VALID: &str = "Could not validate credentials";

/// The signed-in user of a request; 401 without one.
#[derive(Clone, Debug)]
pub struct CurrentUser(pub User);

impl FromRequestParts<App> for CurrentUser {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Ok(Self(signed_in(parts, app).await?.user))
    }
}

/// The signed-in administrator of a request; 401 without a user, 403 with another one.
#[derive(Clone, Debug)]
pub struct Admin(pub User);

impl FromRequestParts<App> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let user = signed_in(parts, app).await?.user;
        if user.is_admin { Ok(Self(user)) } else { Err(Problem::forbidden("Not enough privileges")) }
    }
}

/// The session of a request; 401 without one.
#[derive(Clone, Copy, Debug)]
pub struct CurrentSession(pub Uuid);

impl FromRequestParts<App> for CurrentSession {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Ok(Self(signed_in(parts, app).await?.session))
    }
}

impl FromRequestParts<App> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        signed_in(parts, app).await
    }
}

/// Who acts, for the audit log; nobody when the request carries no token.
#[derive(Clone, Debug)]
pub struct Acting(pub Actor);

impl FromRequestParts<App> for Acting {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let ClientAddress(address) = ClientAddress::of(parts, app);
        let signed = session_of(parts, app).await?;
        let (user_id, username) = signed.map(|signed| (signed.user.user_id, signed.user.username)).unzip();
        Ok(Self(Actor { user_id, username, address }))
    }
}

/// A user and the session whose token is presented.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The user.
    pub user: User,
    /// The session.
    pub session: Uuid,
    /// Seconds since 1970 at which the token ends.
    pub token_ends: i64,
    /// Version of the list of junctions when the session was looked up.
    pub junctions: Uuid,
}

async fn signed_in(parts: &mut Parts, app: &App) -> Result<SignedIn, Problem> {
    session_of(parts, app).await?.ok_or_else(|| Problem::unauthorized("Not authenticated"))
}

/// The session whose token the request carries, looked up once a request; `None` when it carries none.
pub(super) async fn session_of(parts: &mut Parts, app: &App) -> Result<Option<SignedIn>, Problem> {
    if let Some(known) = parts.extensions.get::<SignedIn>() {
        return Ok(Some(known.clone()));
    }
    let Some(value) = parts.headers.get(AUTHORIZATION) else { return Ok(None) };
    let token = value.to_str().ok().and_then(bearer).ok_or_else(|| Problem::unauthorized(NOT_VALID))?;
    let signed = session_of_token(token, app).await?.ok_or_else(|| Problem::unauthorized(NOT_VALID))?;
    parts.extensions.insert(signed.clone());
    Ok(Some(signed))
}

/// The session of a token, when neither has ended and the user is active.
///
/// # Errors
/// When the database fails.
pub async fn session_of_token(token: &str, app: &App) -> crate::db::Result<Option<SignedIn>> {
    let Some(claims) = app.auth.verify(token, Clock.now()) else { return Ok(None) };
    let mut connection = app.ready.take(Clock.instant()).await?;
    let found = sessions::user_of(&mut *connection, claims.sid, Clock.utc()).await?;
    app.ready.give(connection, Clock.instant());
    let found = found.filter(|(user, _)| user.id() == claims.sub);
    Ok(found.map(|(user, junctions)| SignedIn {
        user,
        session: claims.sid,
        token_ends: claims.exp,
        junctions,
    }))
}

/// The name of the scheme has no case (RFC 9110, 11.1).
pub(super) fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Lets administrators and those with any grant look at a junction.
///
/// # Errors
/// 403.
pub async fn may_look(app: &App, user: &User, junction: JunctionId) -> Result<(), Problem> {
    if user.is_admin || access::role(&app.db, user.id(), junction).await?.is_some() {
        return Ok(());
    }
    Err(Problem::forbidden("No access to this junction"))
}

/// Lets administrators and its operators act at a junction.
///
/// # Errors
/// 403.
pub async fn may_operate(app: &App, user: &User, junction: JunctionId) -> Result<(), Problem> {
    if user.is_admin {
        return Ok(());
    }
    operates(access::role(&app.db, user.id(), junction).await?)
}

/// Lets the operators of a junction act there.
///
/// # Errors
/// 403.
pub fn operates(role: Option<Role>) -> Result<(), Problem> {
    match role {
        Some(Role::Operator) => Ok(()),
        Some(Role::Observer) => Err(Problem::forbidden("Not enough privileges")),
        None => Err(Problem::forbidden("No access to this junction")),
    }
}

/// Address of the client: of the connection, or what a trusted proxy says of it; `None` without a network connection.
#[derive(Clone, Copy, Debug)]
pub struct ClientAddress(pub Option<IpAddr>);

impl FromRequestParts<App> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self::of(parts, app))
    }
}

impl ClientAddress {
    pub(super) fn of(parts: &Parts, app: &App) -> Self {
        let peer = peer(parts);
        Self(client_address(peer, &parts.headers, &app.config.http.trusted_proxies))
    }
}

/// Whether the client's connection is encrypted, by this server or by a trusted proxy.
#[derive(Clone, Copy, Debug)]
pub struct Encrypted(pub bool);

impl FromRequestParts<App> for Encrypted {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self::of(parts, app))
    }
}

impl Encrypted {
    pub(super) fn of(parts: &Parts, app: &App) -> Self {
        let http = &app.config.http;
        let by_proxy = peer(parts).is_some_and(|peer| http.trusted_proxies.contains(&peer))
            && parts.headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
        Self(http.tls_cert_file.is_some() || by_proxy)
    }
}

/// Refuses requests that pages of other origins send with the user's cookies.
#[derive(Clone, Copy, Debug)]
pub struct OwnOrigin;

impl FromRequestParts<App> for OwnOrigin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        if origin::is_allowed(&parts.headers, &app.config.http.cors_origins) {
            return Ok(Self);
        }
        Err(Problem::forbidden("Pages of this origin may not do this; see http.cors_origins"))
    }
}

fn peer(parts: &Parts) -> Option<IpAddr> {
    parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical())
}

/// The last address in `X-Forwarded-For` that is no trusted proxy; whatever stands before it is the client's own claim.
fn client_address(peer: Option<IpAddr>, headers: &HeaderMap, proxies: &[IpAddr]) -> Option<IpAddr> {
    let mut address = peer?;
    let hops: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    for hop in hops.iter().rev() {
        if !proxies.contains(&address) {
            break;
        }
        match hop.trim().parse::<IpAddr>() {
            Ok(before) => address = before.to_canonical(),
            Err(_) => break,
        }
    }
    Some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(peer: &str, forwarded: &[&'static str], proxies: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().expect("the value is a header"));
        }
        let proxies: Vec<IpAddr> = proxies.iter().filter_map(|proxy| proxy.parse().ok()).collect();
        client_address(peer.parse().ok(), &headers, &proxies).map(|address| address.to_string())
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let cases: [(&str, &[&'static str], &[&str], &str); 5] = [
            ("10.0.0.9", &[], &["10.0.0.1"], "10.0.0.9"),
            ("10.0.0.9", &["1.2.3.4"], &["10.0.0.1"], "10.0.0.9"),
            ("10.0.0.1", &["6.6.6.6, 1.2.3.4"], &["10.0.0.1"], "1.2.3.4"),
            ("10.0.0.1", &["6.6.6.6", "1.2.3.4, 10.0.0.2"], &["10.0.0.1", "10.0.0.2"], "1.2.3.4"),
            ("10.0.0.1", &["garbage"], &["10.0.0.1"], "10.0.0.1"),
        ];
        for (peer, forwarded, proxies, expected) in cases {
            assert_eq!(address(peer, forwarded, proxies).as_deref(), Some(expected), "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn the_scheme_is_bearer_in_any_case() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bearer abc"), Some("abc"));
        assert_eq!((bearer("Basic abc"), bearer("Bearer"), bearer("")), (None, None, None));
    }
}
