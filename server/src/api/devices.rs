//! Devices: which there are and how they are, created, changed, revoked.

mod commands;
mod enrolment;

use super::body::{Body, Fields, JsonBody, PathParams};
use super::guard::{Acting, Admin, CurrentUser, may_look, operates};
use super::junctions::existing;
use super::page::Page;
use super::problem::{
    BadBody, BadPage, FieldError, NeedsAccess, NeedsAdmin, NeedsAdminAndId, NeedsUser, Problem, ProblemBody,
};
use crate::app::App;
use crate::clock::Clock;
use crate::config_differences::differences;
use crate::db::access;
use crate::db::audit::{self, Deed};
use crate::db::devices_api::{self, DeviceChange, DeviceRow, NewDevice, UnknownSender};
use crate::db::junctions;
use crate::fleet::register::{self, Created, MOST_TOKEN_HOURS, TOKEN_HOURS, TYPES};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use flextraff_common::ids::{DeviceId, JunctionId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

/// Most lanes of a device.
const MOST_LANES: usize = 32;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(unknown_senders))
        .routes(routes!(get, change, delete))
        .routes(routes!(revoke))
        .routes(routes!(at_junction))
        .merge(commands::router())
        .merge(enrolment::router())
}

/// A device and how its configuration differs from what the server plans with.
#[derive(Debug, Serialize, ToSchema)]
struct DeviceAnswer {
    #[serde(flatten)]
    device: DeviceRow,
    /// When it sent its configuration; null: not yet.
    config_at: Option<DateTime<Utc>>,
    /// What differs between the junction on the server and the device's configuration, a sentence each; null: it has sent none.
    config_differences: Option<Vec<String>>,
}

/// All devices that the user may look at, the newest first.
#[utoipa::path(get, path = "/api/devices", tag = "devices", params(Page), security(("OAuth2PasswordBearer" = [])), responses(
    (status = 200, body = [DeviceRow], headers(("Link" = String, description = "Address of the next page"))),
        NeedsUser,
        BadPage,
))]
async fn list(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    page: Page,
) -> Result<Response, Problem> {
    let only_granted = (!user.is_admin).then(|| user.id());
    let rows = devices_api::list(&app.db, only_granted, page.after()?, page.fetch()).await?;
    Ok(page.answer(rows, |device| (device.created_at, device.device_id)))
}

/// The devices of a junction, the newest first, and how the configuration of each differs from what the server plans with.
#[utoipa::path(get, path = "/api/junctions/{junction_id}/devices", tag = "devices", security(("OAuth2PasswordBearer" = [])),
    params(("junction_id" = Uuid, Path), Page),
    responses(
        (status = 200, body = [DeviceAnswer], headers(("Link" = String, description = "Address of the next page"))),
        NeedsAccess,
    ))]
async fn at_junction(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    PathParams(id): PathParams<Uuid>,
    page: Page,
) -> Result<Response, Problem> {
    let junction = JunctionId(id);
    may_look(&app, &user, junction).await?;
    existing(&app, junction).await?;
    let rows = devices_api::at(&app.db, junction, page.after()?, page.fetch()).await?;
    let rows = with_differences(&app, junction, rows).await?;
    Ok(page.answer(rows, |answer| (answer.device.created_at, answer.device.device_id)))
}

async fn with_differences(
    app: &App,
    junction: JunctionId,
    rows: Vec<DeviceRow>,
) -> Result<Vec<DeviceAnswer>, Problem> {
    let entry = junctions::entry(&app.db, junction).await?;
    let configs: BTreeMap<Uuid, (DateTime<Utc>, String)> = devices_api::configs(&app.db, junction)
        .await?
        .into_iter()
        .map(|(device, at, toml)| (device.0, (at, toml)))
        .collect();
    let answer = |device: DeviceRow| {
        let config = configs.get(&device.device_id);
        DeviceAnswer {
            config_at: config.map(|(at, _)| *at),
            config_differences: config.zip(entry.as_ref()).map(|((_, toml), entry)| differences(entry, toml)),
            device,
        }
    };
    Ok(rows.into_iter().map(answer).collect())
}

/// A device.
#[utoipa::path(get, path = "/api/devices/{device_id}", tag = "devices", security(("OAuth2PasswordBearer" = [])),
    params(("device_id" = Uuid, Path)),
    responses(
        (status = 200, body = DeviceAnswer),
        (status = 401, description = "Not signed in", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "No access to its junction", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "Device not found", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The id is no UUID", body = ProblemBody, content_type = "application/problem+json"),
    ))]
async fn get(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    PathParams(id): PathParams<Uuid>,
) -> Result<Json<DeviceAnswer>, Problem> {
    let device = known(&app, DeviceId(id)).await?;
    let junction = JunctionId(device.junction_id);
    may_look(&app, &user, junction).await?;
    let answer = with_differences(&app, junction, vec![device]).await?;
    answer.into_iter().next().map(Json).ok_or_else(not_found)
}

async fn known(app: &App, device: DeviceId) -> Result<DeviceRow, Problem> {
    let mut tx = app.db.begin().await?;
    devices_api::get(&mut tx, device).await?.ok_or_else(not_found)
}

fn not_found() -> Problem {
    Problem::not_found("Device not found")
}

/// Senders whose messages are refused because no device of that id is assigned to the junction that they name; those heard last first.
#[utoipa::path(get, path = "/api/devices/unknown", tag = "devices", params(Page), security(("OAuth2PasswordBearer" = [])), responses(
    (status = 200, body = [UnknownSender], headers(("Link" = String, description = "Address of the next page"))),
        NeedsAdmin,
        BadPage,
))]
async fn unknown_senders(State(app): State<App>, _: Admin, page: Page) -> Result<Response, Problem> {
    let rows = devices_api::unknown_senders(&app.db, page.after()?, page.fetch()).await?;
    Ok(page.answer(rows, |sender| (sender.last_at, sender.device_id)))
}

/// A device to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"junction_id": "7b0a2f4e-6d1c-4a93-9c55-3f2e8d10b6a7", "device_name": "Cabinet at the north corner", "token_hours": 24}))]
struct DeviceCreate {
    /// Where it is.
    junction_id: Uuid,
    /// Its id; absent: a new one. An unknown sender keeps the one that it has.
    device_id: Option<Uuid>,
    /// What it does: `junction` (both), `rfid_counter` or `light_controller`.
    #[schema(default = "junction", pattern = "^(junction|rfid_counter|light_controller)$", value_type = Option<String>)]
    device_type: String,
    /// Its name for people.
    #[schema(max_length = 200)]
    device_name: Option<String>,
    /// The lanes that it serves; empty: all of the junction.
    #[serde(default)]
    #[schema(max_items = 32)]
    lanes: Vec<Uuid>,
    /// For how many hours the enrolment token holds.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 720, default = 24)]
    token_hours: i32,
}

impl Body for DeviceCreate {
    fn read(fields: &mut Fields) -> Self {
        fields.require(&["junction_id"]);
        let body = Self {
            junction_id: fields.optional_parsed("junction_id", "the UUID of a junction").unwrap_or_default(),
            device_id: fields.optional_parsed("device_id", "a UUID"),
            device_type: fields.optional_line("device_type", 32).unwrap_or_else(|| TYPES[0].to_owned()),
            device_name: fields.optional_line("device_name", 200),
            lanes: fields.optional_list("lanes", MOST_LANES).unwrap_or_default(),
            token_hours: fields.whole_or("token_hours", TOKEN_HOURS, 1..=MOST_TOKEN_HOURS),
        };
        if device_type(&body.device_type).is_none() {
            fields.refuse("device_type", WRONG_TYPE);
        }
        if body.device_id.is_some_and(|id| id.is_nil()) {
            fields.refuse("device_id", "device_id is not the nil UUID");
        }
        body
    }
}

const WRONG_TYPE: &str = "device_type is junction, rfid_counter or light_controller";

/// The type of that name.
fn device_type(name: &str) -> Option<&'static str> {
    TYPES.into_iter().find(|known| *known == name)
}

/// A device that was created, or replaced.
#[derive(Debug, Serialize, ToSchema)]
struct WithToken {
    #[serde(flatten)]
    device: DeviceRow,
    /// With this the agent enrols, once; it is shown only here. Null while the broker's rights are not the server's to keep (`[mqtt]
    /// dynamic_security`): then give the device a login at the broker by hand.
    token: Option<String>,
}

/// Creates a device, and a one-time token with which it enrols.
#[utoipa::path(post, path = "/api/devices", tag = "devices", request_body = DeviceCreate, security(("OAuth2PasswordBearer" = [])),
    responses(
        (status = 201, body = WithToken),
        NeedsAdmin,
        (status = 404, description = "Junction not found", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "There is such a device", body = ProblemBody, content_type = "application/problem+json"),
        BadBody,
    ))]
async fn create(
    State(app): State<App>,
    _: Admin,
    Acting(actor): Acting,
    JsonBody(body): JsonBody<DeviceCreate>,
) -> Result<(StatusCode, Json<WithToken>), Problem> {
    let junction = JunctionId(body.junction_id);
    existing(&app, junction).await?;
    let new = NewDevice {
        device_id: DeviceId(body.device_id.unwrap_or_else(Uuid::new_v4)),
        junction_id: junction,
        device_type: device_type(&body.device_type).unwrap_or(TYPES[0]),
        device_name: body.device_name,
        lanes: body.lanes,
    };
    let hours = app.config.mqtt.dynamic_security.then_some(body.token_hours);
    match register::create(&app.db, &actor, &new, hours, Clock.utc()).await? {
        Created::Device(device, token) => {
            let token = token.map(|token| token.text().to_owned());
            Ok((StatusCode::CREATED, Json(WithToken { device: *device, token })))
        }
        Created::Taken => Err(Problem::conflict("There is a device of this id; replace it, or change it")),
        Created::ForeignLanes(lanes) => Err(foreign_lanes(lanes)),
    }
}

fn foreign_lanes(foreign: Vec<Uuid>) -> Problem {
    let error = |lane: Uuid| FieldError {
        field: "lanes".into(),
        message: format!("lane {lane} is not a lane of this junction"),
    };
    Problem::invalid(foreign.into_iter().map(error).collect())
}

/// What changes about a device; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"device_name": "Cabinet at the east corner", "maintenance": true}))]
struct DeviceUpdate {
    /// What it does: `junction` (both), `rfid_counter` or `light_controller`.
    #[schema(pattern = "^(junction|rfid_counter|light_controller)$", nullable = false)]
    device_type: Option<String>,
    /// Its name for people; null or empty takes it out.
    #[schema(max_length = 200)]
    device_name: Option<String>,
    /// The lanes that it serves; empty: all of the junction.
    #[schema(max_items = 32)]
    lanes: Option<Vec<Uuid>>,
    /// Whether somebody works at it: it then shows as `maintenance` until this is taken back, and nobody is alarmed when it or its readers fall silent.
    #[schema(nullable = false)]
    maintenance: Option<bool>,
}

impl DeviceUpdate {
    /// Whether operators may do it.
    fn is_maintenance_only(&self) -> bool {
        let Self { device_type, device_name, lanes, maintenance } = self;
        maintenance.is_some() && device_type.is_none() && device_name.is_none() && lanes.is_none()
    }
}

impl Body for DeviceUpdate {
    fn read(fields: &mut Fields) -> Self {
        let body = Self {
            device_type: fields.given("device_type").then(|| fields.line("device_type", 32)),
            device_name: fields
                .given("device_name")
                .then(|| fields.optional_line("device_name", 200).unwrap_or_default()),
            lanes: fields.optional_list("lanes", MOST_LANES),
            maintenance: fields.given("maintenance").then(|| fields.flag_or("maintenance", false)),
        };
        if body.device_type.as_deref().is_some_and(|name| device_type(name).is_none()) {
            fields.refuse("device_type", WRONG_TYPE);
        }
        body
    }
}

/// Changes name, type or lanes of a device, or says that somebody works at it. Operators of its junction may do the last, administrators everything.
#[utoipa::path(patch, path = "/api/devices/{device_id}", tag = "devices", security(("OAuth2PasswordBearer" = [])),
    params(("device_id" = Uuid, Path)), request_body = DeviceUpdate,
    responses(
        (status = 200, body = DeviceRow),
        NeedsAdminAndId,
        (status = 409, description = "The device is revoked", body = ProblemBody, content_type = "application/problem+json"),
        BadBody,
    ))]
async fn change(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    Acting(actor): Acting,
    PathParams(id): PathParams<Uuid>,
    JsonBody(body): JsonBody<DeviceUpdate>,
) -> Result<Json<DeviceRow>, Problem> {
    let device = DeviceId(id);
    let mut tx = app.db.begin().await?;
    let before = devices_api::get(&mut tx, device).await?.ok_or_else(not_found)?;
    let junction = JunctionId(before.junction_id);
    if !user.is_admin {
        operates(access::role(&mut *tx, user.id(), junction).await?)?;
        if !body.is_maintenance_only() {
            return Err(Problem::forbidden("Not enough privileges"));
        }
    }
    if body.maintenance == Some(true) && before.revoked_at.is_some() {
        return Err(Problem::conflict("The device is revoked; replace it first"));
    }
    let lanes = body.lanes.as_deref().unwrap_or_default();
    let foreign = devices_api::foreign_lanes(&mut tx, junction, lanes).await?;
    if !foreign.is_empty() {
        return Err(foreign_lanes(foreign));
    }
    let change = DeviceChange {
        device_type: body.device_type.as_deref().and_then(device_type),
        device_name: body.device_name,
        lanes: body.lanes,
        maintenance: body.maintenance,
    };
    let after = devices_api::change(&mut tx, device, &change).await?.ok_or_else(not_found)?;
    let mut detail =
        json!({"device_type": after.device_type, "device_name": after.device_name, "lanes": after.lanes});
    if let Some(maintenance) = body.maintenance {
        detail["maintenance"] = maintenance.into();
    }
    let deed = Deed::new("device.update").at(junction).to(id.to_string()).with(detail);
    audit::record(&mut *tx, &actor, deed).await?;
    tx.commit().await?;
    Ok(Json(after))
}

/// Stops listening to a device: its messages are refused from now on, and its login at the broker ends at once. It is kept, and may be replaced.
#[utoipa::path(post, path = "/api/devices/{device_id}/revoke", tag = "devices", security(("OAuth2PasswordBearer" = [])),
    params(("device_id" = Uuid, Path)), responses((status = 204, description = "Revoked"), NeedsAdminAndId))]
async fn revoke(
    State(app): State<App>,
    _: Admin,
    Acting(actor): Acting,
    PathParams(id): PathParams<Uuid>,
) -> Result<StatusCode, Problem> {
    if !register::revoke(&app.db, &actor, DeviceId(id), Clock.utc()).await? {
        return Err(not_found());
    }
    app.fleet.rights_changed(&app.mqtt).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes a device; its counts and cycles stay. From now on it is an unknown sender.
#[utoipa::path(delete, path = "/api/devices/{device_id}", tag = "devices", security(("OAuth2PasswordBearer" = [])),
    params(("device_id" = Uuid, Path)), responses((status = 204, description = "Deleted"), NeedsAdminAndId))]
async fn delete(
    State(app): State<App>,
    _: Admin,
    Acting(actor): Acting,
    PathParams(id): PathParams<Uuid>,
) -> Result<StatusCode, Problem> {
    let mut tx = app.db.begin().await?;
    let device = devices_api::get(&mut tx, DeviceId(id)).await?.ok_or_else(not_found)?;
    devices_api::delete(&mut tx, DeviceId(id)).await?;
    let deed = Deed::new("device.delete").at(JunctionId(device.junction_id)).to(id.to_string());
    // From now on nobody else knows the name.
    audit::record(&mut *tx, &actor, deed.with(json!({"device_name": device.device_name}))).await?;
    tx.commit().await?;
    app.fleet.rights_changed(&app.mqtt).await;
    Ok(StatusCode::NO_CONTENT)
}
