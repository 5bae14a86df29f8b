//! `[[fallback]]`: greens by time of day.

use super::errors::{At, Report, way_out};
use super::site::FallbackTable;
use super::table::{Table, number};
use flextraff_common::junction::StageSpec;

/// Green of a stage in a table that gives none, seconds.
const USUAL_GREEN_S: f64 = 25.0;
pub(super) const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const DAY_MIN: u16 = 24 * 60;

/// Reads every `[[fallback]]`; greens are brought into the range of their stage.
pub(super) fn read_fallback(
    root: &mut Table<'_>,
    stages: &[StageSpec],
    report: &Report,
) -> Vec<FallbackTable> {
    let mut tables = Vec::new();
    for mut table in root.tables("fallback") {
        let days = read_days(&mut table);
        let from_min = read_time(&mut table, "from", DAY_MIN - 1).unwrap_or(0);
        let to_min = read_time(&mut table, "to", DAY_MIN).unwrap_or(DAY_MIN);
        let greens = read_greens(&mut table, stages, report);
        tables.push(FallbackTable { days, from_min, to_min, greens });
        table.finish();
    }
    tables
}

fn read_days(table: &mut Table<'_>) -> [bool; 7] {
    let at = table.place("days");
    let given = table.texts("days");
    if given.is_empty() && at == table.at {
        return [true; 7];
    }
    if given.is_empty() {
        table.report.add(at, format!("{} names no day; take it out for every day", table.path("days")));
    }
    let mut days = [false; 7];
    for day in given {
        match DAYS.iter().position(|known| *known == day.value) {
            Some(position) => days[position] = true,
            None => table.report.add(
                day.at,
                format!("{} has \"{}\"; days are {}", table.path("days"), day.value, DAYS.join(", ")),
            ),
        }
    }
    days
}

/// Minutes since midnight of `HH:MM`.
fn read_time(table: &mut Table<'_>, key: &'static str, latest: u16) -> Option<u16> {
    let text = table.text(key)?;
    let minutes = parse_time(&text.value).filter(|minutes| *minutes <= latest);
    if minutes.is_none() {
        let what = table.path(key);
        let latest = format!("{:02}:{:02}", latest / 60, latest % 60);
        table.report.add(
            text.at,
            format!("{what} is \"{}\"; it is a time from \"00:00\" to \"{latest}\"", text.value),
        );
    }
    minutes
}

fn parse_time(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(hours) || !digits(minutes) {
        return None;
    }
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    (minutes < 60).then_some(hours * 60 + minutes)
}

fn read_greens(table: &mut Table<'_>, stages: &[StageSpec], report: &Report) -> Vec<u32> {
    let title = table.path("greens");
    let greens = table.table("greens", &title);
    let mut given: Vec<Option<At<f64>>> = vec![None; stages.len()];
    for (key, value) in greens.entries() {
        let Some(position) = stages.iter().position(|stage| stage.name == key.value) else {
            let way_out = way_out(&key.value, stages.iter().map(|stage| stage.name.as_str()));
            report.add(
                key.at,
                format!("{title} names the stage \"{}\", which does not exist; {way_out}", key.value),
            );
            continue;
        };
        let at = value.span().start;
        match number(value.get_ref()).filter(|green| (0.0..=600.0).contains(green)) {
            Some(green) => given[position] = Some(At { value: green, at }),
            None => {
                report
                    .add(at, format!("{title} for \"{}\" is no number of seconds from 0 to 600", key.value));
            }
        }
    }
    stages
        .iter()
        .zip(given)
        .map(|(stage, given)| match given {
            Some(zero) if zero.value == 0.0 && !stage.skip => {
                report.add(
                    zero.at,
                    format!("stage \"{}\" cannot be left out; give it a green, or set skip = true in its [[stage]]", stage.name),
                );
                0
            }
            Some(zero) if zero.value == 0.0 => 0,
            None if greens.is_present() && stage.skip => 0,
            _ => clipped(given.map_or(USUAL_GREEN_S, |green| green.value), stage),
        })
        .collect()
}

/// Whole seconds within the stage's range.
fn clipped(green: f64, stage: &StageSpec) -> u32 {
    green.round().min(stage.max_green_s.floor()).max(stage.min_green_s.ceil()).clamp(0.0, 600.0) as u32
}
