//! Every warning and error that the agent may log stands in the README's table of faults, with what to do.

use flextraff_agent::reader::driver::Problem;
use std::path::{Path, PathBuf};

const README: &str = include_str!("../README.md");
/// Texts that are whole elsewhere in the source: where they are logged, and how they begin.
const ELSEWHERE: [(&str, &str, &[&str]); 4] = [
    (
        "logging.rs",
        "{FILTER} is no filter; write it as info or info,flextraff_agent::link=debug",
        &["FLEXTRAFF_LOG is no filter"],
    ),
    (
        "cmd/run.rs",
        "{error:#}",
        &[
            "the lamps can no longer be driven",
            "the lamp loop has failed",
            "the lamp loop has ended by itself",
        ],
    ),
    (
        "supervisor/messages.rs",
        "{alarm}",
        &["the tag of an emergency vehicle", "the tag of a bus", "more emergency vehicles ask for green"],
    ),
    (
        "supervisor/messages.rs",
        "{}",
        &[
            "the panel in the cabinet is switched on",
            "the panel is switched off",
            "the flash switch is on",
            "the flash switch is off",
            "the door of the cabinet is open",
            "the door of the cabinet is shut",
        ],
    ),
];
/// The shortest part of a text by which a person knows it.
const TELLING: usize = 12;

/// What stands in backticks in the first column of the table.
fn quotes() -> Vec<&'static str> {
    let (_, section) = README.split_once("### Faults and remedies").expect("the README has the table");
    let (section, _) = section.split_once("\n## ").expect("something follows");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    rows.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect()
}

/// Whether a row names a text of which some parts, as `…` here, are known only when it is logged.
fn is_named(text: &str, quotes: &[&str]) -> bool {
    let longest = text.split('…').map(str::trim).max_by_key(|part| part.len()).unwrap_or_default();
    !longest.is_empty()
        && quotes.iter().any(|quote| {
            let fixed = quote.split('…').next().unwrap_or_default().trim();
            quote.contains(longest) || (fixed.len() >= TELLING && text.contains(fixed))
        })
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).expect("the source is there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("it is listed").path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// The last string literal of each call of a macro.
fn logged(source: &str, call: &str) -> Vec<String> {
    let mut texts = Vec::new();
    for (at, _) in source.match_indices(call) {
        if source[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_') {
            continue;
        }
        let (mut depth, mut literal, mut last) = (1, None::<String>, None);
        let mut characters = source[at + call.len()..].chars();
        while depth > 0 {
            let character = characters.next().expect("the call ends");
            match (&mut literal, character) {
                (Some(text), '\\') => text.extend(characters.next()),
                (Some(_), '"') => last = literal.take(),
                (Some(text), other) => text.push(other),
                (None, '"') => literal = Some(String::new()),
                (None, '(') => depth += 1,
                (None, ')') => depth -= 1,
                (None, _) => {}
            }
        }
        texts.push(
            last.unwrap_or_else(|| panic!("a call of {call} without a text: {}", &source[at..at + 60])),
        );
    }
    texts
}

/// The text with `…` in place of each value.
fn with_gaps(text: &str) -> String {
    let mut parts = text.split('{');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + "…" + part.split_once('}').map_or("", |(_, rest)| rest))
}

#[test]
fn every_warning_and_error_of_the_log_has_a_remedy() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
    let mut files = Vec::new();
    sources(folder, &mut files);
    let (quotes, mut seen, mut missing) = (quotes(), 0, Vec::new());
    for file in files {
        let source = std::fs::read_to_string(&file).expect("it is read");
        let name = file.strip_prefix(folder).expect("it is below").to_str().expect("UTF-8").to_owned();
        for text in ["warn!(", "error!("].iter().flat_map(|call| logged(&source, call)) {
            seen += 1;
            let whole = ELSEWHERE.iter().find(|(place, logged, _)| *place == name && *logged == text);
            let texts = whole.map_or_else(
                || vec![with_gaps(&text)],
                |(.., texts)| texts.iter().map(ToString::to_string).collect(),
            );
            missing.extend(
                texts.iter().filter(|text| !is_named(text, &quotes)).map(|text| format!("{name}: {text}")),
            );
        }
    }
    assert!(seen > 50, "only {seen} were found");
    assert!(
        missing.is_empty(),
        "no row of \"Faults and remedies\" in agent/README.md quotes:\n{}",
        missing.join("\n")
    );
}

#[test]
fn every_problem_of_a_reader_has_a_remedy() {
    let quotes = quotes();
    for problem in [
        Problem::Mute,
        Problem::Silent("power_dbm"),
        Problem::Refused { what: "power_dbm", code: 1 },
        Problem::Unknown("session"),
        Problem::NoAntenna(3),
        Problem::NoAntennaAnywhere,
    ] {
        let text = format!("the reader {problem}");
        let begin: String = text.split(['"', ';', ',']).next().unwrap_or_default().to_owned();
        let begin = begin.trim_end_matches(" at port 3").trim_end_matches(" on its port");
        assert!(quotes.iter().any(|quote| quote.contains(begin)), "{text}");
    }
}

#[test]
fn every_trouble_that_a_reader_tells_has_a_remedy() {
    let mut files = Vec::new();
    sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/reader")), &mut files);
    let quotes = quotes();
    let mut seen = 0;
    for file in files {
        let source = std::fs::read_to_string(&file).expect("it is read");
        let calls =
            source.split("Signal::Trouble(").skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"'));
        for text in calls.filter_map(|rest| rest.split(';').next()) {
            seen += 1;
            let told = format!("the reader {text}");
            assert!(
                quotes.iter().any(|quote| told.starts_with(quote)),
                "{}: no row quotes {told}",
                file.display()
            );
        }
    }
    assert!(seen >= 2, "only {seen} were found");
}

#[test]
fn every_reason_for_which_the_interlock_trips_has_a_remedy() {
    let quotes = quotes();
    let (_, trips) =
        include_str!("../src/interlock/trip.rs").split_once("pub enum Trip {").expect("it has them");
    let (trips, _) = trips.split_once("\n}").expect("they end");
    // The last is what others have found, in their words.
    let texts: Vec<String> =
        logged(trips, "#[error(").into_iter().filter(|text| text != "{reason}").collect();
    assert!(texts.len() > 10, "only {texts:?}");
    let missing: Vec<&String> = texts.iter().filter(|text| !is_named(&with_gaps(text), &quotes)).collect();
    assert!(missing.is_empty(), "no row of \"Faults and remedies\" in agent/README.md quotes:\n{missing:#?}");
}

#[test]
fn a_text_without_a_row_is_found() {
    let source = r#"fn f() { tracing::error!(file = %path.display(), %error, "the {what} (\"x\") burns; {why}"); panic!("no") }"#;
    let texts = logged(source, "error!(");
    assert_eq!(texts, ["the {what} (\"x\") burns; {why}"]);
    assert_eq!(with_gaps(&texts[0]), "the … (\"x\") burns; …");
    assert!(!is_named(&with_gaps(&texts[0]), &quotes()));
    assert!(is_named(
        "the outbox cannot be opened; signals run, nothing is counted, it is tried again",
        &quotes()
    ));
}
