//! Lanes, signal groups and stages of a junction, and the file that an agent there needs.

use super::body::{Body, Fields, JsonBody, PathParams};
use super::etag::{self, Replaces, Tagged, tagged};
use super::guard::{Acting, Admin, CurrentUser, may_look};
use super::junctions::{rewrite, unknown};
use super::problem::{BadBody, NeedsAccess, NeedsAdminAndId, Outdated, Problem, ProblemBody};
use crate::agent_toml;
use crate::app::App;
use crate::db::{junctions, links};
use crate::junction_file::{GroupEntry, JunctionEntry, LaneEntry, SignalEntry, StageEntry};
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use flextraff_common::ids::{DeviceId, JunctionId, LaneId};
use flextraff_common::junction::{CompatibleSpec, Direction, IntergreenSpec};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

/// Most entries of a list in a body; validation allows fewer of most.
const MOST: usize = 1024;
/// Most pairs of groups, and most changes from one group to another: of 64 groups all of them.
const MOST_PAIRS: usize = 2048;
const MOST_INTERGREENS: usize = 4096;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(layout))
        .routes(routes!(set_lanes))
        .routes(routes!(set_stages))
        .routes(routes!(agent))
}

/// A junction with lanes, signal groups, stages, devices and what may be green together, as the junction file holds it.
#[utoipa::path(get, path = "/api/junctions/{junction_id}/layout", tag = "junctions", security(("OAuth2PasswordBearer" = [])),
    params(("junction_id" = Uuid, Path)), responses(
        (status = 200, body = JunctionEntry, headers(("ETag" = String, description = "Names its lanes, groups, stages and times"))),
        NeedsAccess,
    ))]
async fn layout(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    PathParams(id): PathParams<Uuid>,
) -> Result<Tagged<JunctionEntry>, Problem> {
    let id = JunctionId(id);
    may_look(&app, &user, id).await?;
    let entry = junctions::entry(&app.db, id).await?.ok_or_else(unknown)?;
    Ok(tagged(tag(&entry)?, entry))
}

/// Names what the editor of a layout replaces; devices come and go without it.
pub(super) fn tag(entry: &JunctionEntry) -> Result<String, Problem> {
    let JunctionEntry { lanes, groups, stages, compatible, intergreens, signal, .. } = entry;
    etag::of(&(lanes, groups, stages, compatible, intergreens, signal))
}

/// A lane; one without `lane_id` is new.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LaneBody {
    /// Its id.
    lane_id: Option<Uuid>,
    /// Its place in `lane_times`.
    #[schema(minimum = 0, maximum = 1000)]
    lane_index: i32,
    /// Its name.
    #[schema(min_length = 1, max_length = 64)]
    lane_name: String,
    /// The side that its vehicles come from: N, NE, E, SE, S, SW, W or NW.
    #[schema(value_type = Option<String>, pattern = "^(N|NE|E|SE|S|SW|W|NW)$")]
    direction_enum: Option<Direction>,
}

/// All lanes of a junction, and, when others change with them, its groups and stages.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LanesBody {
    /// All its lanes; what is left out goes, out of links too. What was counted on one before is still taken in.
    #[schema(min_items = 1, max_items = 32)]
    lanes: Vec<LaneBody>,
    // As in `StagesBody`: flattened, the document could not say that there are no other fields.
    /// Its signal groups; empty: one for each lane.
    #[schema(max_items = 64)]
    groups: Option<Vec<GroupEntry>>,
    /// Its stages, in the order in which they are served.
    #[schema(min_items = 1, max_items = 16)]
    stages: Option<Vec<StageEntry>>,
    /// Pairs of groups that may have green together, `{a, b, yield}`; empty: those of each stage.
    #[schema(value_type = Option<Vec<Object>>, max_items = 2048)]
    compatible: Option<Vec<CompatibleSpec>>,
    /// Intergreens that differ from amber plus all-red, `{from, to, seconds}`.
    #[schema(value_type = Option<Vec<Object>>, max_items = 4096)]
    intergreens: Option<Vec<IntergreenSpec>>,
    /// Times for the whole junction.
    signal: Option<SignalEntry>,
}

/// Groups, stages, and what may be green together; what is absent stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct StagesBody {
    /// Its signal groups; empty: one for each lane.
    #[schema(max_items = 64)]
    groups: Option<Vec<GroupEntry>>,
    /// Its stages, in the order in which they are served.
    #[schema(min_items = 1, max_items = 16)]
    stages: Option<Vec<StageEntry>>,
    /// Pairs of groups that may have green together, `{a, b, yield}`; empty: those of each stage.
    #[schema(value_type = Option<Vec<Object>>, max_items = 2048)]
    compatible: Option<Vec<CompatibleSpec>>,
    /// Intergreens that differ from amber plus all-red, `{from, to, seconds}`.
    #[schema(value_type = Option<Vec<Object>>, max_items = 4096)]
    intergreens: Option<Vec<IntergreenSpec>>,
    /// Times for the whole junction.
    signal: Option<SignalEntry>,
}

impl Body for LanesBody {
    fn read(fields: &mut Fields) -> Self {
        fields.require(&["lanes"]);
        let lanes = fields.optional_list("lanes", MOST).unwrap_or_default();
        let StagesBody { groups, stages, compatible, intergreens, signal } =
            StagesBody::read_optional(fields);
        Self { lanes, groups, stages, compatible, intergreens, signal }
    }
}

impl Body for StagesBody {
    fn read(fields: &mut Fields) -> Self {
        fields.require(&["stages"]);
        Self::read_optional(fields)
    }
}

impl StagesBody {
    fn read_optional(fields: &mut Fields) -> Self {
        Self {
            groups: fields.optional_list("groups", MOST),
            stages: fields.optional_list("stages", MOST),
            compatible: fields.optional_list("compatible", MOST_PAIRS),
            intergreens: fields.optional_list("intergreens", MOST_INTERGREENS),
            signal: fields.optional_object("signal"),
        }
    }

    fn apply(self, entry: &mut JunctionEntry) {
        if let Some(groups) = self.groups {
            entry.groups = groups;
        }
        if let Some(stages) = self.stages {
            entry.stages = stages;
        }
        if let Some(compatible) = self.compatible {
            entry.compatible = compatible;
        }
        if let Some(intergreens) = self.intergreens {
            entry.intergreens = intergreens;
        }
        if let Some(signal) = self.signal {
            entry.signal = signal;
        }
    }
}

/// Replaces the lanes of a junction. Groups and stages must still fit; those that do not are sent along.
#[utoipa::path(put, path = "/api/junctions/{junction_id}/lanes", tag = "junctions", security(("OAuth2PasswordBearer" = [])),
    params(("junction_id" = Uuid, Path), ("If-Match" = Option<String>, Header, max_length = 256, description = "The ETag of what this replaces; where somebody has changed it, the answer is 412")),
    request_body = LanesBody,
    responses(
        (status = 200, body = JunctionEntry, headers(("ETag" = String, description = "Names its lanes, groups, stages and times"))),
        NeedsAdminAndId,
        Outdated,
        (status = 409, description = "A lane belongs to another junction, or a device or link has no other lanes than such as would go", body = ProblemBody, content_type = "application/problem+json"),
        BadBody,
    ))]
async fn set_lanes(
    State(app): State<App>,
    _: Admin,
    Acting(actor): Acting,
    PathParams(id): PathParams<Uuid>,
    replaces: Replaces,
    JsonBody(body): JsonBody<LanesBody>,
) -> Result<Tagged<JunctionEntry>, Problem> {
    let LanesBody { lanes, groups, stages, compatible, intergreens, signal } = body;
    let stages = StagesBody { groups, stages, compatible, intergreens, signal };
    let change = |entry: &mut JunctionEntry| {
        let lane = |lane: LaneBody| LaneEntry {
            lane_id: LaneId(lane.lane_id.unwrap_or_else(Uuid::new_v4)),
            lane_index: lane.lane_index,
            lane_name: lane.lane_name,
            direction_enum: lane.direction_enum,
        };
        entry.lanes = lanes.into_iter().map(lane).collect();
        stages.apply(entry);
    };
    let now = rewrite(&app, &actor, JunctionId(id), "junction.lanes", &replaces, change).await?;
    Ok(tagged(tag(&now)?, now))
}

/// Replaces the stages of a junction, and its groups and what may be green together when they are given.
#[utoipa::path(put, path = "/api/junctions/{junction_id}/stages", tag = "junctions", security(("OAuth2PasswordBearer" = [])),
    params(("junction_id" = Uuid, Path), ("If-Match" = Option<String>, Header, max_length = 256, description = "The ETag of what this replaces; where somebody has changed it, the answer is 412")),
    request_body = StagesBody,
    responses(
        (status = 200, body = JunctionEntry, headers(("ETag" = String, description = "Names its lanes, groups, stages and times"))),
        NeedsAdminAndId,
        Outdated,
        BadBody,
    ))]
async fn set_stages(
    State(app): State<App>,
    _: Admin,
    Acting(actor): Acting,
    PathParams(id): PathParams<Uuid>,
    replaces: Replaces,
    JsonBody(body): JsonBody<StagesBody>,
) -> Result<Tagged<JunctionEntry>, Problem> {
    let change = |entry: &mut JunctionEntry| body.apply(entry);
    let now = rewrite(&app, &actor, JunctionId(id), "junction.stages", &replaces, change).await?;
    Ok(tagged(tag(&now)?, now))
}

/// For which device the file is.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ForDevice {
    /// Its id; without one the file names the junction's only device, or a place to fill in.
    device_id: Option<Uuid>,
}

/// The configuration file of an agent at this junction. Pins and readers are the technician's to fill in.
#[utoipa::path(get, path = "/api/junctions/{junction_id}/agent.toml", tag = "junctions", security(("OAuth2PasswordBearer" = [])),
    params(("junction_id" = Uuid, Path), ForDevice),
    responses(
        (status = 200, description = "agent.toml", body = String, content_type = "application/toml"),
        NeedsAdminAndId,
    ))]
async fn agent(
    State(app): State<App>,
    _: Admin,
    PathParams(id): PathParams<Uuid>,
    wanted: Result<Query<ForDevice>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let Query(wanted) = wanted.map_err(|rejection| Problem::invalid_field("query", rejection.body_text()))?;
    let id = JunctionId(id);
    let entry = junctions::entry(&app.db, id).await?.ok_or_else(unknown)?;
    let links = links::list(&app.db, Some(id)).await?;
    let device = wanted.device_id.map(DeviceId);
    if let Some(device) = device
        && entry.devices.iter().all(|own| own.device_id != device)
    {
        return Err(Problem::not_found("This junction has no such device"));
    }
    let names = junctions::lane_names(&app.db, &links).await?;
    // Where devices enrol, that writes which broker and login they have: a password file that is not there yet would keep the agent from enrolling, and
    // one beside a certificate from starting.
    let mqtt = &app.config.mqtt;
    let broker = if mqtt.dynamic_security { None } else { mqtt.device_address() };
    let text = agent_toml::text(&entry, &links, &names, device, broker.as_deref())?;
    let headers = [
        (CONTENT_TYPE, "application/toml; charset=utf-8"),
        (CONTENT_DISPOSITION, "attachment; filename=\"agent.toml\""),
    ];
    Ok((headers, text).into_response())
}
