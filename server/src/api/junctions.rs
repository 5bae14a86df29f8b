//! Junctions: creation, the list, one of them, its lanes.

use super::body::{Body, Fields, JsonBody, PathParams};
use super::etag::{self, Replaces};
use super::guard::{Acting, Admin, CurrentUser, SignedIn, may_look};
use super::layout;
use super::page::Page;
use super::problem::{
    BadBody, BadPage, FieldError, NeedsAccess, NeedsAdmin, NeedsAdminAndId, NeedsUser, Problem, ProblemBody,
};
use crate::app::App;
use crate::db;
use crate::db::audit::{self, Actor, Deed};
use crate::db::junction_api::{self, JunctionRow, LaneRow, NewJunction};
use crate::db::schedules;
use crate::junction_file::{Broken, JunctionEntry, JunctionFile, default_time_zone};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use chrono_tz::Tz;
use flextraff_common::ids::JunctionId;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(get, change, delete))
        .routes(routes!(lanes))
}

/// A junction to create.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"junction_name": "Main Street & Oak Ave", "city": "Pune", "latitude": 18.5204, "longitude": 73.8567}))]
pub struct JunctionCreate {
    /// Name of the junction.
    #[schema(min_length = 1, max_length = 200)]
    pub junction_name: String,
    /// City it lies in.
    #[schema(min_length = 1, max_length = 200)]
    pub city: String,
    /// Degrees north (WGS 84).
    #[schema(minimum = -90, maximum = 90)]
    pub latitude: f64,
    /// Degrees east (WGS 84).
    #[schema(minimum = -180, maximum = 180)]
    pub longitude: f64,
    /// Time zone of its schedules and days, a name of the IANA database; left out: Asia/Kolkata.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 64)]
    pub time_zone: String,
    /// Shortest cycle, in seconds.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 3600, default = 30)]
    pub min_cycle_time: i32,
    /// Longest cycle, in seconds.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 3600, default = 120)]
    pub max_cycle_time: i32,
    /// Cycle without measurements, in seconds; from the shortest to the longest.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 3600, default = 60)]
    pub base_cycle_time: i32,
}

impl Body for JunctionCreate {
    fn read(fields: &mut Fields) -> Self {
        let seconds = 1..=3600;
        let body = Self {
            junction_name: fields.line("junction_name", 200),
            city: fields.line("city", 200),
            latitude: fields.number("latitude", -90.0..=90.0),
            longitude: fields.number("longitude", -180.0..=180.0),
            time_zone: if fields.given("time_zone") {
                fields.line("time_zone", 64)
            } else {
                default_time_zone()
            },
            min_cycle_time: fields.whole_or("min_cycle_time", 30, seconds.clone()),
            max_cycle_time: fields.whole_or("max_cycle_time", 120, seconds.clone()),
            base_cycle_time: fields.whole_or("base_cycle_time", 60, seconds),
        };
        if !body.time_zone.is_empty() && body.time_zone.parse::<Tz>().is_err() {
            let message = format!(
                "time_zone \"{}\" is no zone of the IANA database, such as Asia/Kolkata",
                body.time_zone
            );
            fields.refuse("time_zone", message);
        }
        let Self { min_cycle_time, max_cycle_time, base_cycle_time, .. } = body;
        if min_cycle_time > max_cycle_time {
            let message = format!("min_cycle_time {min_cycle_time} is above max_cycle_time {max_cycle_time}");
            fields.refuse("min_cycle_time", message);
        } else if !(min_cycle_time..=max_cycle_time).contains(&base_cycle_time) {
            let message = format!(
                "base_cycle_time {base_cycle_time} lies outside min_cycle_time {min_cycle_time} to max_cycle_time {max_cycle_time}"
            );
            fields.refuse("base_cycle_time", message);
        }
        body
    }
}

/// Creates a junction with the lanes N, S, E and W and one stage for each.
#[utoipa::path(post, path = "/api/junctions", tag = "junctions", request_body = JunctionCreate,
    security(("OAuth2PasswordBearer" = [])),
    responses(
        (status = 201, description = "Created", body = JunctionRow),
        NeedsAdmin,
        (status = 409, description = "The city has a junction of this name", body = ProblemBody, content_type = "application/problem+json"),
        BadBody,
    ))]
async fn create(
    State(app): State<App>,
    Admin(admin): Admin,
    Acting(actor): Acting,
    JsonBody(body): JsonBody<JunctionCreate>,
) -> Result<(StatusCode, Json<JunctionRow>), Problem> {
    let new = NewJunction {
        junction_name: body.junction_name,
        city: body.city,
        latitude: body.latitude,
        longitude: body.longitude,
        time_zone: body.time_zone,
        min_cycle_time: body.min_cycle_time,
        max_cycle_time: body.max_cycle_time,
        base_cycle_time: body.base_cycle_time,
    };
    let mut tx = app.db.begin().await?;
    if junction_api::is_taken(&mut tx, &new.junction_name, &new.city, None).await? {
        return Err(taken(&new.junction_name, &new.city));
    }
    let junction = junction_api::create(&mut tx, &new).await?;
    let deed = Deed::new("junction.create").at(JunctionId(junction.junction_id)).to(&junction.junction_name);
    audit::record(&mut *tx, &actor, deed).await?;
    tx.commit().await?;
    tracing::info!(junction_id = %junction.junction_id, user_id = %admin.user_id, "junction created");
    app.dispatch.junction_changed(JunctionId(junction.junction_id));
    Ok((StatusCode::CREATED, Json(junction)))
}

/// The junctions that the user may look at, in the order of their names.
#[utoipa::path(get, path = "/api/junctions", tag = "junctions", params(Page), security(("OAuth2PasswordBearer" = [])),
    responses(
        (status = 200, body = [JunctionRow], headers(("Link" = String, description = "Address of the next page"))),
        NeedsUser,
        BadPage,
    ))]
async fn list(
    State(app): State<App>,
    SignedIn { user, junctions, .. }: SignedIn,
    page: Page,
) -> Result<Response, Problem> {
    let only_granted = (!user.is_admin).then(|| user.id());
    let (whose, after) = (only_granted.map(|user| user.0), page.after()?);
    if let Some(page) = app.junction_pages.get(whose, page.here(), junctions) {
        return Ok(page.into_response());
    }
    let (version, rows) = junction_api::list(&app.db, only_granted, after, page.fetch()).await?;
    let written = page.write(rows, |junction| (junction.junction_name.clone(), junction.junction_id))?;
    app.junction_pages.put(whose, page.here(), version, &written);
    Ok(written.into_response())
}

/// A junction.
#[utoipa::path(get, path = "/api/junctions/{junction_id}", tag = "junctions", security(("OAuth2PasswordBearer" = [])),
    params(("junction_id" = Uuid, Path)),
    responses(
        (status = 200, body = JunctionRow),
        NeedsAccess,
    ))]
async fn get(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    PathParams(id): PathParams<Uuid>,
) -> Result<Json<JunctionRow>, Problem> {
    let id = JunctionId(id);
    may_look(&app, &user, id).await?;
    Ok(Json(existing(&app, id).await?))
}

/// What changes about a junction; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"max_cycle_time": 150, "time_zone": "Asia/Kolkata"}))]
struct JunctionChange {
    /// Name of the junction.
    #[schema(min_length = 1, max_length = 200, nullable = false)]
    junction_name: Option<String>,
    /// City it lies in.
    #[schema(min_length = 1, max_length = 200, nullable = false)]
    city: Option<String>,
    /// Degrees north (WGS 84).
    #[schema(minimum = -90, maximum = 90, nullable = false)]
    latitude: Option<f64>,
    /// Degrees east (WGS 84).
    #[schema(minimum = -180, maximum = 180, nullable = false)]
    longitude: Option<f64>,
    /// Time zone of its schedules and days, a name of the IANA database.
    #[schema(min_length = 1, max_length = 64, nullable = false)]
    time_zone: Option<String>,
    /// Shortest cycle, in seconds.
    #[schema(minimum = 1, maximum = 3600, nullable = false)]
    min_cycle_time: Option<i32>,
    /// Longest cycle, in seconds.
    #[schema(minimum = 1, maximum = 3600, nullable = false)]
    max_cycle_time: Option<i32>,
    /// Cycle without measurements, in seconds; from the shortest to the longest.
    #[schema(minimum = 1, maximum = 3600, nullable = false)]
    base_cycle_time: Option<i32>,
}

impl Body for JunctionChange {
    fn read(fields: &mut Fields) -> Self {
        let cycle =
            |name: &str, fields: &mut Fields| fields.given(name).then(|| fields.whole_or(name, 0, 1..=3600));
        Self {
            min_cycle_time: cycle("min_cycle_time", fields),
            max_cycle_time: cycle("max_cycle_time", fields),
            base_cycle_time: cycle("base_cycle_time", fields),
            junction_name: fields.given("junction_name").then(|| fields.line("junction_name", 200)),
            city: fields.given("city").then(|| fields.line("city", 200)),
            latitude: fields.given("latitude").then(|| fields.number("latitude", -90.0..=90.0)),
            longitude: fields.given("longitude").then(|| fields.number("longitude", -180.0..=180.0)),
            time_zone: fields.given("time_zone").then(|| fields.line("time_zone", 64)),
        }
    }
}

impl JunctionChange {
    fn apply(self, entry: &mut JunctionEntry) {
        fn set<T>(field: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *field = value;
            }
        }
        set(&mut entry.junction_name, self.junction_name);
        set(&mut entry.city, self.city);
        set(&mut entry.latitude, self.latitude);
        set(&mut entry.longitude, self.longitude);
        set(&mut entry.time_zone, self.time_zone);
        set(&mut entry.min_cycle_time, self.min_cycle_time);
        set(&mut entry.max_cycle_time, self.max_cycle_time);
        set(&mut entry.base_cycle_time, self.base_cycle_time);
    }
}

/// Changes name, place, time zone or cycle times of a junction.
#[utoipa::path(patch, path = "/api/junctions/{junction_id}", tag = "junctions", security(("OAuth2PasswordBearer" = [])),
    params(("junction_id" = Uuid, Path)), request_body = JunctionChange,
    responses(
        (status = 200, body = JunctionRow),
        NeedsAdminAndId,
        (status = 409, description = "The city has another junction of this name", body = ProblemBody, content_type = "application/problem+json"),
        BadBody,
    ))]
async fn change(
    State(app): State<App>,
    _: Admin,
    Acting(actor): Acting,
    PathParams(id): PathParams<Uuid>,
    JsonBody(body): JsonBody<JunctionChange>,
) -> Result<Json<JunctionRow>, Problem> {
    let id = JunctionId(id);
    rewrite(&app, &actor, id, "junction.update", &Replaces::default(), |entry| body.apply(entry)).await?;
    Ok(Json(existing(&app, id).await?))
}

/// Changes a junction under a lock, checks it as a whole and writes the new values down.
pub(super) async fn rewrite(
    app: &App,
    actor: &Actor,
    id: JunctionId,
    action: &'static str,
    replaces: &Replaces,
    change: impl FnOnce(&mut JunctionEntry) + Send,
) -> Result<JunctionEntry, Problem> {
    let mut tx = app.db.begin().await?;
    let before = db::junctions::lock(&mut tx, id).await?.ok_or_else(unknown)?;
    if !replaces.is(&layout::tag(&before)?) {
        tx.rollback().await?;
        let zone = schedules::time_zone(&app.db, id).await?;
        return Err(etag::outdated(app, id, zone, &["junction.lanes", "junction.stages"]).await?);
    }
    let mut entry = before.clone();
    change(&mut entry);
    let file = JunctionFile { junctions: vec![entry], links: Vec::new() };
    let problems = file.problems();
    if !problems.is_empty() {
        let error = |broken: Broken| FieldError { field: broken.field.into(), message: broken.sentence };
        return Err(Problem::invalid(problems.into_iter().map(error).collect()));
    }
    let Some(entry) = file.junctions.into_iter().next() else { return Err(unknown()) };
    let is_renamed = (&entry.junction_name, &entry.city) != (&before.junction_name, &before.city);
    if is_renamed && junction_api::is_taken(&mut tx, &entry.junction_name, &entry.city, Some(id)).await? {
        return Err(taken(&entry.junction_name, &entry.city));
    }
    db::junctions::store(&mut tx, &entry).await.map_err(owned)?;
    let links = db::links::forget_lanes(&mut tx, &[id.0]).await.map_err(owned)?;
    // As whoever asks next sees it.
    let entry = db::junctions::lock(&mut tx, id).await?.ok_or_else(unknown)?;
    let mut told = difference(&before, &entry)?;
    if !links.is_empty() {
        told["links"] = json!(links);
    }
    let deed = Deed::new(action).at(id).to(&entry.junction_name).with(told);
    audit::record(&mut *tx, actor, deed).await?;
    tx.commit().await?;
    app.dispatch.junction_changed(id);
    Ok(entry)
}

fn taken(name: &str, city: &str) -> Problem {
    Problem::conflict(junction_api::taken(name, city))
}

/// A lane or device that belongs elsewhere is a conflict, not a failure.
pub(super) fn owned(error: db::Error) -> Problem {
    match error {
        db::Error::Protocol(sentence) => Problem::conflict(sentence),
        error => error.into(),
    }
}

/// The fields that differ, as they are now.
fn difference(before: &JunctionEntry, after: &JunctionEntry) -> anyhow::Result<serde_json::Value> {
    let (before, mut after) = (serde_json::to_value(before)?, serde_json::to_value(after)?);
    if let Some(fields) = after.as_object_mut() {
        fields.retain(|name, value| before.get(name) != Some(value));
    }
    Ok(after)
}

/// Deletes a junction with its lanes, stages, links and devices. Its counts and cycles stay until their time is over.
#[utoipa::path(delete, path = "/api/junctions/{junction_id}", tag = "junctions", security(("OAuth2PasswordBearer" = [])),
    params(("junction_id" = Uuid, Path)), responses((status = 204, description = "Deleted"), NeedsAdminAndId))]
async fn delete(
    State(app): State<App>,
    _: Admin,
    Acting(actor): Acting,
    PathParams(id): PathParams<Uuid>,
) -> Result<StatusCode, Problem> {
    let id = JunctionId(id);
    let name = existing(&app, id).await?.junction_name;
    let mut tx = app.db.begin().await?;
    if !db::junctions::delete(&mut tx, id).await? {
        return Err(unknown());
    }
    audit::record(&mut *tx, &actor, Deed::new("junction.delete").at(id).to(name)).await?;
    tx.commit().await?;
    app.dispatch.junction_changed(id);
    Ok(StatusCode::NO_CONTENT)
}

/// The lanes of a junction; their ids stand in the topics of their counts.
#[utoipa::path(get, path = "/api/junctions/{junction_id}/lanes", tag = "junctions", security(("OAuth2PasswordBearer" = [])),
    params(("junction_id" = Uuid, Path)),
    responses(
        (status = 200, body = [LaneRow]),
        NeedsAccess,
    ))]
async fn lanes(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    PathParams(id): PathParams<Uuid>,
) -> Result<Json<Vec<LaneRow>>, Problem> {
    let id = JunctionId(id);
    may_look(&app, &user, id).await?;
    existing(&app, id).await?;
    Ok(Json(junction_api::lanes(&app.db, id).await?))
}

/// The junction of an id.
///
/// # Errors
/// 404.
pub async fn existing(app: &App, id: JunctionId) -> Result<JunctionRow, Problem> {
    junction_api::get(&app.db, id).await?.ok_or_else(unknown)
}

pub(super) fn unknown() -> Problem {
    Problem::not_found("Junction not found")
}
