//! Who sends a request, and whether they may.

use super::problem::Problem;
use crate::app::App;
use crate::clock::Clock;
use crate::db::access::{self, Role};
use crate::db::users::{self, User};
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use flextraff_common::ids::JunctionId;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

const NOT_VALID: &str = "Could not validate credentials";

/// The signed-in user of a request; 401 without one.
#[derive(Clone, Debug)]
pub struct CurrentUser(pub User);

impl FromRequestParts<App> for CurrentUser {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        match user_of(&parts.headers, app).await? {
            Some(user) => Ok(Self(user)),
            None => Err(Problem::unauthorized("Not authenticated")),
        }
    }
}

/// The signed-in administrator of a request; 401 without a user, 403 with another one.
#[derive(Clone, Debug)]
pub struct Admin(pub User);

impl FromRequestParts<App> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let CurrentUser(user) = CurrentUser::from_request_parts(parts, app).await?;
        if user.is_admin { Ok(Self(user)) } else { Err(Problem::forbidden("Not enough privileges")) }
    }
}

/// The user whose token the request carries; `None` when it carries none.
pub(super) async fn user_of(headers: &HeaderMap, app: &App) -> Result<Option<User>, Problem> {
    let Some(value) = headers.get(AUTHORIZATION) else { return Ok(None) };
    let token = value.to_str().ok().and_then(bearer).ok_or_else(|| Problem::unauthorized(NOT_VALID))?;
    match user_of_token(token, app).await? {
        Some((user, _)) => Ok(Some(user)),
        None => Err(Problem::unauthorized(NOT_VALID)),
    }
}

/// The active user of a token and the seconds since 1970 at which it ends; `None` when the token is not valid.
pub async fn user_of_token(token: &str, app: &App) -> crate::db::Result<Option<(User, i64)>> {
    let Some(claims) = app.auth.verify(token, Clock.now()) else { return Ok(None) };
    Ok(users::active(&app.db, claims.sub).await?.map(|user| (user, claims.exp)))
}

/// The name of the scheme has no case (RFC 9110, 11.1).
fn bearer(value: &str) -> Option<&str> {
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
    match access::role(&app.db, user.id(), junction).await? {
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
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
        Ok(Self(client_address(peer, &parts.headers, &app.config.http.trusted_proxies)))
    }
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
