//! Registration, the first user, the list of users.

use crate::state::{Answer, PASSWORD, TestState, admin};
use axum::body::Body;
use axum::http::Request;
use axum::http::header::CONTENT_TYPE;
use flextraff_server::api::users::announce_first_user;
use flextraff_server::cmd::user;
use flextraff_server::config::Config;
use futures_util::future::join_all;
use serde_json::{Value, json};
use sqlx::PgPool;

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().map(|object| object.keys().map(String::as_str).collect()).unwrap_or_default()
}

/// The three commands of the published quick start, byte for byte.
#[sqlx::test]
async fn the_quick_start_works_as_printed(db: PgPool) {
    let state = TestState::new(db);
    let register = "{\n    \"username\": \"admin\",\n    \"email\": \"admin@flextraff.com\",\n    \"password\": \"securepassword123\",\n    \"full_name\": \"System Admin\",\n    \"is_admin\": true\n  }";
    let answer = state.post_text("/api/users/register", "", register).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let user = answer.json();
    assert_eq!(
        keys(&user),
        [
            "created_at",
            "email",
            "full_name",
            "is_active",
            "is_admin",
            "last_login",
            "totp_enabled",
            "user_id",
            "username"
        ]
    );
    assert_eq!((&user["is_admin"], &user["is_active"]), (&json!(true), &json!(true)));

    let form = Request::post("/api/users/token")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from("username=admin&password=securepassword123"))
        .unwrap();
    let answer = state.send(form).await;
    assert_eq!((answer.status.as_u16(), keys(&answer.json())), (200, vec!["access_token", "token_type"]));
    assert_eq!(answer.json()["token_type"], "bearer");
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("eyJ"));

    let junction = "{\n    \"junction_name\": \"Main Street & Oak Ave\",\n    \"city\": \"Mumbai\",\n    \"latitude\": 19.0760,\n    \"longitude\": 72.8777,\n    \"min_cycle_time\": 30,\n    \"max_cycle_time\": 120,\n    \"base_cycle_time\": 60\n  }";
    let answer = state.post_text("/api/junctions/", &token, junction).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let junction = answer.json();
    let fields = [
        "base_cycle_time",
        "city",
        "created_at",
        "current_mode",
        "junction_id",
        "junction_name",
        "latitude",
        "longitude",
        "max_cycle_time",
        "min_cycle_time",
        "status",
    ];
    assert_eq!(keys(&junction), fields);
    assert_eq!((&junction["status"], &junction["current_mode"]), (&json!("offline"), &json!("automatic")));
    assert_eq!((&junction["latitude"], &junction["longitude"]), (&json!(19.076), &json!(72.8777)));

    let me = state.get("/api/users/me", &token).await;
    let mut shown = me.json();
    assert!(shown["last_login"].is_string(), "{shown}");
    shown["last_login"] = user["last_login"].clone();
    assert_eq!((me.status.as_u16(), shown), (200, user));
}

#[sqlx::test]
async fn only_administrators_register_people(db: PgPool) {
    let (state, admin_token) = TestState::with_admin(db).await;
    let evil = json!({"username": "eve", "email": "eve@x.example", "password": PASSWORD, "is_admin": true});
    let anonymous = state.post("/api/users/register", "", &evil).await;
    anonymous.assert_problem(401, "Not authenticated");
    assert_eq!(anonymous.header("www-authenticate"), "Bearer");
    let plain = state.plain_user(&admin_token, "ravi").await;
    state.post("/api/users/register", &plain, &evil).await.assert_problem(403, "Not enough privileges");
    state
        .post("/api/users/register", "nonsense", &evil)
        .await
        .assert_problem(401, "Could not validate credentials");
    state.get("/api/users/", &plain).await.assert_problem(403, "Not enough privileges");
    let users = state.get("/api/users/", &admin_token).await.json();
    assert_eq!(
        users.as_array().unwrap().iter().map(|user| &user["username"]).collect::<Vec<_>>(),
        ["ravi", "admin"]
    );
}

#[sqlx::test]
async fn the_first_user_is_an_administrator(db: PgPool) {
    let state = TestState::new(db);
    let mut body = admin();
    body["is_admin"] = json!(false);
    let answer = state.post("/api/users/register", "", &body).await;
    assert_eq!((answer.status.as_u16(), answer.fields()), (422, vec!["is_admin".to_owned()]));
    assert_eq!(state.post("/api/users/register", "", &admin()).await.status, 201);
}

#[sqlx::test]
async fn others_need_the_set_up_token_for_the_first_user(db: PgPool) {
    let mut config = Config::default();
    config.auth.allow_first_user = Some(false);
    let state = TestState::with_config(db, config);
    announce_first_user(&state.app).await.unwrap();
    let answer = state.post("/api/users/register", "", &admin()).await;
    assert_eq!(answer.status, 403);
    assert!(answer.detail().contains("X-Setup-Token"), "{}", answer.text);
    let with_token = async |token: &str| {
        let request = Request::post("/api/users/register")
            .header(CONTENT_TYPE, "application/json")
            .header("X-Setup-Token", token)
            .body(Body::from(admin().to_string()))
            .expect("the request is well formed");
        state.send(request).await.status.as_u16()
    };
    let token = state.app.auth.setup_token().to_owned();
    assert_eq!(with_token(&token[1..]).await, 403);
    assert_eq!(with_token(&token).await, 201);
    assert_eq!(with_token(&token).await, 401, "it opens once");
}

#[sqlx::test]
async fn through_a_proxy_on_this_machine_the_first_user_needs_the_set_up_token(db: PgPool) {
    let mut behind_proxy = Config::default();
    behind_proxy.http.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    let told = TestState::with_config(db.clone(), behind_proxy);
    assert_eq!(told.post("/api/users/register", "", &admin()).await.status, 403);

    let state = TestState::new(db);
    let through = async |header: &str, token: &str| {
        let request = Request::post("/api/users/register")
            .header(CONTENT_TYPE, "application/json")
            .header(header, "203.0.113.9")
            .header("X-Setup-Token", token)
            .body(Body::from(admin().to_string()))
            .expect("the request is well formed");
        state.send(request).await.status.as_u16()
    };
    for header in ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via"] {
        assert_eq!(through(header, "").await, 403, "{header}");
    }
    assert_eq!(through("X-Forwarded-For", state.app.auth.setup_token()).await, 201);
}

#[sqlx::test]
async fn of_eight_first_users_at_once_one_is_the_first(db: PgPool) {
    let state = TestState::new(db);
    let bodies: Vec<Value> = (0..8)
        .map(|i| json!({"username": format!("u{i}"), "email": format!("u{i}@x.example"), "password": PASSWORD, "is_admin": true}))
        .collect();
    let answers = join_all(bodies.iter().map(|body| state.post("/api/users/register", "", body))).await;
    assert_eq!(statuses(&answers), [201, 401, 401, 401, 401, 401, 401, 401]);
}

#[sqlx::test]
async fn of_eight_registrations_of_a_name_at_once_one_succeeds(db: PgPool) {
    let (state, token) = TestState::with_admin(db).await;
    let body = json!({"username": "ravi", "email": "ravi@x.example", "password": PASSWORD});
    let answers = join_all((0..8).map(|_| state.post("/api/users/register", &token, &body))).await;
    assert_eq!(statuses(&answers), [201, 400, 400, 400, 400, 400, 400, 400]);
    for (name, email) in [("RAVI", "other@x.example"), ("other", "Ravi@X.example")] {
        let body = json!({"username": name, "email": email, "password": PASSWORD});
        let answer = state.post("/api/users/register", &token, &body).await;
        answer.assert_problem(400, "Username or email already registered");
    }
}

fn statuses(answers: &[Answer]) -> Vec<u16> {
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    statuses
}

#[sqlx::test]
async fn what_is_wrong_with_a_registration_is_named(db: PgPool) {
    let (state, token) = TestState::with_admin(db).await;
    let good =
        json!({"username": "ravi", "email": "ravi@x.example", "password": PASSWORD, "full_name": null});
    let cases: [(Value, &[&str]); 14] = [
        (json!({"username": ""}), &["username"]),
        (json!({"username": "ra\u{0}vi"}), &["username"]),
        (json!({"username": "r".repeat(65)}), &["username"]),
        (json!({"username": null}), &["username"]),
        (json!({"email": "ravi"}), &["email"]),
        (json!({"email": ["ravi@x.example"]}), &["email"]),
        (json!({"password": ""}), &["password"]),
        (json!({"password": "short"}), &["password"]),
        (json!({"password": "password12345"}), &["password"]),
        (json!({"password": 123_456_789_012_345_i64}), &["password"]),
        (json!({"full_name": "a\u{0}b"}), &["full_name"]),
        (json!({"full_name": 5}), &["full_name"]),
        (json!({"is_admin": "yes"}), &["is_admin"]),
        (json!({"username": 1, "email": null, "is_admin": 0}), &["username", "email", "is_admin"]),
    ];
    for (change, fields) in cases {
        let mut body = good.clone();
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let answer = state.post("/api/users/register", &token, &body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.fields()),
            (422, fields.iter().map(ToString::to_string).collect()),
            "{change}"
        );
    }
    let empty = state.post("/api/users/register", &token, &json!({})).await;
    assert_eq!(empty.fields(), ["username", "email", "password"]);
    for (body, status) in [("", 422), ("[]", 422), ("{", 422), ("null", 422), ("\u{0}", 422)] {
        let answer = state.post_text("/api/users/register", &token, body).await;
        assert_eq!((answer.status.as_u16(), answer.fields()), (status, vec!["body".to_owned()]), "{body:?}");
    }
    let huge = state.post_text("/api/users/register", &token, vec![b' '; 1024 * 1024 + 1]).await;
    huge.assert_problem(413, "The body is too large; at most 1048576 bytes are read");
    let untyped = Request::post("/api/users/register")
        .header("authorization", format!("Bearer {token}"))
        .body(Body::from(good.to_string()))
        .unwrap();
    assert_eq!(state.send(untyped).await.status, 415);
    assert_eq!(state.post("/api/users/register", &token, &good).await.status, 201);
}

#[sqlx::test]
async fn the_list_of_users_says_to_how_many_junctions_each_has_access(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    state.plain_user(&admin, "ravi").await;
    state.plain_user(&admin, "meera").await;
    for name in ["One", "Two"] {
        let junction = state.junction(&admin, name).await;
        state.grant("ravi", &junction, "observer").await;
    }
    let users = state.get("/api/users/", &admin).await.json();
    let counts: Vec<_> = users
        .as_array()
        .unwrap()
        .iter()
        .map(|user| (user["username"].clone(), user["junctions"].clone()))
        .collect();
    let expected = [("meera", 0), ("ravi", 2), ("admin", 0)];
    assert_eq!(counts, expected.map(|(name, count)| (json!(name), json!(count))));
}

#[sqlx::test]
async fn the_list_of_users_pages(db: PgPool) {
    let (state, token) = TestState::with_admin(db).await;
    for name in ["a", "b", "c", "d"] {
        sqlx::query("INSERT INTO users (username, email, password_hash) VALUES ($1, $1 || '@x.example', '')")
            .bind(name)
            .execute(&state.app.db)
            .await
            .unwrap();
    }
    let mut path = "/api/users/?limit=2".to_owned();
    let mut seen = Vec::new();
    for _ in 0..3 {
        let answer = state.get(&path, &token).await;
        let page = answer.json();
        seen.extend(
            page.as_array().unwrap().iter().map(|user| user["username"].as_str().unwrap().to_owned()),
        );
        let link = answer.header("link").to_owned();
        path = link.trim_start_matches('<').split('>').next().unwrap().to_owned();
    }
    assert_eq!((seen.join(" "), path.as_str()), ("d c b a admin".to_owned(), ""));
    for bad in ["limit=0", "limit=1001", "limit=x", "cursor=zz", "cursor=00", "cursor=%00"] {
        assert_eq!(state.get(&format!("/api/users/?{bad}"), &token).await.status, 422, "{bad}");
    }
}

#[derive(clap::Parser)]
struct Cli {
    #[command(subcommand)]
    command: user::UserCommand,
}

#[sqlx::test]
async fn the_command_creates_users_under_the_same_rules(db: PgPool) {
    let parse = |args: &[&str]| {
        let cli = <Cli as clap::Parser>::try_parse_from([&["user", "create"], args].concat())
            .expect("the arguments parse");
        match cli.command {
            user::UserCommand::Create(user) => user,
            other => panic!("create was asked for, not {other:?}"),
        }
    };
    let args = ["--username", "asha", "--email", "asha@x.example", "--admin"];
    let weak = user::create(&db, parse(&args), "short".into()).await.unwrap_err().to_string();
    assert!(weak.contains("password: A password has at least 12 characters"), "{weak}");
    assert_eq!(user::create(&db, parse(&args), PASSWORD.into()).await.unwrap(), "asha");
    let taken = user::create(&db, parse(&args), PASSWORD.into()).await.unwrap_err().to_string();
    assert_eq!(taken, "Username or email already registered");
    let state = TestState::new(db);
    let token = state.token("asha").await;
    assert_eq!(state.get("/api/users/me", &token).await.json()["is_admin"], true);
}
