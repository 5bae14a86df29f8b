//! Which junction is reached from which without another signal between.

use crate::junction_file::LinkEntry;
use flextraff_common::ids::{JunctionId, LaneId, UserId};
use sqlx::{Executor, PgConnection, PgPool, Postgres};
use std::collections::BTreeSet;
use uuid::Uuid;

/// All links, or those that start or end at a junction.
///
/// # Errors
/// When the database fails.
pub async fn list(
    db: impl Executor<'_, Database = Postgres>,
    of: Option<JunctionId>,
) -> sqlx::Result<Vec<LinkEntry>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT from_junction, to_junction, from_lanes, to_lanes, distance_m, free_flow_s FROM links
         WHERE $1::uuid IS NULL OR from_junction = $1 OR to_junction = $1 ORDER BY 1, 2",
        of.map(|junction| junction.0),
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Row::into).collect())
}

/// Links by the junctions at their ends, those behind `after`; with a user those that start or end where the user has access.
///
/// # Errors
/// When the database fails.
pub async fn page(
    db: &PgPool,
    user: Option<UserId>,
    after: Option<(Uuid, Uuid)>,
    limit: i64,
) -> sqlx::Result<Vec<LinkEntry>> {
    let (from, to) = after.unzip();
    let rows = sqlx::query_as!(
        Row,
        "SELECT from_junction, to_junction, from_lanes, to_lanes, distance_m, free_flow_s FROM links
         WHERE ($1::uuid IS NULL OR EXISTS (
                   SELECT FROM user_junction_access WHERE user_id = $1 AND junction_id IN (from_junction, to_junction)))
             AND ($2::uuid IS NULL OR (from_junction, to_junction) > ($2, $3::uuid))
         ORDER BY 1, 2 LIMIT $4",
        user.map(|user| user.0),
        from,
        to,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Row::into).collect())
}

struct Row {
    from_junction: Uuid,
    to_junction: Uuid,
    from_lanes: Vec<Uuid>,
    to_lanes: Vec<Uuid>,
    distance_m: f64,
    free_flow_s: f64,
}

impl From<Row> for LinkEntry {
    fn from(row: Row) -> Self {
        Self {
            from_junction: JunctionId(row.from_junction),
            from_lanes: row.from_lanes.into_iter().map(LaneId).collect(),
            to_junction: JunctionId(row.to_junction),
            to_lanes: row.to_lanes.into_iter().map(LaneId).collect(),
            distance_m: row.distance_m,
            free_flow_s: row.free_flow_s,
        }
    }
}

/// Creates a link, or replaces the one between the same junctions.
///
/// # Errors
/// When the database fails.
pub async fn store(db: impl Executor<'_, Database = Postgres>, link: &LinkEntry) -> sqlx::Result<()> {
    let from: Vec<_> = link.from_lanes.iter().map(|lane| lane.0).collect();
    let to: Vec<_> = link.to_lanes.iter().map(|lane| lane.0).collect();
    sqlx::query!(
        "INSERT INTO links (from_junction, to_junction, from_lanes, to_lanes, distance_m, free_flow_s)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (from_junction, to_junction) DO UPDATE
         SET from_lanes = excluded.from_lanes, to_lanes = excluded.to_lanes,
             distance_m = excluded.distance_m, free_flow_s = excluded.free_flow_s",
        link.from_junction.0,
        link.to_junction.0,
        &from,
        &to,
        link.distance_m,
        link.free_flow_s,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes lanes that are no more out of the links at these junctions, and tells the links that have changed. Belongs into the transaction that has
/// taken out the lanes.
///
/// # Errors
/// When the database fails, or a link has no other lane at an end: none would mean that they are not known.
pub async fn forget_lanes(db: &mut PgConnection, junctions: &[Uuid]) -> sqlx::Result<Vec<LinkEntry>> {
    let links = sqlx::query_as!(
        Row,
        "SELECT from_junction, to_junction, from_lanes, to_lanes, distance_m, free_flow_s FROM links
         WHERE from_junction = ANY($1) OR to_junction = ANY($1) ORDER BY 1, 2 FOR UPDATE",
        junctions,
    )
    .fetch_all(&mut *db)
    .await?;
    let ends: Vec<Uuid> = links.iter().flat_map(|link| [link.from_junction, link.to_junction]).collect();
    let lanes = sqlx::query!(
        "SELECT junction_id, lane_id FROM lanes WHERE is_active AND junction_id = ANY($1)",
        &ends
    )
    .fetch_all(&mut *db)
    .await?;
    let lanes: BTreeSet<_> =
        lanes.into_iter().map(|row| (JunctionId(row.junction_id), LaneId(row.lane_id))).collect();
    let mut changed = Vec::new();
    for before in links.into_iter().map(LinkEntry::from) {
        let mut link = before.clone();
        link.from_lanes.retain(|lane| lanes.contains(&(before.from_junction, *lane)));
        link.to_lanes.retain(|lane| lanes.contains(&(before.to_junction, *lane)));
        let is_emptied = |was: &[LaneId], is: &[LaneId]| is.is_empty() && !was.is_empty();
        if is_emptied(&before.from_lanes, &link.from_lanes) || is_emptied(&before.to_lanes, &link.to_lanes) {
            return Err(sqlx::Error::Protocol(format!(
                "the link from junction {} to {} names only lanes that would go: give it other lanes, or delete it, first",
                link.from_junction, link.to_junction
            )));
        }
        if link != before {
            store(&mut *db, &link).await?;
            changed.push(link);
        }
    }
    Ok(changed)
}

/// Deletes a link; whether there was one.
///
/// # Errors
/// When the database fails.
pub async fn delete(
    db: impl Executor<'_, Database = Postgres>,
    from: JunctionId,
    to: JunctionId,
) -> sqlx::Result<bool> {
    let deleted =
        sqlx::query!("DELETE FROM links WHERE from_junction = $1 AND to_junction = $2", from.0, to.0)
            .execute(db)
            .await?;
    Ok(deleted.rows_affected() > 0)
}
