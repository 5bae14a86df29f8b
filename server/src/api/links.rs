//! Which junction is reached from which, and the whole city as one file.

use super::body::{Body, Fields, JsonBody, JsonBytes, PathParams};
use super::guard::{Acting, Admin, CurrentUser};
use super::junctions::{owned, unknown};
use super::page::Page;
use super::problem::{
    BadBody, BadPage, FieldError, NeedsAdmin, NeedsAdminAndId, NeedsUser, Problem, ProblemBody,
};
use crate::app::App;
use crate::cmd::junction::import_deed;
use crate::db::audit::{self, Deed};
use crate::db::{junctions, links};
use crate::junction_file::{Broken, JunctionFile, LinkEntry, Part};
use axum::Json;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_DISPOSITION;
use axum::response::{IntoResponse, Response};
use flextraff_common::ids::{JunctionId, LaneId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

/// Largest junction file in a request, bytes.
const LARGEST_FILE: usize = 16 * 1024 * 1024;
/// Most lanes at one end.
const MOST_LANES: usize = 32;

pub(super) fn router() -> OpenApiRouter<App> {
    let import = OpenApiRouter::new().routes(routes!(import)).layer(DefaultBodyLimit::max(LARGEST_FILE));
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(set, remove))
        .routes(routes!(export))
        .merge(import)
}

/// The links of the junctions that the user may look at.
#[utoipa::path(get, path = "/api/links", tag = "junctions", params(Page), security(("OAuth2PasswordBearer" = [])),
    responses(
        (status = 200, body = [LinkEntry], headers(("Link" = String, description = "Address of the next page"))),
        NeedsUser,
        BadPage,
    ))]
async fn list(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    page: Page,
) -> Result<Response, Problem> {
    let only_granted = (!user.is_admin).then(|| user.id());
    let rows = links::page(&app.db, only_granted, page.after()?, page.fetch()).await?;
    Ok(page.answer(rows, |link| (link.from_junction.0, link.to_junction.0)))
}

/// A way from one junction to the next.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"distance_m": 420.0, "free_flow_s": 35.0}))]
struct LinkBody {
    /// Lanes at its start whose vehicles take it; empty: not known.
    #[serde(default)]
    #[schema(value_type = Vec<Uuid>, max_items = 32)]
    from_lanes: Vec<LaneId>,
    /// Lanes on which it ends; empty: not known.
    #[serde(default)]
    #[schema(value_type = Vec<Uuid>, max_items = 32)]
    to_lanes: Vec<LaneId>,
    /// From stop line to stop line, metres.
    #[schema(exclusive_minimum = 0, maximum = 100_000)]
    distance_m: f64,
    /// Travel time without waiting, seconds.
    #[schema(exclusive_minimum = 0, maximum = 7200)]
    free_flow_s: f64,
}

impl Body for LinkBody {
    fn read(fields: &mut Fields) -> Self {
        Self {
            from_lanes: fields.optional_list("from_lanes", MOST_LANES).unwrap_or_default(),
            to_lanes: fields.optional_list("to_lanes", MOST_LANES).unwrap_or_default(),
            distance_m: fields.number("distance_m", f64::MIN_POSITIVE..=100_000.0),
            free_flow_s: fields.number("free_flow_s", f64::MIN_POSITIVE..=7200.0),
        }
    }
}

/// Creates a link, or replaces the one between these junctions.
#[utoipa::path(put, path = "/api/links/{from_junction}/{to_junction}", tag = "junctions", security(("OAuth2PasswordBearer" = [])),
    params(("from_junction" = Uuid, Path), ("to_junction" = Uuid, Path)), request_body = LinkBody,
    responses((status = 200, body = LinkEntry), NeedsAdminAndId, BadBody))]
async fn set(
    State(app): State<App>,
    _: Admin,
    Acting(actor): Acting,
    PathParams((from, to)): PathParams<(Uuid, Uuid)>,
    JsonBody(body): JsonBody<LinkBody>,
) -> Result<Json<LinkEntry>, Problem> {
    let (from, to) = (JunctionId(from), JunctionId(to));
    let mut tx = app.db.begin().await?;
    // Their lanes stay until the link is stored; whoever locks several takes them in this order.
    let mut entries = Vec::new();
    for id in [from.min(to), from.max(to)] {
        entries.push(junctions::lock(&mut tx, id).await?.ok_or_else(unknown)?);
    }
    let link = LinkEntry {
        from_junction: from,
        from_lanes: body.from_lanes,
        to_junction: to,
        to_lanes: body.to_lanes,
        distance_m: body.distance_m,
        free_flow_s: body.free_flow_s,
    };
    // What is wrong with the junctions themselves is not this one's to mend.
    let mut broken = JunctionFile { junctions: entries, links: vec![link.clone()] }.problems();
    broken.retain(|broken| matches!(broken.part, Part::Link(_)));
    check(broken, |broken| broken.field.to_owned())?;
    links::store(&mut *tx, &link).await?;
    let deed = Deed::new("link.update").at(from).to(to.to_string()).with(json!(link));
    audit::record(&mut *tx, &actor, deed).await?;
    tx.commit().await?;
    Ok(Json(link))
}

/// Deletes a link.
#[utoipa::path(delete, path = "/api/links/{from_junction}/{to_junction}", tag = "junctions", security(("OAuth2PasswordBearer" = [])),
    params(("from_junction" = Uuid, Path), ("to_junction" = Uuid, Path)),
    responses((status = 204, description = "Deleted"), NeedsAdminAndId))]
async fn remove(
    State(app): State<App>,
    _: Admin,
    Acting(actor): Acting,
    PathParams((from, to)): PathParams<(Uuid, Uuid)>,
) -> Result<StatusCode, Problem> {
    let mut tx = app.db.begin().await?;
    if !links::delete(&mut *tx, JunctionId(from), JunctionId(to)).await? {
        return Err(Problem::not_found("There is no such link"));
    }
    audit::record(&mut *tx, &actor, Deed::new("link.delete").at(JunctionId(from)).to(to.to_string())).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// All junctions with lanes, stages, devices and links, as one file.
#[utoipa::path(get, path = "/api/junctions/export", tag = "junctions", security(("OAuth2PasswordBearer" = [])),
    responses((status = 200, body = JunctionFile), NeedsAdmin))]
async fn export(State(app): State<App>, _: Admin) -> Result<Response, Problem> {
    let file = junctions::export(&app.db).await?;
    Ok(([(CONTENT_DISPOSITION, "attachment; filename=\"junctions.json\"")], Json(file)).into_response())
}

/// What an import brought.
#[derive(Serialize, ToSchema)]
struct Imported {
    /// Junctions that were created or replaced.
    junctions: usize,
    /// Links between them.
    links: usize,
}

/// Creates or replaces the junctions of a file; others stay as they are. All of it or nothing.
#[utoipa::path(post, path = "/api/junctions/import", tag = "junctions", request_body = JunctionFile,
    security(("OAuth2PasswordBearer" = [])),
    responses(
        (status = 200, body = Imported),
        NeedsAdmin,
        (status = 409, description = "A lane or device belongs to a junction that is not in the file, a city would have two junctions of a name, or a link to another junction has no other lanes than such as would go", body = ProblemBody,
            content_type = "application/problem+json"),
        BadBody,
    ))]
async fn import(
    State(app): State<App>,
    _: Admin,
    Acting(actor): Acting,
    JsonBytes(body): JsonBytes<LARGEST_FILE>,
) -> Result<Json<Imported>, Problem> {
    let file: JunctionFile = serde_json::from_slice(&body)
        .map_err(|error| Problem::invalid_field("body", format!("This is no junction file: {error}")))?;
    check(file.problems(), Broken::path)?;
    let mut tx = app.db.begin().await?;
    let changed = junctions::import(&mut tx, &file).await.map_err(owned)?;
    audit::record(&mut *tx, &actor, import_deed(&file, &changed)).await?;
    tx.commit().await?;
    for junction in &file.junctions {
        app.dispatch.junction_changed(junction.junction_id);
    }
    Ok(Json(Imported { junctions: file.junctions.len(), links: file.links.len() }))
}

/// 422 with every rule that is broken.
fn check(broken: Vec<Broken>, field: impl Fn(&Broken) -> String) -> Result<(), Problem> {
    if broken.is_empty() {
        return Ok(());
    }
    let error = |broken: Broken| FieldError { field: field(&broken), message: broken.sentence };
    Err(Problem::invalid(broken.into_iter().map(error).collect()))
}
