//! Counts, cycles and days as CSV, from the command line.

use crate::support::process::{program, url};
use crate::support::{JUNCTION, LANES, import};
use sqlx::PgPool;
use std::process::{Output, Stdio};
use tokio::io::{AsyncBufReadExt as _, BufReader};

const ROWS: usize = 2500;

/// A junction in Mumbai with a count each second of the last hour before noon of 10 February 2026 and two cycles.
async fn junction_with_history(db: &PgPool) {
    import(db).await;
    sqlx::query(
        "INSERT INTO car_counts (junction_id, lane_id, ts, vehicle_count, epc_ids, observed_s)
         SELECT $1::uuid, $2::uuid, '2026-02-10T06:30:00Z'::timestamptz - n * interval '1 second', 1,
                ARRAY['34161FA8203286140C0F2A20'], 1
         FROM generate_series(1, $3::int) n",
    )
    .bind(JUNCTION)
    .bind(LANES[0])
    .bind(i32::try_from(ROWS).expect("it is small"))
    .execute(db)
    .await
    .expect("the rows are stored");
    sqlx::query("SELECT recount_volumes('-infinity', 'infinity')")
        .execute(db)
        .await
        .expect("they are summed up");
    sqlx::query(
        r#"INSERT INTO traffic_cycles (junction_id, cycle_start_time, cycle_end_time, total_cycle_time, cycle_mode, stages)
           SELECT $1::uuid, '2026-02-10T06:00:00Z'::timestamptz + n * interval '1 minute',
                  '2026-02-10T06:01:00Z'::timestamptz + n * interval '1 minute', 60, 'automatic',
                  '[{"stage": "N", "green_s": 25, "amber_s": 3, "all_red_s": 2, "end": "plan"},
                    {"stage": "S", "green_s": 25, "amber_s": 3, "all_red_s": 2, "end": "gap_out"}]'::jsonb
           FROM generate_series(0, 1) n"#,
    )
    .bind(JUNCTION)
    .execute(db)
    .await
    .expect("the rows are stored");
}

async fn export(db: &PgPool, args: &[&str]) -> Output {
    let mut command = program(&["export"]);
    command.args(args).env("FLEXTRAFF_DATABASE__URL", url(db));
    command.output().await.expect("it runs")
}

#[track_caller]
fn lines(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).lines().map(ToOwned::to_owned).collect()
}

#[sqlx::test(migrations = "./migrations")]
async fn what_is_stored_comes_out_whole_and_without_epcs(db: PgPool) {
    junction_with_history(&db).await;
    let span = ["--junction", JUNCTION, "--from", "2025-02-10", "--to", "2026-02-10"];
    let of = |what: &'static str| [&[what], span.as_slice()].concat();
    let counts = lines(&export(&db, &of("counts")).await);
    assert_eq!(counts.len(), 1 + ROWS, "more than the API answers at a time");
    assert!(
        counts[0].starts_with("timestamp,interval_start,lane_id,lane_name,vehicle_count"),
        "{}",
        counts[0]
    );
    assert!(
        counts[1].starts_with(&format!("2026-02-10T06:29:59.000Z,,{},N,1,1,", LANES[0])),
        "{}",
        counts[1]
    );
    assert!(!counts.iter().any(|line| line.contains("34161FA8")));
    assert_eq!(lines(&export(&db, &of("cycles")).await).len(), 1 + 4, "a line a stage");
    let daily = lines(&export(&db, &of("daily")).await);
    assert_eq!(daily.len(), 1 + 366);
    assert!(daily[366].starts_with(&format!("2026-02-10,{ROWS},")), "{}", daily[366]);
    let part = [
        "counts",
        "--junction",
        JUNCTION,
        "--from",
        "2026-02-10T11:59:50+05:30",
        "--to",
        "2026-02-10T06:29:55Z",
    ];
    assert_eq!(lines(&export(&db, &part).await).len(), 1 + 5);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_file_is_whole_or_not_there(db: PgPool) {
    junction_with_history(&db).await;
    let folder = tempfile::tempdir().expect("there is room");
    let file = folder.path().join("counts.csv");
    let name = file.to_str().expect("it is text");
    let args =
        ["counts", "--junction", JUNCTION, "--from", "2026-02-10", "--to", "2026-02-10", "--out", name];
    let first = export(&db, &args).await;
    assert!(first.status.success() && first.stdout.is_empty(), "{first:?}");
    assert_eq!(std::fs::read_to_string(&file).expect("it is there").lines().count(), 1 + ROWS);
    let again = export(&db, &args).await;
    assert_eq!(again.status.code(), Some(1), "what is there is not overwritten: {again:?}");
    std::fs::remove_file(&file).expect("it is there");
    sqlx::query("ALTER TABLE lanes RENAME TO lanes_away")
        .execute(&db)
        .await
        .expect("the user of the tests may do so");
    assert_eq!(export(&db, &args).await.status.code(), Some(1));
    assert!(!file.exists(), "half a file would be taken for a whole one");
}

#[sqlx::test(migrations = "./migrations")]
async fn what_cannot_be_exported_is_told(db: PgPool) {
    junction_with_history(&db).await;
    let nowhere = "00000000-0000-0000-0000-0000000000ff";
    let days = ["--from", "2026-02-10T06:00:00Z"];
    for (args, code, said) in [
        (vec!["counts", "--junction", nowhere], 1, "there is no junction"),
        (vec!["counts"], 2, "--junction"),
        (vec!["epcs", "--junction", JUNCTION], 2, "counts, cycles, daily"),
        (vec!["counts", "--junction", JUNCTION, "--from", "yesterday"], 2, "a day such as 2026-02-10"),
        (
            vec!["counts", "--junction", JUNCTION, "--from", "2026-02-11", "--to", "2026-02-10"],
            1,
            "from is earlier than to",
        ),
        (
            vec!["counts", "--junction", JUNCTION, "--from", "1999-01-01", "--to", "2026-02-10"],
            1,
            "at most 3660",
        ),
        ([&["daily", "--junction", JUNCTION], days.as_slice()].concat(), 1, "daily takes days"),
    ] {
        let output = export(&db, &args).await;
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(code) && text.contains(said), "{args:?}: {output:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn whoever_reads_only_the_start_gets_no_error(db: PgPool) {
    junction_with_history(&db).await;
    let mut command =
        program(&["export", "counts", "--junction", JUNCTION, "--from", "2026-02-10", "--to", "2026-02-10"]);
    command.env("FLEXTRAFF_DATABASE__URL", url(&db)).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it runs");
    let mut first = String::new();
    let stdout = child.stdout.take().expect("it is piped");
    BufReader::with_capacity(64, stdout).read_line(&mut first).await.expect("there is a line");
    assert!(first.starts_with("timestamp,"), "{first}");
    let output = child.wait_with_output().await.expect("it ends");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}
