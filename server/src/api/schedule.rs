//! Fixed plans and limits by day and hour, and holidays.

use super::body::{Body, Fields, JsonBody, PathParams};
use super::etag::{self, Replaces, Tagged, tagged};
use super::guard::{Acting, Admin, CurrentUser, may_operate};
use super::history::looked_at;
use super::junctions::unknown;
use super::problem::{
    BadBody, FieldError, NeedsAccess, NeedsAdmin, NeedsUserAndName, NoSuchCity, Outdated, Problem,
    ProblemBody,
};
use crate::app::App;
use crate::clock::Clock;
use crate::db::audit::{self, Deed};
use crate::db::junctions;
use crate::db::logs::{self, Entry as LogEntry, Level, Type};
use crate::db::schedules::{self, Holiday, Owner};
use crate::db::users::User;
use crate::planner::schedule::{Entry, MAX_ENTRIES, Schedule, problems};
use axum::extract::State;
use chrono::{DateTime, Datelike as _, Utc};
use flextraff_common::ids::JunctionId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

/// Most holidays of a city or a junction.
const MAX_HOLIDAYS: usize = 1000;
/// Most characters of the name of a holiday, and of a city.
const MAX_NAMES: (usize, usize) = (100, 200);
/// Most cities that are named to who has meant another one.
const MOST_CITIES: i64 = 50;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get, set)).routes(routes!(get_holidays, set_holidays))
}

/// What holds by day and hour at a junction.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct ScheduleAnswer {
    /// The time zone of all its times.
    time_zone: String,
    /// Its entries, in the order in which they were given.
    entries: Vec<Entry>,
    /// Holidays of this junction.
    holidays: Vec<Holiday>,
    /// Holidays of its city.
    city_holidays: Vec<Holiday>,
    /// The entry that holds at present.
    now: Option<HoldsNow>,
}

/// An entry that holds.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct HoldsNow {
    /// Its name.
    entry: String,
    /// Until when.
    until: Option<DateTime<Utc>>,
}

/// What is to hold by day and hour; it takes the place of what held before.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"entries": [{"name": "Morning", "days": ["mon", "tue", "wed", "thu", "fri"], "from": "07:00", "to": "10:30",
    "limits": {"max_cycle_s": 100}}]}))]
struct ScheduleBody {
    /// All entries. Of one kind, plans or limits, no two may overlap on a weekday; around a holiday the one that starts later holds.
    #[schema(max_items = 100)]
    entries: Vec<Entry>,
    /// Holidays of this junction, besides those of its city; absent: they stay.
    #[schema(max_items = 1000)]
    holidays: Option<Vec<Holiday>>,
}

impl Body for ScheduleBody {
    fn read(fields: &mut Fields) -> Self {
        fields.require(&["entries"]);
        let entries = fields.optional_list("entries", MAX_ENTRIES).unwrap_or_default();
        Self { entries, holidays: read_holidays(fields) }
    }
}

fn read_holidays(fields: &mut Fields) -> Option<Vec<Holiday>> {
    let mut list: Vec<Holiday> = fields.optional_list("holidays", MAX_HOLIDAYS)?;
    list.sort();
    let most = MAX_NAMES.0;
    for holiday in &list {
        let name = &holiday.name;
        if name.trim().is_empty() || name.chars().count() > most || name.chars().any(char::is_control) {
            let date = holiday.date;
            fields.refuse(
                "holidays",
                format!("the name of {date} has 1 to {most} characters and no control characters"),
            );
        }
    }
    // With the day before and after it, as time zones have it, the year stays one of four digits.
    if let Some(far) = list.iter().find(|holiday| !(1..=9998).contains(&holiday.date.year())) {
        fields.refuse("holidays", format!("{} does not lie between the years 1 and 9998", far.date));
    }
    if let Some(twice) = list.windows(2).find(|pair| pair[0].date == pair[1].date) {
        fields.refuse("holidays", format!("{} stands twice", twice[0].date));
    }
    Some(list)
}

/// Fixed plans and limits of a junction by day and hour, its holidays, and what holds at present.
#[utoipa::path(get, path = "/api/junctions/{junction_id}/schedule", tag = "junctions", security(("OAuth2PasswordBearer" = [])),
    params(("junction_id" = Uuid, Path)), responses(
        (status = 200, body = ScheduleAnswer, headers(("ETag" = String, description = "Names its entries and holidays"))),
        NeedsAccess,
    ))]
async fn get(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    PathParams(id): PathParams<Uuid>,
) -> Result<Tagged<ScheduleAnswer>, Problem> {
    let junction = JunctionId(id);
    let city = looked_at(&app, &user, junction).await?.city;
    answer(&app, junction, &city).await
}

async fn answer(app: &App, junction: JunctionId, city: &str) -> Result<Tagged<ScheduleAnswer>, Problem> {
    let zone = schedules::time_zone(&app.db, junction).await?;
    let entries = schedules::entries(&app.db, Some(junction)).await?.remove(&junction).unwrap_or_default();
    let holidays = schedules::holidays(&app.db, Owner::Junction(junction)).await?;
    let city_holidays = schedules::holidays(&app.db, Owner::City(city)).await?;
    let dates: BTreeSet<_> = holidays.iter().chain(&city_holidays).map(|holiday| holiday.date).collect();
    let schedule = Schedule { zone, entries, holidays: dates };
    let now = schedule.at(Clock.now()).map(|holds| HoldsNow {
        entry: holds.entry.name.clone(),
        until: DateTime::from_timestamp_millis(holds.until.0),
    });
    let entries = schedule.entries;
    let tag = etag::of(&(&entries, &holidays))?;
    Ok(tagged(
        tag,
        ScheduleAnswer { time_zone: zone.name().to_owned(), entries, holidays, city_holidays, now },
    ))
}

/// Replaces the schedule of a junction; for administrators and its operators. It is checked as a whole, and every broken rule is told.
#[utoipa::path(put, path = "/api/junctions/{junction_id}/schedule", tag = "junctions", security(("OAuth2PasswordBearer" = [])),
    params(("junction_id" = Uuid, Path), ("If-Match" = Option<String>, Header, max_length = 256, description = "The ETag of what this replaces; where somebody has changed it, the answer is 412")),
    request_body = ScheduleBody,
    responses(
        (status = 200, body = ScheduleAnswer, headers(("ETag" = String, description = "Names its entries and holidays"))),
        NeedsAccess,
        Outdated,
        (status = 409, description = "The junction itself breaks rules", body = ProblemBody, content_type = "application/problem+json"),
        BadBody,
    ))]
async fn set(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    Acting(actor): Acting,
    PathParams(id): PathParams<Uuid>,
    replaces: Replaces,
    JsonBody(body): JsonBody<ScheduleBody>,
) -> Result<Tagged<ScheduleAnswer>, Problem> {
    let junction = JunctionId(id);
    may_operate(&app, &user, junction).await?;
    let mut tx = app.db.begin().await?;
    let entry = junctions::lock(&mut tx, junction).await?.ok_or_else(unknown)?;
    let stored = schedules::entries(&mut *tx, Some(junction)).await?.remove(&junction).unwrap_or_default();
    let stored = (stored, schedules::holidays(&mut *tx, Owner::Junction(junction)).await?);
    if !replaces.is(&etag::of(&stored)?) {
        tx.rollback().await?;
        let zone = schedules::time_zone(&app.db, junction).await?;
        return Err(etag::outdated(&app, junction, zone, &["junction.schedule"]).await?);
    }
    let built = entry.build().map_err(|broken| Problem::conflict(broken.join("; ")))?;
    let broken = problems(&body.entries, &built, entry.limits());
    if !broken.is_empty() {
        let error = |message: String| FieldError { field: "entries".into(), message };
        return Err(Problem::invalid(broken.into_iter().map(error).collect()));
    }
    schedules::set_entries(&mut tx, junction, &body.entries).await?;
    if let Some(holidays) = &body.holidays {
        schedules::set_holidays(&mut tx, Owner::Junction(junction), holidays).await?;
    }
    let detail = serde_json::json!({ "entries": body.entries, "holidays": body.holidays });
    let deed = Deed::new("junction.schedule").at(junction).to(&entry.junction_name).with(detail);
    audit::record(&mut *tx, &actor, deed).await?;
    let names: Vec<&str> = body.entries.iter().map(|entry| entry.name.as_str()).collect();
    let names = if names.is_empty() { "no entries".to_owned() } else { names.join(", ") };
    let message = format!("The schedule was changed; it now has {names}");
    let log = LogEntry::new(Level::Info, Type::ScheduleChanged, message).at(junction).by(Some(user.user_id));
    logs::record(&mut *tx, &[log]).await?;
    tx.commit().await?;
    app.dispatch.junction_changed(junction);
    answer(&app, junction, &entry.city).await
}

/// Holidays of a city.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"holidays": [{"date": "2027-01-26", "name": "Republic Day"}]}))]
struct Holidays {
    /// All of them; they take the place of those before.
    #[schema(max_items = 1000)]
    holidays: Vec<Holiday>,
}

impl Body for Holidays {
    fn read(fields: &mut Fields) -> Self {
        fields.require(&["holidays"]);
        Self { holidays: read_holidays(fields).unwrap_or_default() }
    }
}

/// The city that is meant, as its junctions write it.
async fn city_of(app: &App, user: &User, meant: String) -> Result<String, Problem> {
    let most = MAX_NAMES.1;
    if meant.trim().is_empty() || meant.chars().count() > most || meant.chars().any(char::is_control) {
        return Err(Problem::invalid_field("city", format!("A city has 1 to {most} characters")));
    }
    if let Some(city) = schedules::city(&app.db, &meant).await? {
        return Ok(city);
    }
    // Others need not see where all the junctions are.
    let cities = if user.is_admin { schedules::cities(&app.db, MOST_CITIES).await? } else { Vec::new() };
    let there =
        if cities.is_empty() { String::new() } else { format!("; there are some in {}", cities.join(", ")) };
    Err(Problem::not_found(format!("There is no junction in {meant}{there}")))
}

/// Holidays of a city, which hold at all its junctions.
#[utoipa::path(get, path = "/api/holidays/{city}", tag = "junctions", security(("OAuth2PasswordBearer" = [])),
    params(("city" = String, Path, min_length = 1, max_length = 200, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*$")),
    responses((status = 200, body = Holidays, headers(("ETag" = String, description = "Names them"))), NoSuchCity, NeedsUserAndName))]
async fn get_holidays(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    PathParams(city): PathParams<String>,
) -> Result<Tagged<Holidays>, Problem> {
    let city = city_of(&app, &user, city).await?;
    let holidays = schedules::holidays(&app.db, Owner::City(&city)).await?;
    Ok(tagged(etag::of(&holidays)?, Holidays { holidays }))
}

/// Replaces the holidays of a city, which hold at all its junctions.
#[utoipa::path(put, path = "/api/holidays/{city}", tag = "junctions", security(("OAuth2PasswordBearer" = [])),
    params(("city" = String, Path, min_length = 1, max_length = 200, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*$"),
        ("If-Match" = Option<String>, Header, max_length = 256, description = "The ETag of what this replaces; where somebody has changed it, the answer is 412")),
    request_body = Holidays,
    responses((status = 200, body = Holidays, headers(("ETag" = String, description = "Names them"))), NoSuchCity, NeedsAdmin, Outdated, BadBody))]
async fn set_holidays(
    State(app): State<App>,
    Admin(user): Admin,
    Acting(actor): Acting,
    PathParams(city): PathParams<String>,
    replaces: Replaces,
    JsonBody(body): JsonBody<Holidays>,
) -> Result<Tagged<Holidays>, Problem> {
    let city = city_of(&app, &user, city).await?;
    let mut tx = app.db.begin().await?;
    schedules::lock_holidays(&mut tx).await?;
    if !replaces.is(&etag::of(&schedules::holidays(&mut *tx, Owner::City(&city)).await?)?) {
        tx.rollback().await?;
        return Err(etag::outdated_elsewhere(&app, "holidays.update", &city).await?);
    }
    schedules::set_holidays(&mut tx, Owner::City(&city), &body.holidays).await?;
    let deed = Deed::new("holidays.update")
        .to(&city)
        .with(serde_json::to_value(&body).map_err(anyhow::Error::from)?);
    audit::record(&mut *tx, &actor, deed).await?;
    let now = schedules::holidays(&mut *tx, Owner::City(&city)).await?;
    tx.commit().await?;
    app.dispatch.junctions_changed();
    Ok(tagged(etag::of(&now)?, Holidays { holidays: now }))
}
