//! The examples of the OpenAPI document: each body that it shows is one that the server takes.

use crate::enrolment::enrolling;
use crate::road::{Road, Verdict};
use axum::body::Body;
use axum::http::Request;
use axum::http::header::CONTENT_TYPE;
use flextraff_common::wire::PlanState;
use flextraff_server::api;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::collections::BTreeMap;

/// The example of each operation whose body has one, by method and path.
fn examples() -> BTreeMap<String, Value> {
    let document = serde_json::to_value(api::document()).expect("the document is JSON");
    let mut found = BTreeMap::new();
    for (path, item) in document["paths"].as_object().expect("there are paths") {
        for (method, operation) in item.as_object().expect("a path has operations") {
            let content = operation["requestBody"]["content"].as_object();
            for (_, body) in content.into_iter().flatten() {
                // Some bodies may also be absent.
                let schema = &body["schema"];
                let parts = schema["oneOf"].as_array().cloned().unwrap_or_else(|| vec![schema.clone()]);
                let names = parts.iter().filter_map(|part| part["$ref"].as_str()?.rsplit('/').next());
                for name in names {
                    let example = &document["components"]["schemas"][name]["example"];
                    if !example.is_null() {
                        found.insert(format!("{} {path}", method.to_uppercase()), example.clone());
                    }
                }
            }
        }
    }
    found
}

const RUNS: Verdict = |_| Some(PlanState::Running);

fn id(answer: &Value, name: &str) -> String {
    answer[name].as_str().unwrap_or_else(|| panic!("{name} in {answer}")).to_owned()
}

#[sqlx::test]
async fn the_server_takes_each_body_that_its_document_shows(db: PgPool) {
    let (state, admin) = enrolling(db).await;
    let mut left = examples();
    let mut take =
        |operation: &str| left.remove(operation).unwrap_or_else(|| panic!("{operation} shows none"));

    let user = state.post("/api/users/register", &admin, &take("POST /api/users/register")).await;
    assert_eq!(user.status, 201, "{}", user.text);
    let user = id(&user.json(), "user_id");
    let form = take("POST /api/users/token");
    let pairs = form.as_object().expect("a form has fields");
    let escaped = |(name, value): (&String, &Value)| {
        format!("{name}={}", value.as_str().expect("text").replace(' ', "+"))
    };
    let form = pairs.iter().map(escaped).collect::<Vec<_>>().join("&");
    let request = Request::post("/api/users/token").header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let signed_in = state.send(request.body(Body::from(form)).expect("well formed")).await;
    assert_eq!(signed_in.status, 200, "{}", signed_in.text);

    let junction = state.post("/api/junctions/", &admin, &take("POST /api/junctions/")).await;
    assert_eq!(junction.status, 201, "{}", junction.text);
    let junction = id(&junction.json(), "junction_id");
    let next = state.junction(&admin, "Next").await;
    let road = Road::start(state, RUNS);
    road.comes_online(&junction).await;

    let mut device = take("POST /api/devices");
    device["junction_id"] = json!(junction);
    let device = road.state.post("/api/devices", &admin, &device).await;
    assert_eq!(device.status, 201, "{}", device.text);
    let device = id(&device.json(), "device_id");

    for operation in left.keys().cloned().collect::<Vec<_>>() {
        let (method, path) = operation.split_once(' ').expect("method and path");
        let path = [
            ("{junction_id}", &junction),
            ("{from_junction}", &junction),
            ("{to_junction}", &next),
            ("{device_id}", &device),
            ("{user_id}", &user),
            ("{city}", &"Pune".to_owned()),
        ]
        .iter()
        .fold(path.to_owned(), |path, (name, value)| path.replace(name, value));
        let body = left.remove(&operation).expect("it was just there");
        let mut mistyped = body.clone();
        mistyped["no_such_field"] = json!(1);
        let refused = road.state.request(method, &path, &admin, &mistyped).await;
        assert_eq!(
            (refused.status.as_u16(), refused.fields()),
            (422, vec!["no_such_field".to_owned()]),
            "{operation}"
        );
        let answer = road.state.request(method, &path, &admin, &body).await;
        assert!((200..300).contains(&answer.status.as_u16()), "{operation} {body}: {}", answer.text);
    }
}
