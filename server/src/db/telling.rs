//! What was told of alarms, and which of several servers tells it.
//!
//! Of each alarm the last news counts: that it has opened, says something else, was acknowledged, or is over.

use crate::alarms::{Severity, Step};
use sqlx::PgPool;
use uuid::Uuid;

/// Something that has become of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct News {
    /// The alarm.
    pub alarm: Uuid,
    /// Later news of it have greater numbers.
    pub number: i32,
}

/// Something of which not everybody has heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untold {
    /// Which news.
    pub news: News,
    /// What has become of the alarm.
    pub step: Step,
    /// The ways by which it was told.
    pub told_by: Vec<String>,
}

/// Takes the news that nobody tells, those of the last day: they are this server's to tell for three minutes, as are those of alarms of which it has
/// something in hand.
///
/// # Errors
/// When the database fails.
pub async fn claim(db: &PgPool, in_hand: &[Uuid]) -> sqlx::Result<Vec<Untold>> {
    sqlx::query!(
        "UPDATE alarms SET told_until = now() + interval '3 minutes' WHERE alarm_id = ANY($1) AND told_at IS NULL",
        in_hand,
    )
    .execute(db)
    .await?;
    let rows = sqlx::query!(
        "UPDATE alarms SET told_until = now() + interval '3 minutes'
         WHERE told_at IS NULL AND news_at > now() - interval '1 day' AND told_until <= now() AND alarm_id <> ALL($1)
         RETURNING alarm_id, news, news_number, told_by",
        in_hand,
    )
    .fetch_all(db)
    .await?;
    let untold = rows.into_iter().map(|row| Untold {
        news: News { alarm: row.alarm_id, number: row.news_number },
        // A newer version may know further ones.
        step: Step::named(&row.news).unwrap_or(Step::Changed),
        told_by: row.told_by,
    });
    Ok(untold.collect())
}

/// Notes that something was told by these ways; when they are `all` with those before, it is told. Where there are later news, these are still to
/// be told.
///
/// # Errors
/// When the database fails.
pub async fn told(db: &PgPool, news: News, by: &[&str], all: &[&str]) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE alarms SET told_by = told_by || $3, told_at = CASE WHEN told_by || $3 @> $4 THEN now() END
         WHERE alarm_id = $1 AND news_number = $2 AND told_at IS NULL",
        news.alarm,
        news.number,
        by as &[&str],
        all as &[&str],
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Counts a message among those of the hour, of which there are `most`, and as many of what is critical: however many devices are away, a signal in
/// fault is told. How many were held back since the last one that passed; `None`: this one is, too.
///
/// # Errors
/// When the database fails.
pub async fn pass(db: &PgPool, severity: Severity, most: u32) -> sqlx::Result<Option<u64>> {
    // What a clock that was wrong has noted ahead of the time holds nobody back.
    let held = sqlx::query_scalar!(
        "WITH recent AS (
             SELECT critical, held, ARRAY(
                 SELECT moment FROM unnest(passed) AS moment WHERE moment > now() - interval '1 hour' AND moment <= now()) AS passed
             FROM alarm_brakes WHERE critical = $1 FOR UPDATE
         )
         UPDATE alarm_brakes b
         SET passed = CASE WHEN cardinality(r.passed) < $2 THEN r.passed || now() ELSE r.passed END,
             held = CASE WHEN cardinality(r.passed) < $2 THEN 0 ELSE r.held + 1 END
         FROM recent r WHERE b.critical = r.critical
         RETURNING CASE WHEN cardinality(r.passed) < $2 THEN r.held END",
        severity == Severity::Critical,
        i32::try_from(most).unwrap_or(i32::MAX),
    )
    .fetch_one(db)
    .await?;
    Ok(held.map(i64::unsigned_abs))
}
