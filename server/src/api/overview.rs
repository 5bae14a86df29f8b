//! The whole city at a glance.

use super::guard::CurrentUser;
use super::page::Page;
use super::problem::{BadPage, NeedsUser, Problem};
use crate::app::App;
use crate::clock::Clock;
use crate::db::overview::{self, OverviewRow};
use axum::extract::State;
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// The junctions that the user may look at, in the order of their names, each with what its lamps show, its queues and its open alarms.
#[utoipa::path(get, path = "/api/overview", tag = "junctions", params(Page), security(("OAuth2PasswordBearer" = [])),
    responses(
        (status = 200, body = [OverviewRow], headers(("Link" = String, description = "Address of the next page"))),
        NeedsUser,
        BadPage,
    ))]
async fn list(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    page: Page,
) -> Result<Response, Problem> {
    let only_granted = (!user.is_admin).then(|| user.id());
    let rows = overview::list(&app.db, only_granted, page.after()?, page.fetch(), Clock.utc()).await?;
    Ok(page.answer(rows, |junction| (junction.junction_name.clone(), junction.junction_id)))
}
