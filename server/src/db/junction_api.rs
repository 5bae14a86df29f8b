//! Junctions as the API creates and shows them.

use chrono::{DateTime, Utc};
use flextraff_common::ids::{JunctionId, UserId};
use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use utoipa::ToSchema;
use uuid::Uuid;

/// Names of the lanes, signal groups and stages of a new junction, in lane order; each is also the direction it comes from.
const APPROACHES: [&str; 4] = ["N", "S", "E", "W"];
/// Shortest green of a new stage, in seconds.
const MIN_GREEN_S: i32 = 7;
/// Longest green of a new stage, in seconds, when the longest cycle has room for it.
const MAX_GREEN_S: i32 = 60;
/// Amber and all-red after each stage of a new junction, in seconds.
const CLEARANCE_S: i32 = 5;

/// A junction, as the API shows one.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = JunctionResponse)]
pub struct JunctionRow {
    /// Id of the junction.
    pub junction_id: Uuid,
    /// Name of the junction.
    pub junction_name: String,
    /// City it lies in.
    pub city: String,
    /// Degrees north (WGS 84).
    pub latitude: f64,
    /// Degrees east (WGS 84).
    pub longitude: f64,
    /// `online`, `offline`, `maintenance` or `error`.
    pub status: String,
    /// `automatic`, `manual_override` or `emergency`.
    pub current_mode: String,
    /// Shortest cycle, in seconds.
    pub min_cycle_time: i32,
    /// Longest cycle, in seconds.
    pub max_cycle_time: i32,
    /// Cycle without measurements, in seconds.
    pub base_cycle_time: i32,
    /// When the junction was created.
    pub created_at: DateTime<Utc>,
}

/// A lane, as the API shows one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = LaneResponse)]
pub struct LaneRow {
    /// Id of the lane; stands in the topic of its counts.
    pub lane_id: Uuid,
    /// Place of the lane in `lane_times`.
    pub lane_index: i32,
    /// Name of the lane.
    pub lane_name: String,
    /// Direction that its traffic comes from.
    pub direction_enum: Option<String>,
}

/// A junction to create.
#[derive(Clone, Debug, PartialEq)]
pub struct NewJunction {
    /// Name of the junction.
    pub junction_name: String,
    /// City it lies in.
    pub city: String,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// Time zone of its schedules and days, a name of the IANA database.
    pub time_zone: String,
    /// Shortest cycle, in seconds.
    pub min_cycle_time: i32,
    /// Longest cycle, in seconds.
    pub max_cycle_time: i32,
    /// Cycle without measurements, in seconds.
    pub base_cycle_time: i32,
}

/// Whether a city has a junction of a name, in whatever letters, other than `except`. Nobody else names one until the transaction ends.
///
/// # Errors
/// When the database fails.
pub async fn is_taken(
    db: &mut PgConnection,
    name: &str,
    city: &str,
    except: Option<JunctionId>,
) -> sqlx::Result<bool> {
    lock_names(db).await?;
    sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM junctions WHERE lower(junction_name) = lower($1) AND lower(city) = lower($2)
                   AND junction_id IS DISTINCT FROM $3) AS "is_taken!""#,
        name,
        city,
        except.map(|junction| junction.0),
    )
    .fetch_one(db)
    .await
}

/// Of these junctions the name and city of one that its city has twice, in whatever letters. Nobody else names one until the transaction ends.
///
/// # Errors
/// When the database fails.
pub async fn namesake(db: &mut PgConnection, junctions: &[Uuid]) -> sqlx::Result<Option<(String, String)>> {
    lock_names(db).await?;
    let found = sqlx::query!(
        "SELECT j.junction_name, j.city FROM junctions j JOIN junctions o
             ON lower(o.junction_name) = lower(j.junction_name) AND lower(o.city) = lower(j.city) AND o.junction_id <> j.junction_id
         WHERE j.junction_id = ANY($1) ORDER BY j.junction_name, j.city LIMIT 1",
        junctions,
    )
    .fetch_optional(db)
    .await?;
    Ok(found.map(|found| (found.junction_name, found.city)))
}

/// What a city says that has a junction of a name already.
pub fn taken(name: &str, city: &str) -> String {
    format!("There is a junction \"{name}\" in {city} already; tell them apart by name")
}

/// A statement of its own: the next one sees what others have committed while this one waited.
async fn lock_names(db: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtext('flextraff.junction_names')) AS locked")
        .fetch_one(db)
        .await
        .map(|_| ())
}

/// Creates a junction with the lanes N, S, E and W, a signal group and a stage for each. Belongs into a transaction.
///
/// # Errors
/// When the database fails.
pub async fn create(db: &mut PgConnection, new: &NewJunction) -> sqlx::Result<JunctionRow> {
    let junction = sqlx::query_as!(
        JunctionRow,
        "INSERT INTO junctions (junction_name, city, latitude, longitude, min_cycle_time, max_cycle_time, base_cycle_time, time_zone)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         RETURNING junction_id, junction_name, city, latitude, longitude, status, current_mode,
                   min_cycle_time, max_cycle_time, base_cycle_time, created_at",
        new.junction_name,
        new.city,
        new.latitude,
        new.longitude,
        new.min_cycle_time,
        new.max_cycle_time,
        new.base_cycle_time,
        new.time_zone,
    )
    .fetch_one(&mut *db)
    .await?;
    let max_green_s = f64::from(longest_green_s(new.max_cycle_time));
    for (index, name) in (1..).zip(APPROACHES) {
        let lane_id = sqlx::query_scalar!(
            "INSERT INTO lanes (junction_id, lane_index, lane_name, direction_enum) VALUES ($1, $2, $3, $3)
             RETURNING lane_id",
            junction.junction_id,
            index,
            name,
        )
        .fetch_one(&mut *db)
        .await?;
        sqlx::query!(
            "INSERT INTO signal_groups (junction_id, group_name, group_index, lane_ids) VALUES ($1, $2, $3, ARRAY[$4::uuid])",
            junction.junction_id,
            name,
            index,
            lane_id,
        )
        .execute(&mut *db)
        .await?;
        sqlx::query!(
            "INSERT INTO stages (junction_id, stage_name, stage_index, groups, min_green_s, max_green_s)
             VALUES ($1, $2, $3, ARRAY[$2], $4, $5)",
            junction.junction_id,
            name,
            index,
            f64::from(MIN_GREEN_S),
            max_green_s,
        )
        .execute(&mut *db)
        .await?;
    }
    Ok(junction)
}

/// What the longest cycle leaves to one stage while the others have their shortest green and all have their clearance.
fn longest_green_s(max_cycle_time: i32) -> i32 {
    let stages = i32::try_from(APPROACHES.len()).unwrap_or(i32::MAX);
    let rest = max_cycle_time.saturating_sub(stages * CLEARANCE_S + (stages - 1) * MIN_GREEN_S);
    rest.clamp(MIN_GREEN_S, MAX_GREEN_S)
}

/// At most `limit` junctions in the order of their names, from behind `after` (name and id), only those granted to `to`, when given; and the
/// version of the whole list at this same moment. Whatever changes about what is shown to anybody, the version does.
///
/// # Errors
/// When the database fails.
pub async fn list(
    db: &PgPool,
    to: Option<UserId>,
    after: Option<(String, Uuid)>,
    limit: i64,
) -> sqlx::Result<(Uuid, Vec<JunctionRow>)> {
    // Both see the same.
    let mut tx = db.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let version = sqlx::query_scalar!("SELECT version FROM junction_list").fetch_one(&mut *tx).await?;
    let (name, id) = after.unzip();
    let rows = sqlx::query_as!(
        JunctionRow,
        "SELECT junction_id, junction_name, city, latitude, longitude, status, current_mode,
                min_cycle_time, max_cycle_time, base_cycle_time, created_at
         FROM junctions j
         WHERE ($1::uuid IS NULL OR EXISTS (
                   SELECT FROM user_junction_access a WHERE a.user_id = $1 AND a.junction_id = j.junction_id))
           AND ($2::text IS NULL OR (junction_name, junction_id) > ($2, $3::uuid))
         ORDER BY junction_name, junction_id LIMIT $4",
        to.map(|user| user.0),
        name,
        id,
        limit,
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok((version, rows))
}

/// A junction.
///
/// # Errors
/// When the database fails.
pub async fn get(db: &PgPool, id: JunctionId) -> sqlx::Result<Option<JunctionRow>> {
    sqlx::query_as!(
        JunctionRow,
        "SELECT junction_id, junction_name, city, latitude, longitude, status, current_mode,
                min_cycle_time, max_cycle_time, base_cycle_time, created_at
         FROM junctions WHERE junction_id = $1",
        id.0,
    )
    .fetch_optional(db)
    .await
}

/// The active lanes of a junction in their order.
///
/// # Errors
/// When the database fails.
pub async fn lanes(db: &PgPool, id: JunctionId) -> sqlx::Result<Vec<LaneRow>> {
    sqlx::query_as!(
        LaneRow,
        "SELECT lane_id, lane_index, lane_name, direction_enum
         FROM lanes WHERE junction_id = $1 AND is_active ORDER BY lane_index",
        id.0,
    )
    .fetch_all(db)
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_green_fits_the_longest_cycle() {
        assert_eq!(longest_green_s(120), 60);
        assert_eq!(longest_green_s(90), 49);
        assert_eq!(longest_green_s(30), 7);
        assert_eq!(longest_green_s(i32::MIN), 7);
    }
}
