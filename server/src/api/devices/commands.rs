//! What a device can be asked to do.

use super::known;
use crate::api::body::{Body, Fields, JsonBody, PathParams};
use crate::api::guard::{Acting, CurrentUser, may_operate};
use crate::api::problem::{BadBody, Problem, ProblemBody};
use crate::app::App;
use crate::clock::Clock;
use crate::db::audit::{self, Deed};
use axum::Json;
use axum::extract::State;
use flextraff_common::ids::{DeviceId, JunctionId};
use flextraff_common::wire::{CommandType, Reply};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(command))
}

/// A command.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"type": "identify"}))]
struct CommandBody {
    /// `identify` (blink), `restart_reader`, `lamp_test` (only in flash or dark), `send_config`, `reload`.
    #[serde(rename = "type")]
    #[schema(pattern = "^(identify|restart_reader|lamp_test|send_config|reload)$", value_type = String)]
    kind: CommandType,
    /// Name of the reader, for `restart_reader`.
    #[schema(min_length = 1, max_length = 64, nullable = false)]
    #[expect(dead_code, reason = "it stands in the document; `kind` holds it")]
    name: Option<String>,
}

impl Body for CommandBody {
    fn read(fields: &mut Fields) -> Self {
        let reader = fields.given("name").then(|| fields.line("name", 64));
        let name = fields.text("type");
        let kind = match name.as_str() {
            "identify" => CommandType::Identify,
            "restart_reader" => {
                if reader.is_none() {
                    fields.refuse("name", "name is required");
                }
                CommandType::RestartReader { name: reader.unwrap_or_default() }
            }
            "lamp_test" => CommandType::LampTest,
            "send_config" => CommandType::SendConfig,
            "reload" => CommandType::Reload,
            _ => {
                fields.refuse("type", "type is identify, restart_reader, lamp_test, send_config or reload");
                CommandType::Identify
            }
        };
        Self { kind, name: None }
    }
}

/// What a device made of a command.
#[derive(Debug, Serialize, ToSchema)]
struct CommandAnswer {
    /// `done`, `refused`, or `unknown`: no answer came within five seconds.
    result: &'static str,
    /// Whether it was done.
    ok: bool,
    /// What came of it, or why not.
    detail: String,
}

/// Asks a device to do something and waits up to five seconds for its answer. Operators of its junction may ask for `identify` and
/// `restart_reader`, administrators for everything.
#[utoipa::path(post, path = "/api/devices/{device_id}/commands", tag = "devices", security(("OAuth2PasswordBearer" = [])),
    params(("device_id" = Uuid, Path)), request_body = CommandBody,
    responses(
        (status = 200, body = CommandAnswer),
        (status = 401, description = "Not signed in", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "Not allowed at this junction", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "Device not found", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The device is revoked", body = ProblemBody, content_type = "application/problem+json"),
        BadBody,
    ))]
async fn command(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    Acting(actor): Acting,
    PathParams(id): PathParams<Uuid>,
    JsonBody(CommandBody { kind, .. }): JsonBody<CommandBody>,
) -> Result<Json<CommandAnswer>, Problem> {
    let device = known(&app, DeviceId(id)).await?;
    let junction = JunctionId(device.junction_id);
    may_operate(&app, &user, junction).await?;
    let for_operators = matches!(kind, CommandType::Identify | CommandType::RestartReader { .. });
    if !for_operators && !user.is_admin {
        return Err(Problem::forbidden("Not enough privileges"));
    }
    if device.revoked_at.is_some() {
        return Err(Problem::conflict("The device is revoked; replace it first"));
    }
    let deed = Deed::new("device.command").at(junction).to(id.to_string());
    audit::record(&app.db, &actor, deed.with(json!(kind))).await?;
    let answer = app.fleet.command(&app.mqtt, junction, DeviceId(id), kind, Clock.now()).await;
    Ok(Json(match answer {
        Some(Reply { ok, detail, .. }) => {
            CommandAnswer { result: if ok { "done" } else { "refused" }, ok, detail }
        }
        None => CommandAnswer {
            result: "unknown",
            ok: false,
            detail: "The device has not answered within five seconds".to_owned(),
        },
    }))
}
