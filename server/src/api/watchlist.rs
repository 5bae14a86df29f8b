//! The vehicles that junctions look out for: ambulances, buses.

use super::body::{Body, Fields, JsonBody, PathParams, QueryParams};
use super::guard::{Acting, Admin, CurrentUser, may_look};
use super::junctions::{existing, unknown};
use super::page::Page;
use super::problem::{BadBody, BadPage, NeedsAdmin, NeedsAdminAndId, NeedsUser, Problem, ProblemBody};
use crate::app::App;
use crate::auth::random_bytes;
use crate::clock::Clock;
use crate::db::audit::{self, Deed};
use crate::db::keys;
use crate::db::watchlist::{self, NewEntry, WatchlistEntry};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Days, Utc};
use flextraff_common::epc::Epc;
use flextraff_common::ids::JunctionId;
use flextraff_common::time::UnixMs;
use flextraff_common::wire::{MAX_WATCHED, WatchedClass};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::json;
use std::collections::BTreeSet;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

/// Most junctions of one request.
const MOST_JUNCTIONS: usize = 1000;
/// Longest label, in characters.
const MOST_LABEL: usize = 200;
/// Longest that an entry may hold, days.
const MOST_DAYS: u64 = 5 * 366;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, add, remove_everywhere)).routes(routes!(remove))
}

/// Which entries are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// Those of this junction.
    junction_id: Option<Uuid>,
    /// Those whose label has this in it, in letters of either case.
    #[param(max_length = 200, pattern = "^[^\\x00]*$")]
    search: Option<String>,
}

/// Entries of the junctions that the user may look at, the newest first. Which vehicles they are is not kept.
#[utoipa::path(get, path = "/api/watchlist", tag = "devices", params(Page, Wanted), security(("OAuth2PasswordBearer" = [])),
    responses(
        (status = 200, body = [WatchlistEntry], headers(("Link" = String, description = "Address of the next page"))),
        NeedsUser,
        (status = 403, description = "No access to this junction", body = ProblemBody, content_type = "application/problem+json"),
        BadPage,
    ))]
async fn list(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    page: Page,
    QueryParams(wanted): QueryParams<Wanted>,
) -> Result<Response, Problem> {
    let search = wanted.search.as_deref();
    if search.is_some_and(|search| search.chars().count() > MOST_LABEL || search.contains('\0')) {
        return Err(Problem::invalid_field("search", "search has at most 200 characters, and no NUL"));
    }
    let junction = wanted.junction_id.map(JunctionId);
    if let Some(junction) = junction {
        may_look(&app, &user, junction).await?;
    }
    let only_granted = (!user.is_admin).then(|| user.id());
    let rows = watchlist::list(&app.db, only_granted, junction, search, page.after()?, page.fetch()).await?;
    Ok(page.answer(rows, |entry| (entry.created_at, entry.entry_id)))
}

/// A vehicle to look out for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Watch {
    /// The junctions that look out.
    #[schema(value_type = Vec<Uuid>, min_items = 1, max_items = 1000)]
    junction_ids: Vec<JunctionId>,
    /// The EPC of its tag, hex. It is not kept.
    #[serde(deserialize_with = "parsed")]
    #[schema(value_type = String, min_length = 2, max_length = 124, format = "password")]
    epc: Option<Epc>,
    /// `emergency` or `transit`.
    #[schema(value_type = String, pattern = "^(emergency|transit)$")]
    class: WatchedClass,
    /// What people call it.
    #[schema(max_length = 200)]
    label: Option<String>,
    /// From then on it is a vehicle like any other; within five years.
    valid_until: DateTime<Utc>,
}

const BAD_CLASS: &str = "class is emergency or transit";

fn class_of(text: &str) -> Option<WatchedClass> {
    match text {
        "emergency" => Some(WatchedClass::Emergency),
        "transit" => Some(WatchedClass::Transit),
        _ => None,
    }
}

/// An EPC out of its text. Bodies are read by [`Body::read`], which says what is wrong; the document tells by serde's attributes what they may hold.
fn parsed<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Epc>, D::Error> {
    String::deserialize(from)?.parse().map(Some).map_err(D::Error::custom)
}

impl Body for Watch {
    fn read(fields: &mut Fields) -> Self {
        fields.require(&["junction_ids", "epc"]);
        let junction_ids: Vec<JunctionId> =
            fields.optional_list("junction_ids", MOST_JUNCTIONS).unwrap_or_default();
        if junction_ids.is_empty() {
            fields.refuse("junction_ids", "junction_ids names at least one junction");
        }
        let epc = fields.optional_parsed::<Epc>("epc", "the EPC of a tag, hex");
        if epc.as_ref().is_some_and(|epc| epc.as_bytes().is_empty()) {
            fields.refuse("epc", "epc is the EPC of a tag, hex; a pseudonym hides it");
        }
        let class = class_of(&fields.text("class")).unwrap_or_else(|| {
            fields.refuse("class", BAD_CLASS);
            WatchedClass::Other
        });
        let label = fields.optional_line("label", MOST_LABEL);
        let until = UnixMs::parse(&fields.text("valid_until")).ok();
        let until = until.and_then(|until| DateTime::from_timestamp_millis(until.0));
        let now = Clock.utc();
        let latest = now.checked_add_days(Days::new(MOST_DAYS)).unwrap_or(now);
        if until.is_none_or(|until| until <= now || until > latest) {
            fields.refuse(
                "valid_until",
                "valid_until is a time to come within five years, such as 2027-03-31T18:30:00Z",
            );
        }
        Self { junction_ids, epc, class, label, valid_until: until.unwrap_or_default() }
    }
}

/// Lets junctions look out for a vehicle, by its tag. One that is on a list already is renewed.
#[utoipa::path(post, path = "/api/watchlist", tag = "devices", request_body = Watch, security(("OAuth2PasswordBearer" = [])),
    responses(
        (status = 201, description = "An entry for each junction", body = [WatchlistEntry]),
        NeedsAdmin,
        (status = 404, description = "Junction not found", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The list of a junction is full", body = ProblemBody, content_type = "application/problem+json"),
        BadBody,
    ))]
async fn add(
    State(app): State<App>,
    Admin(admin): Admin,
    Acting(actor): Acting,
    JsonBody(body): JsonBody<Watch>,
) -> Result<(StatusCode, Json<Vec<WatchlistEntry>>), Problem> {
    let Some(epc) = body.epc else { return Err(Problem::invalid_field("epc", "epc is required")) };
    let junctions: BTreeSet<JunctionId> = body.junction_ids.into_iter().collect();
    for junction in &junctions {
        existing(&app, *junction).await?;
    }
    let mut tx = app.db.begin().await?;
    let mut entries = Vec::new();
    for junction in &junctions {
        let key = keys::watchlist_key(&mut tx, *junction, random_bytes()?, Clock.utc()).await?;
        let new = NewEntry {
            tag: key.ok_or_else(unknown)?.tag(&epc),
            class: body.class,
            label: body.label.clone(),
            valid_until: body.valid_until,
            user: admin.user_id,
        };
        let entry = watchlist::add(&mut tx, *junction, &new).await?;
        if watchlist::count(&mut tx, *junction).await? > MAX_WATCHED as i64 {
            return Err(Problem::conflict(format!(
                "The list of junction {junction} is full: it has {MAX_WATCHED} entries"
            )));
        }
        let deed = Deed::new("watchlist.add").at(*junction).to(entry.entry_id.to_string());
        let detail = json!({"class": entry.class, "label": entry.label, "valid_until": entry.valid_until});
        audit::record(&mut *tx, &actor, deed.with(detail)).await?;
        entries.push(entry);
    }
    tx.commit().await?;
    for junction in junctions {
        app.fleet.watchlist_changed(junction);
    }
    Ok((StatusCode::CREATED, Json(entries)))
}

/// Takes an entry off its junction's list.
#[utoipa::path(delete, path = "/api/watchlist/{entry_id}", tag = "devices", security(("OAuth2PasswordBearer" = [])),
    params(("entry_id" = Uuid, Path)), responses((status = 204, description = "Taken off"), NeedsAdminAndId))]
async fn remove(
    State(app): State<App>,
    _: Admin,
    Acting(actor): Acting,
    PathParams(id): PathParams<Uuid>,
) -> Result<StatusCode, Problem> {
    let mut tx = app.db.begin().await?;
    let Some(entry) = watchlist::remove(&mut tx, id).await? else {
        return Err(Problem::not_found("There is no such entry"));
    };
    audit::record(&mut *tx, &actor, removal(&entry)).await?;
    tx.commit().await?;
    app.fleet.watchlist_changed(JunctionId(entry.junction_id));
    Ok(StatusCode::NO_CONTENT)
}

/// What is taken off everywhere.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Named {
    /// The label, exactly as the entries have it.
    #[param(min_length = 1, max_length = 200, pattern = "^[^\\x00]*$")]
    label: String,
    /// `emergency` or `transit`.
    #[param(pattern = "^(emergency|transit)$")]
    class: String,
}

/// Takes all entries of a label and class off, at whatever junction: a vehicle that is given away, or whose tag is lost, at once. Two vehicles of
/// one name go both.
#[utoipa::path(delete, path = "/api/watchlist", tag = "devices", params(Named), security(("OAuth2PasswordBearer" = [])),
    responses(
        (status = 200, description = "What was taken off", body = [WatchlistEntry]),
        NeedsAdmin,
        (status = 404, description = "There is no such entry", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "label or class are invalid", body = ProblemBody, content_type = "application/problem+json"),
    ))]
async fn remove_everywhere(
    State(app): State<App>,
    _: Admin,
    Acting(actor): Acting,
    QueryParams(named): QueryParams<Named>,
) -> Result<Json<Vec<WatchlistEntry>>, Problem> {
    if named.label.is_empty() || named.label.chars().count() > MOST_LABEL || named.label.contains('\0') {
        return Err(Problem::invalid_field("label", "label has 1 to 200 characters, and no NUL"));
    }
    let Some(class) = class_of(&named.class) else {
        return Err(Problem::invalid_field("class", BAD_CLASS));
    };
    let mut tx = app.db.begin().await?;
    let entries = watchlist::remove_everywhere(&mut tx, &named.label, class).await?;
    if entries.is_empty() {
        return Err(Problem::not_found("There is no such entry"));
    }
    for entry in &entries {
        audit::record(&mut *tx, &actor, removal(entry)).await?;
    }
    tx.commit().await?;
    let junctions: BTreeSet<JunctionId> = entries.iter().map(|entry| JunctionId(entry.junction_id)).collect();
    for junction in junctions {
        app.fleet.watchlist_changed(junction);
    }
    Ok(Json(entries))
}

fn removal(entry: &WatchlistEntry) -> Deed {
    let deed = Deed::new("watchlist.remove").at(JunctionId(entry.junction_id)).to(entry.entry_id.to_string());
    deed.with(json!({"class": entry.class, "label": entry.label}))
}
