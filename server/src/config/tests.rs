//! What people get wrong in the file and in the environment.

use super::super::Setting;
use super::*;

fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn problems(file: &str, pairs: &[(&str, &str)]) -> Vec<String> {
    let problems = Config::read(Some(("server.toml", file)), env(pairs)).expect_err("a mistake is found");
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_defaults() {
    let file =
        "[http]\nbind = \"0.0.0.0:80\"\ncors_origins = [\"https://a.example\"]\n[retention]\nepc_days = 7\n";
    let config = Config::read(
        Some(("server.toml", file)),
        env(&[
            ("FLEXTRAFF_HTTP__BIND", "127.0.0.1:81"),
            ("FLEXTRAFF_HTTP__TRUSTED_PROXIES", "10.0.0.1, ::1"),
            ("FLEXTRAFF_AUTH__ALLOW_FIRST_USER", "false"),
            ("FLEXTRAFF_LOG", "debug"),
            ("DATABASE_URL", "not read"),
        ]),
    )
    .expect("all of it is right");
    assert_eq!(config.http.bind.port(), 81);
    assert_eq!(config.http.trusted_proxies.len(), 2);
    assert_eq!(config.http.cors_origins, ["https://a.example"]);
    assert_eq!((config.retention.epc_days, config.retention.counts_days), (7, 730));
    assert_eq!(config.auth.allow_first_user, Some(false));
    assert_eq!(config.database.url().unwrap_err().to_string().matches("FLEXTRAFF_DATABASE__URL").count(), 1);
}

#[test]
fn each_value_tells_where_it_comes_from() {
    let file = "[http]\nbind = \"0.0.0.0:80\"\n[retention]\ncounts_days = 40\nepc_days = 7\n";
    let pairs = env(&[
        ("FLEXTRAFF_HTTP__BIND", "127.0.0.1:81"),
        ("FLEXTRAFF_DATABASE__URL", "postgresql://flextraff:hunter2@db/flextraff"),
    ]);
    let settings = Config::read(Some(("server.toml", file)), pairs).expect("all of it is right").settings();
    let shown = |section: &str, key: &str| {
        let setting = settings.iter().find(|setting| setting.section == section && setting.key == key);
        let Setting { value, origin, place, .. } = setting.expect("every key is there").clone();
        (value.unwrap_or_default(), origin, place.unwrap_or_default())
    };
    let variable = |name: &str| (Origin::Environment, name.to_owned());
    let (value, origin, place) = shown("http", "bind");
    assert_eq!((value, (origin, place)), ("127.0.0.1:81".into(), variable("FLEXTRAFF_HTTP__BIND")));
    assert_eq!(shown("retention", "epc_days"), (7.into(), Origin::File, "server.toml:5".to_owned()));
    assert_eq!(shown("auth", "access_token_minutes"), (30.into(), Origin::Default, String::new()));
    assert_eq!(shown("mqtt", "url"), (serde_json::Value::Null, Origin::Default, String::new()));
    let (value, origin, place) = shown("database", "url");
    assert_eq!(value, "postgresql://flextraff:***@db/flextraff");
    assert_eq!((origin, place), variable("FLEXTRAFF_DATABASE__URL"));
    assert_eq!(settings.len(), keys().count());
}

#[test]
fn every_mistake_is_named_with_its_place_and_the_nearest_name() {
    let file = "[http]\nbnd = \"x\"\nbind = 8000\n[htp]\n[auth]\naccess_token_minutes = 0\n";
    assert_eq!(
        problems(
            file,
            &[("FLEXTRAFF_MQTT__ULR", "mqtt://h"), ("FLEXTRAFF_DATABASE__MAX_CONNECTIONS", "many")]
        ),
        [
            "server.toml:2:1: there is no key \"bnd\"; did you mean \"bind\"?",
            "server.toml:3:8: http.bind: expected a text in quotes, found integer",
            "server.toml:4:2: there is no section \"htp\"; did you mean \"http\"?",
            "server.toml:6:24: auth.access_token_minutes: 0 is out of range; it lies between 1 and 1440",
            "FLEXTRAFF_DATABASE__MAX_CONNECTIONS: \"many\" is not a whole number",
            "FLEXTRAFF_MQTT__ULR: there is no variable \"FLEXTRAFF_MQTT__ULR\"; did you mean \"FLEXTRAFF_MQTT__URL\"?",
        ]
    );
}

#[test]
fn broken_toml_is_named_with_its_place() {
    let problems = problems("[http]\nbind = \"a\n[mqtt\n", &[]);
    assert!(problems[0].starts_with("server.toml:2:"), "{problems:?}");
}

#[test]
fn what_belongs_together_is_checked_together() {
    let problems =
        problems("[http]\ntls_cert_file = \"a\"\n[retention]\nepc_days = 30\ncounts_days = 7\n", &[]);
    assert_eq!(problems.len(), 2, "{problems:?}");
}

#[test]
fn secrets_are_shown_nowhere() {
    let pairs = env(&[
        ("FLEXTRAFF_DATABASE__URL", "postgresql://flextraff:hunter2@db/flextraff"),
        ("FLEXTRAFF_MQTT__URL", "mqtts://city:hunter2@broker.example"),
    ]);
    let config = Config::read(None, pairs).expect("both are addresses");
    let shown = config.to_masked_toml().expect("it is TOML");
    assert!(shown.contains("postgresql://flextraff:***@db/flextraff"), "{shown}");
    assert!(!shown.contains("hunter2") && !format!("{config:?}").contains("hunter2"));
    let again = Config::read(Some(("shown", &shown)), []).expect("what is shown can be read");
    assert_eq!(again.http, config.http);
}

#[test]
fn a_password_with_the_marks_of_an_address_is_shown_nowhere() {
    for password in ["hun/ter2", "hun?ter2", "hun#ter2", "hun@t/er2"] {
        let url = format!("mqtt://u:{password}@broker");
        let config = Config::read(None, [("FLEXTRAFF_MQTT__URL".to_owned(), url)]).expect("it is an address");
        let shown = config.to_masked_toml().expect("it is TOML");
        assert!(shown.contains("mqtt://u:***@") && !shown.contains("er2"), "{shown}");
    }
}

#[test]
fn a_wrong_address_does_not_put_its_password_into_the_message() {
    let problems = problems(
        "",
        &[
            ("FLEXTRAFF_MQTT__URL", "mqtt://u:hunter2@h:x"),
            ("FLEXTRAFF_DATABASE__URL", "mysql://u:hunter2@h"),
        ],
    );
    assert_eq!(problems.len(), 2);
    assert!(!problems.concat().contains("hunter2"), "{problems:?}");
}

#[test]
fn the_example_file_has_every_key_and_reads_with_and_without_its_comments() {
    let example = include_str!("../../../config/server.toml");
    assert_eq!(Config::read(Some(("server.toml", example)), []), Ok(Config::default()));
    let is_key = |line: &&str| line.starts_with('#') && !line.starts_with("# ");
    let open: Vec<&str> = example.lines().map(|line| if is_key(&line) { &line[1..] } else { line }).collect();
    let config = Config::read(Some(("server.toml", &open.join("\n"))), []).expect("every example is valid");
    for key in keys() {
        assert!((key.show)(&config).is_some(), "{}.{} is not in the example", key.section, key.name);
    }
}
