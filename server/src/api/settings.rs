//! The configuration in force, for administrators.

use super::guard::Admin;
use super::problem::{NeedsAdmin, Problem};
use crate::app::App;
use crate::config::Setting;
use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Every key of this server's configuration, with the value in force and where it comes from. Secrets are masked.
#[utoipa::path(get, path = "/api/settings", tag = "administration", security(("OAuth2PasswordBearer" = [])),
    responses((status = 200, body = [Setting]), NeedsAdmin))]
async fn list(State(app): State<App>, _: Admin) -> Result<Json<Vec<Setting>>, Problem> {
    Ok(Json(app.config.settings()))
}
