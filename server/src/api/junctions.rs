//! Junctions: creation, the list, one of them, its lanes.

use super::body::{Body, Fields, JsonBody, PathParams};
use super::guard::{Acting, Admin, CurrentUser, may_look};
use super::page::Page;
use super::problem::{BadBody, BadPage, NeedsAccess, NeedsAdmin, NeedsUser, Problem};
use crate::app::App;
use crate::db::audit::{self, Deed};
use crate::db::junction_api::{self, JunctionRow, LaneRow, NewJunction};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use flextraff_common::ids::JunctionId;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(get)).routes(routes!(lanes))
}

/// A junction to create.
#[derive(Clone, Debug, Deserialize, ToSchema)]
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
            min_cycle_time: fields.whole_or("min_cycle_time", 30, seconds.clone()),
            max_cycle_time: fields.whole_or("max_cycle_time", 120, seconds.clone()),
            base_cycle_time: fields.whole_or("base_cycle_time", 60, seconds),
        };
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
        min_cycle_time: body.min_cycle_time,
        max_cycle_time: body.max_cycle_time,
        base_cycle_time: body.base_cycle_time,
    };
    let mut tx = app.db.begin().await?;
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
    CurrentUser(user): CurrentUser,
    page: Page,
) -> Result<Response, Problem> {
    let only_granted = (!user.is_admin).then(|| user.id());
    let rows = junction_api::list(&app.db, only_granted, page.after()?, page.fetch()).await?;
    Ok(page
        .answer("/api/junctions/", rows, |junction| (junction.junction_name.clone(), junction.junction_id)))
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
    junction_api::get(&app.db, id).await?.ok_or_else(|| Problem::not_found("Junction not found"))
}
