//! Who may see and operate which junction.

use super::body::{Body, Fields, JsonBody, PathParams};
use super::guard::{Acting, Admin, CurrentUser};
use super::junctions::existing;
use super::page::Page;
use super::problem::{BadBody, BadPage, NeedsAdminAndId, NeedsUser, Problem};
use crate::app::App;
use crate::db::access::{self, AccessRow, Role};
use crate::db::audit::{self, Deed};
use crate::db::users;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use flextraff_common::ids::{JunctionId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(own)).routes(routes!(list)).routes(routes!(get, set, remove))
}

/// What a user may do at a junction.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"role": "operator"}))]
struct Access {
    /// `observer` looks, `operator` acts as well.
    role: Role,
}

impl Body for Access {
    fn read(fields: &mut Fields) -> Self {
        let role = match fields.text("role").as_str() {
            "operator" => Role::Operator,
            "observer" => Role::Observer,
            _ => {
                fields.refuse("role", "role is observer or operator");
                Role::Observer
            }
        };
        Self { role }
    }
}

/// The junctions that the signed-in user was given access to. Administrators may do everything and need none.
#[utoipa::path(get, path = "/api/users/me/access", tag = "users", params(Page), security(("OAuth2PasswordBearer" = [])),
    responses(
        (status = 200, body = [AccessRow], headers(("Link" = String, description = "Address of the next page"))),
        NeedsUser,
        BadPage,
    ))]
async fn own(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    page: Page,
) -> Result<Response, Problem> {
    listed(&app, user.id(), &page).await
}

async fn listed(app: &App, user: UserId, page: &Page) -> Result<Response, Problem> {
    let rows = access::list(&app.db, user, page.after()?, page.fetch()).await?;
    Ok(page.answer(rows, |row| (row.junction_name.clone(), row.junction_id)))
}

/// The junctions that a user was given access to.
#[utoipa::path(get, path = "/api/users/{user_id}/access", tag = "users", security(("OAuth2PasswordBearer" = [])),
    params(("user_id" = Uuid, Path), Page),
    responses(
        (status = 200, body = [AccessRow], headers(("Link" = String, description = "Address of the next page"))),
        NeedsAdminAndId,
        BadPage,
    ))]
async fn list(
    State(app): State<App>,
    _: Admin,
    PathParams(user): PathParams<Uuid>,
    page: Page,
) -> Result<Response, Problem> {
    known_user(&app, UserId(user)).await?;
    listed(&app, UserId(user), &page).await
}

/// What a user may do at a junction.
#[utoipa::path(get, path = "/api/users/{user_id}/access/{junction_id}", tag = "users", security(("OAuth2PasswordBearer" = [])),
    params(("user_id" = Uuid, Path), ("junction_id" = Uuid, Path)),
    responses((status = 200, body = Access), NeedsAdminAndId))]
async fn get(
    State(app): State<App>,
    _: Admin,
    PathParams((user, junction)): PathParams<(Uuid, Uuid)>,
) -> Result<Json<Access>, Problem> {
    known_user(&app, UserId(user)).await?;
    existing(&app, JunctionId(junction)).await?;
    match access::role(&app.db, UserId(user), JunctionId(junction)).await? {
        Some(role) => Ok(Json(Access { role })),
        None => Err(no_access()),
    }
}

/// Gives a user access to a junction, or changes it.
#[utoipa::path(put, path = "/api/users/{user_id}/access/{junction_id}", tag = "users", security(("OAuth2PasswordBearer" = [])),
    params(("user_id" = Uuid, Path), ("junction_id" = Uuid, Path)), request_body = Access,
    responses((status = 200, body = Access), NeedsAdminAndId, BadBody))]
async fn set(
    State(app): State<App>,
    Admin(admin): Admin,
    Acting(actor): Acting,
    PathParams((user, junction)): PathParams<(Uuid, Uuid)>,
    JsonBody(body): JsonBody<Access>,
) -> Result<Json<Access>, Problem> {
    let name = known_user(&app, UserId(user)).await?;
    existing(&app, JunctionId(junction)).await?;
    let mut tx = app.db.begin().await?;
    access::grant(&mut *tx, UserId(user), JunctionId(junction), body.role, admin.id()).await?;
    let deed = Deed::new("access.grant").at(JunctionId(junction)).to(name).with(json!({"role": body.role}));
    audit::record(&mut *tx, &actor, deed).await?;
    tx.commit().await?;
    Ok(Json(body))
}

/// Takes a user's access to a junction away.
#[utoipa::path(delete, path = "/api/users/{user_id}/access/{junction_id}", tag = "users", security(("OAuth2PasswordBearer" = [])),
    params(("user_id" = Uuid, Path), ("junction_id" = Uuid, Path)),
    responses((status = 204, description = "The user has no access"), NeedsAdminAndId))]
async fn remove(
    State(app): State<App>,
    _: Admin,
    Acting(actor): Acting,
    PathParams((user, junction)): PathParams<(Uuid, Uuid)>,
) -> Result<StatusCode, Problem> {
    let name = known_user(&app, UserId(user)).await?;
    let mut tx = app.db.begin().await?;
    if !access::revoke(&mut *tx, UserId(user), JunctionId(junction)).await? {
        return Err(no_access());
    }
    audit::record(&mut *tx, &actor, Deed::new("access.revoke").at(JunctionId(junction)).to(name)).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn known_user(app: &App, id: UserId) -> Result<String, Problem> {
    let user = users::get(&app.db, id).await?.ok_or_else(|| Problem::not_found("User not found"))?;
    Ok(user.username)
}

fn no_access() -> Problem {
    Problem::not_found("The user has no access to this junction")
}
