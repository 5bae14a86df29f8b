//! When the lanes of a cycle had green.

use flextraff_common::wire::CycleStage;
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Names of the stages in which each lane has green, as the layouts of these junctions say now.
pub(super) async fn stages_of_lanes(
    db: &mut PgConnection,
    junctions: &[Uuid],
) -> sqlx::Result<BTreeMap<Uuid, BTreeSet<String>>> {
    let rows = sqlx::query!(
        r#"SELECT DISTINCT unnest(g.lane_ids) AS "lane_id!", s.stage_name
           FROM stages s JOIN signal_groups g ON g.junction_id = s.junction_id AND g.group_name = ANY(s.groups)
           WHERE s.junction_id = ANY($1)"#,
        junctions,
    )
    .fetch_all(db)
    .await?;
    let mut stages: BTreeMap<Uuid, BTreeSet<String>> = BTreeMap::new();
    for row in rows {
        stages.entry(row.lane_id).or_default().insert(row.stage_name);
    }
    Ok(stages)
}

/// From the start of its first green to the end of its last one, seconds since the start of the cycle; `None`: it had none. A lane that has green
/// in stages that follow each other keeps it between them.
pub(super) fn of(stages: &[CycleStage], served: &BTreeSet<String>) -> Option<(f64, f64)> {
    let (mut at, mut green) = (0.0, None);
    for stage in stages {
        if served.contains(&stage.stage) && stage.green_s > 0.0 {
            let (start, _) = green.unwrap_or((at, at));
            green = Some((start, at + stage.green_s));
        }
        at += stage.green_s + stage.amber_s + stage.all_red_s;
    }
    green
}

#[cfg(test)]
mod tests {
    use super::*;
    use flextraff_common::wire::StageEnd;

    #[test]
    fn a_green_lasts_from_the_first_stage_of_a_lane_to_its_last() {
        let stage = |name: &str, green_s| CycleStage {
            stage: name.to_owned(),
            green_s,
            amber_s: 3.0,
            all_red_s: 2.0,
            end: StageEnd::Plan,
        };
        let stages = [stage("N", 10.0), stage("NS", 20.0), stage("E", 0.0), stage("W", 7.5)];
        let of = |names: &[&str]| of(&stages, &names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(of(&["N"]), Some((0.0, 10.0)));
        assert_eq!(of(&["N", "NS"]), Some((0.0, 35.0)));
        assert_eq!(of(&["W"]), Some((45.0, 52.5)));
        assert_eq!((of(&["E"]), of(&["S"]), of(&[])), (None, None, None));
    }
}
