//! Counts for monitoring.

use sqlx::PgPool;

/// How many there are of each state; every state is named, also with none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Devices in use by state.
    pub devices: Vec<(String, i64)>,
    /// Junctions by state.
    pub junctions: Vec<(String, i64)>,
    /// Open alarms by severity.
    pub alarms: Vec<(String, i64)>,
}

/// Counts them.
///
/// # Errors
/// When the database fails.
pub async fn load(db: &PgPool) -> sqlx::Result<Figures> {
    let rows = sqlx::query!(
        r#"WITH states AS (SELECT unnest('{online,offline,maintenance,error}'::text[]) AS name),
                severities AS (SELECT unnest('{info,warning,error,critical}'::text[]) AS name)
           SELECT 'device' AS "of!", s.name AS "name!",
                  (SELECT count(*) FROM edge_devices d WHERE d.status = s.name AND revoked_at IS NULL) AS "count!" FROM states s
           UNION ALL
           SELECT 'junction', s.name, (SELECT count(*) FROM junctions j WHERE j.status = s.name) FROM states s
           UNION ALL
           SELECT 'alarm', s.name, (SELECT count(*) FROM alarms a WHERE a.severity = s.name AND closed_at IS NULL) FROM severities s"#
    )
    .fetch_all(db)
    .await?;
    let mut figures = Figures::default();
    for row in rows {
        let list = match row.of.as_str() {
            "device" => &mut figures.devices,
            "junction" => &mut figures.junctions,
            _ => &mut figures.alarms,
        };
        list.push((row.name, row.count));
    }
    Ok(figures)
}
