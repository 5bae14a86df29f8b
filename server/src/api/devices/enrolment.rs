//! How a machine becomes a device: it shows a one-time token and gets its login at the broker, a password or a certificate.

use super::{WithToken, not_found};
use crate::api::body::{Body, Fields, JsonBody, PathParams};
use crate::api::guard::{Acting, Admin};
use crate::api::problem::{BadBody, NeedsAdminAndId, Problem, ProblemBody};
use crate::app::App;
use crate::auth::{Attempt, EnrolmentToken};
use crate::authority::{Authority, Request, Serial, user_name};
use crate::clock::Clock;
use crate::db::audit::{self, Deed};
use crate::db::enrolment;
use crate::fleet::register::{self, MOST_TOKEN_HOURS, TOKEN_HOURS};
use anyhow::Context as _;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use flextraff_common::ids::DeviceId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

/// The name under which attempts to enrol are counted; nobody's user name has a colon.
const THROTTLED_AS: &str = "device:enrolment";

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(replace)).routes(routes!(enroll))
}

/// For how long the token holds.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"token_hours": 24}))]
struct Replace {
    /// Hours.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 720, default = 24)]
    token_hours: i32,
}

impl Body for Replace {
    fn read(fields: &mut Fields) -> Self {
        Self { token_hours: fields.whole_or("token_hours", TOKEN_HOURS, 1..=MOST_TOKEN_HOURS) }
    }
}

/// Gives a device another machine or another card: a new token for the same id. The login that it had ends at once; what the old machine sent
/// before is counted, once.
#[utoipa::path(post, path = "/api/devices/{device_id}/replace", tag = "devices", security(("OAuth2PasswordBearer" = [])),
    params(("device_id" = Uuid, Path)), request_body = Replace,
    responses(
        (status = 200, body = WithToken),
        NeedsAdminAndId,
        (status = 409, description = "The broker's rights are kept by hand", body = ProblemBody, content_type = "application/problem+json"),
        BadBody,
    ))]
async fn replace(
    State(app): State<App>,
    _: Admin,
    Acting(actor): Acting,
    PathParams(id): PathParams<Uuid>,
    JsonBody(body): JsonBody<Replace>,
) -> Result<Json<WithToken>, Problem> {
    let device = DeviceId(id);
    if !app.config.mqtt.dynamic_security {
        return Err(Problem::conflict(
            "The server does not keep the broker's logins ([mqtt] dynamic_security): give the device a new password there",
        ));
    }
    let replaced = register::replace(&app.db, &actor, device, body.token_hours, Clock.utc()).await?;
    let (row, token) = replaced.ok_or_else(not_found)?;
    app.fleet.rights_changed(&app.mqtt).await;
    Ok(Json(WithToken { device: row, token: Some(token.text().to_owned()) }))
}

/// A token to spend.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Enroll {
    /// The token that creation or replacement of the device has shown.
    #[schema(min_length = 64, max_length = 64, format = "password")]
    token: String,
    /// A request for a certificate (PKCS #10) in PEM, whose key is one on P-256; left out: a password is wanted. Of the request only the key counts.
    #[schema(max_length = 4096)]
    csr: Option<String>,
}

impl Body for Enroll {
    fn read(fields: &mut Fields) -> Self {
        Self { token: fields.text("token"), csr: fields.has("csr").then(|| fields.text("csr")) }
    }
}

/// What a device needs to connect; shown once.
#[derive(Serialize, ToSchema)]
struct Credentials {
    /// Its id, for `[device] id`.
    device_id: Uuid,
    /// Its junction, for `[junction] id`.
    junction_id: Uuid,
    /// The broker.
    mqtt: BrokerLogin,
    /// Where a certificate was asked for: the certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<Certificate>,
    /// Certificates that vouch for the broker, where they are not those of every system.
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_pem: Option<String>,
    /// Whether the broker lets it in already; else it does when the server next reaches it.
    active: bool,
}

/// Login at the broker.
#[derive(Serialize, ToSchema)]
struct BrokerLogin {
    /// Address.
    url: String,
    /// User name: the id of the device, and with a certificate its serial number behind it; the certificate says it by itself.
    username: String,
    /// Password; none where there is a certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

/// The certificate of a device.
#[derive(Serialize, ToSchema)]
struct Certificate {
    /// The certificate, PEM.
    pem: String,
    /// Its serial number, in hex.
    serial: String,
    /// Until when it holds.
    until: DateTime<Utc>,
}

/// What a certificate is issued from.
struct Wanted {
    request: Request,
    authority: Authority,
    serial: Serial,
}

impl Wanted {
    /// Everything that can be wrong is found here, before the token is spent.
    fn read(csr: &str, app: &App) -> Result<Self, Problem> {
        let authority = Authority::open(&app.config.devices)?.ok_or_else(|| {
            Problem::conflict(
                "The server issues no certificates ([devices] ca_cert_file; flextraff-server device ca): enrol for a password",
            )
        })?;
        let request = Request::read(csr).map_err(|error| Problem::invalid_field("csr", error.to_string()))?;
        Ok(Self { request, authority, serial: Serial::random()? })
    }
}

/// Spends a token of a device for its login at the broker: a password, or a certificate. Nobody needs to be signed in; a token works once.
#[utoipa::path(post, path = "/api/devices/enroll", tag = "devices", request_body = Enroll, security(()),
    responses(
        (status = 200, body = Credentials),
        (status = 401, description = "No device waits for this token", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The broker's logins are kept by hand, or the server issues no certificates", body = ProblemBody, content_type = "application/problem+json"),
        BadBody,
        (status = 429, description = "Too many attempts", body = ProblemBody, content_type = "application/problem+json"),
    ))]
async fn enroll(
    State(app): State<App>,
    Acting(actor): Acting,
    JsonBody(Enroll { token, csr }): JsonBody<Enroll>,
) -> Result<Json<Credentials>, Problem> {
    // Who guesses from one address is stopped; many addresses at once hold up nobody, because nobody guesses 256 bits.
    if let Attempt::Refused { retry_after_s } = app.auth.attempt(THROTTLED_AS, actor.address, Clock.instant())
    {
        let detail = "Too many attempts to enrol; wait before the next";
        return Err(Problem::retry(StatusCode::TOO_MANY_REQUESTS, detail, retry_after_s));
    }
    let url = address(&app, csr.is_some())?;
    let wanted = csr.map(|csr| Wanted::read(&csr, &app)).transpose()?;
    let ca_pem = app
        .config
        .mqtt
        .ca_file
        .as_ref()
        .map(|path| {
            std::fs::read_to_string(path).with_context(|| format!("[mqtt] ca_file {}", path.display()))
        })
        .transpose()?;
    let password = EnrolmentToken::random()?;
    let now = Clock.utc();
    let mut tx = app.db.begin().await?;
    let spent = match EnrolmentToken::read(&token) {
        Some(token) => enrolment::spend_token(&mut tx, &token.hash(), now).await?,
        None => None,
    };
    let Some((device, junction)) = spent else {
        // Given back first: whoever holds one connection and waits for another holds up all who do so.
        tx.rollback().await?;
        audit::refuse(&app.db, &actor, Deed::new("device.enroll.refuse")).await?;
        return Err(Problem::unauthorized(
            "No device waits for this token: it was used before, or its time is over",
        ));
    };
    let certificate = wanted
        .map(|Wanted { request, authority, serial }| {
            let days = app.config.devices.certificate_days;
            let issued = authority.issue(&request, device, &serial, days, now)?;
            let serial = serial.text().to_owned();
            anyhow::Ok(Certificate { pem: issued.certificate, serial, until: issued.not_after })
        })
        .transpose()?;
    let shown = certificate.as_ref().map(|given| (given.serial.as_str(), given.until));
    enrolment::set_login(&mut tx, device, password.text(), shown, now).await?;
    let mut deed = Deed::new("device.enroll").at(junction).to(device.to_string());
    if let Some((serial, until)) = shown {
        deed = deed.with(json!({"certificate": serial, "certificate_until": until}));
    }
    audit::record(&mut *tx, &actor, deed).await?;
    tx.commit().await?;
    app.auth.signed_in(THROTTLED_AS, actor.address);
    let active = app.fleet.rights_changed(&app.mqtt).await;
    let mqtt = match &certificate {
        Some(given) => BrokerLogin { url, username: user_name(device, &given.serial), password: None },
        None => BrokerLogin { url, username: device.to_string(), password: Some(password.text().to_owned()) },
    };
    Ok(Json(Credentials { device_id: device.0, junction_id: junction.0, mqtt, certificate, ca_pem, active }))
}

/// Where devices reach the broker.
fn address(app: &App, with_certificate: bool) -> Result<String, Problem> {
    let (mqtt, devices) = (&app.config.mqtt, &app.config.devices);
    let Some(url) = mqtt.device_address().filter(|_| mqtt.dynamic_security) else {
        return Err(Problem::conflict(
            "The server does not keep the broker's logins ([mqtt] url and dynamic_security): give the device one there",
        ));
    };
    if !with_certificate {
        return Ok(url);
    }
    let url = devices.certificate_url.clone().unwrap_or(url);
    if !url.starts_with("mqtts://") {
        return Err(Problem::conflict(
            "The broker's address for devices does not encrypt, so nobody can show a certificate there: set [devices] certificate_url to mqtts://…",
        ));
    }
    Ok(url)
}
