//! Values that the database cannot keep or calculate with.

use crate::state::TestState;
use serde_json::json;
use sqlx::PgPool;
use std::fmt::Write as _;

/// As a cursor is written; it comes from nobody's `Link` header.
fn cursor(key: &str) -> String {
    let json = format!("[{key}, \"00000000-0000-0000-0000-000000000000\"]");
    json.bytes().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a text has room");
        hex
    })
}

#[sqlx::test]
async fn a_cursor_that_somebody_has_made_up_is_refused(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let id = state.junction(&admin, "Main").await;
    let (name, time) =
        ([r#""Main""#, r#""\u0000""#], [r#""2026-02-10T00:00:00Z""#, r#""-200000-01-01T00:00:00Z""#]);
    for (path, [good, bad]) in [
        ("/api/junctions/".to_owned(), name),
        ("/api/overview".to_owned(), name),
        ("/api/users".to_owned(), time),
        ("/api/devices".to_owned(), time),
        ("/api/alarms".to_owned(), time),
        ("/api/logs".to_owned(), time),
        (format!("/api/junctions/{id}/cycles"), time),
        (format!("/api/junctions/{id}/overrides"), time),
    ] {
        let answer = state.get(&format!("{path}?cursor={}", cursor(good)), &admin).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        let answer = state.get(&format!("{path}?cursor={}", cursor(bad)), &admin).await;
        assert_eq!(
            (answer.status.as_u16(), answer.fields()),
            (422, vec!["cursor".to_owned()]),
            "{path}: {}",
            answer.text
        );
    }
}

#[sqlx::test]
async fn a_holiday_of_another_age_is_refused(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    state.junction(&admin, "Main").await;
    let put = async |date: &str| {
        let holidays = json!({ "holidays": [{ "date": date, "name": "Holiday" }] });
        state.request("PUT", "/api/holidays/Mumbai", &admin, &holidays).await
    };
    for date in ["-5000-01-01", "0000-12-31", "9999-01-01", "+10000-01-01"] {
        let answer = put(date).await;
        let wrong = (answer.status.as_u16(), answer.fields());
        assert_eq!(wrong, (422, vec!["holidays".to_owned()]), "{date}: {}", answer.text);
    }
    for date in ["0001-01-01", "9998-12-31"] {
        assert_eq!(put(date).await.status, 200, "{date}");
    }
}

#[sqlx::test]
async fn a_value_that_nothing_has_refused_before_the_database_is_the_senders(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    for statement in [
        "CREATE FUNCTION unfit() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN RAISE EXCEPTION 'timestamp out of range' USING ERRCODE = '22008'; END $$",
        "CREATE TRIGGER unfit BEFORE INSERT ON lanes EXECUTE FUNCTION unfit()",
    ] {
        sqlx::query(statement).execute(&db).await.expect("the user of the tests may do so");
    }
    let body = json!({ "junction_name": "Main", "city": "Mumbai", "latitude": 19, "longitude": 72 });
    let answer = state.post("/api/junctions/", &admin, &body).await;
    assert_eq!(answer.status, 422, "{}", answer.text);
    assert!(
        answer.detail().starts_with("The database cannot take a value of this request"),
        "{}",
        answer.text
    );
}
