//! How long a refusal takes does not tell which names exist.

use crate::state::{PASSWORD, TestState};
use flextraff_server::clock::Clock;
use sqlx::PgPool;
use std::time::Duration;

/// Tries of each name; the median of them counts.
const TRIES: usize = 15;
/// Names whose medians lie within this ratio take the same time. Where an unknown name costs no hash, the ratio is far above ten.
const ALIKE: f64 = 2.0;

/// Medians of the refusals of each kind of name, in seconds; tried by turns, so that what else the machine does falls on all.
async fn medians<const KINDS: usize>(state: &TestState, kinds: &[Vec<String>; KINDS]) -> [f64; KINDS] {
    let mut times = [const { Vec::new() }; KINDS];
    for at in 0..TRIES {
        for (kind, times) in kinds.iter().zip(&mut times) {
            let start = Clock.instant();
            let answer = state.sign_in(&kind[at], "not the password of anybody").await;
            times.push(Clock.instant() - start);
            answer.assert_problem(401, "Incorrect username or password");
        }
    }
    times.map(|mut times: Vec<Duration>| {
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64()
    })
}

#[sqlx::test]
async fn a_name_that_nobody_has_is_refused_no_faster_than_one_that_somebody_has(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    // A name of its own for each try, so that the brake on guesses leaves all of them alone.
    let names = |kind: &str| (0..TRIES).map(|at| format!("{kind}{at}")).collect::<Vec<_>>();
    let (known, inactive, unknown) = (names("known"), names("inactive"), names("nobody"));
    let hash: String = sqlx::query_scalar("SELECT password_hash FROM users WHERE username = 'admin'")
        .fetch_one(&state.app.db)
        .await
        .unwrap();
    sqlx::query(
        "INSERT INTO users (username, email, password_hash, is_active)
         SELECT name, name || '@city.example', $1, name LIKE 'known%' FROM unnest($2::text[]) AS name",
    )
    .bind(hash)
    .bind([known.clone(), inactive.clone()].concat())
    .execute(&state.app.db)
    .await
    .unwrap();
    // What is warm then stays warm.
    state.sign_in("admin", PASSWORD).await;
    assert_eq!(state.get("/api/users/me", &admin).await.status, 200);
    let kinds = [known, inactive, unknown];
    // A machine that stands still may spoil a round; what tells names apart spoils each.
    let rounds = [medians(&state, &kinds).await, medians(&state, &kinds).await];
    let alike = |medians: &[f64; 3]| {
        let (least, most) =
            medians.iter().fold((f64::MAX, 0.0_f64), |(least, most), one| (least.min(*one), most.max(*one)));
        most / least <= ALIKE
    };
    assert!(rounds.iter().any(alike), "medians in seconds of known, inactive and unknown names: {rounds:?}");
}
