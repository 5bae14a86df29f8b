//! Partitions of the tables that grow, as retention sees them.

use chrono::{Days, Months, NaiveDate};
use sqlx::PgPool;

/// Stands on a partition out of which all EPCs have been taken. What enters it afterwards [`super::take_out_late`] looks after.
pub(super) const DONE: &str = "EPCs, passages and departures are taken out";

/// A partition, its first day and the first after it, and whether its EPCs are gone; the default partition has no such days.
pub(super) struct Partition {
    pub(super) name: String,
    pub(super) days: Option<(NaiveDate, NaiveDate)>,
    pub(super) done: bool,
}

impl Partition {
    /// Whether it is the default partition or one of days after `today`: of the rows that lie there, only those of wrong clocks do so for long.
    pub(super) fn is_ahead(&self, today: NaiveDate) -> bool {
        self.days.is_none_or(|(start, _)| start > today)
    }
}

/// The partitions of a table.
pub(super) async fn partitions(db: &PgPool, table: &str) -> Result<Vec<Partition>, sqlx::Error> {
    let found = sqlx::query!(
        r#"SELECT child.relname AS "name!", coalesce(obj_description(child.oid, 'pg_class') = $2, false) AS "done!"
           FROM pg_inherits i
           JOIN pg_class parent ON parent.oid = i.inhparent
           JOIN pg_class child ON child.oid = i.inhrelid
           WHERE parent.oid = to_regclass($1) ORDER BY 1"#,
        table,
        DONE
    )
    .fetch_all(db)
    .await?;
    let prefix = format!("{table}_");
    Ok(found
        .into_iter()
        .filter_map(|row| {
            let suffix = row.name.strip_prefix(&prefix)?;
            let days = days_of(suffix);
            (days.is_some() || suffix == "default").then_some(Partition {
                name: row.name,
                days,
                done: row.done,
            })
        })
        .collect())
}

/// The first day of a partition and the first after it, from the day (`20260210`) or the month (`202602`) in its name.
fn days_of(suffix: &str) -> Option<(NaiveDate, NaiveDate)> {
    match suffix.len() {
        8 => {
            let day = NaiveDate::parse_from_str(suffix, "%Y%m%d").ok()?;
            Some((day, day.checked_add_days(Days::new(1))?))
        }
        6 => {
            let day = NaiveDate::parse_from_str(&format!("{suffix}01"), "%Y%m%d").ok()?;
            Some((day, day.checked_add_months(Months::new(1))?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_its_day_or_month() {
        let days = |from: &str, to: &str| Some((from.parse().unwrap(), to.parse().unwrap()));
        assert_eq!(days_of("20261231"), days("2026-12-31", "2027-01-01"));
        assert_eq!(days_of("202612"), days("2026-12-01", "2027-01-01"));
        assert_eq!(days_of("default"), None);
        assert_eq!(days_of("20261331"), None);
    }
}
