//! Ways from one junction to the next.

use crate::layout::layout;
use crate::state::TestState;
use serde_json::{Value, json};
use sqlx::PgPool;

#[sqlx::test]
async fn links_join_lanes_that_exist(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let (a, b) = (state.junction(&admin, "A").await, state.junction(&admin, "B").await);
    let lane = async |id: &str, at: usize| layout(&state, &admin, id).await["lanes"][at]["lane_id"].clone();
    let (from, to) = (lane(&a, 0).await, lane(&b, 1).await);
    let path = format!("/api/links/{a}/{b}");
    let body = json!({"from_lanes": [from], "to_lanes": [to], "distance_m": 350, "free_flow_s": 30});
    let answer = state.request("PUT", &path, &admin, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(state.get("/api/links", &admin).await.json(), json!([answer.json()]));
    let back = format!("/api/links/{b}/{a}");
    assert_eq!(
        state.request("PUT", &back, &admin, &json!({"distance_m": 350, "free_flow_s": 30})).await.status,
        200
    );
    let all = state.get("/api/links", &admin).await.json();
    assert_eq!((all.as_array().unwrap().len(), state.by_pages_of_one("/api/links", &admin).await), (2, all));
    assert_eq!(state.request("DELETE", &back, &admin, &Value::Null).await.status, 204);
    for (path, body, status) in [
        (path.clone(), json!({"distance_m": 0, "free_flow_s": 30}), 422),
        (path.clone(), json!({"distance_m": 350}), 422),
        (path.clone(), json!({"from_lanes": [to], "distance_m": 350, "free_flow_s": 30}), 422),
        (format!("/api/links/{a}/{a}"), json!({"distance_m": 350, "free_flow_s": 30}), 422),
        (
            format!("/api/links/{a}/00000000-0000-0000-0000-000000000001"),
            json!({"distance_m": 1, "free_flow_s": 1}),
            404,
        ),
    ] {
        let answer = state.request("PUT", &path, &admin, &body).await;
        assert_eq!(answer.status.as_u16(), status, "{path} {body}: {}", answer.text);
    }
    let plain = state.plain_user(&admin, "ravi").await;
    assert_eq!(state.get("/api/links", &plain).await.json(), json!([]));
    state.grant("ravi", &b, "observer").await;
    assert_eq!(state.get("/api/links", &plain).await.json().as_array().unwrap().len(), 1);
    assert_eq!(state.request("DELETE", &path, &admin, &Value::Null).await.status, 204);
    assert_eq!(state.request("DELETE", &path, &admin, &Value::Null).await.status, 404);
}

/// Takes the first lanes of a junction out.
async fn remove_lanes(state: &TestState, admin: &str, id: &str, count: usize) -> (u16, String) {
    let lanes = layout(state, admin, id).await["lanes"].as_array().expect("lanes")[count..].to_vec();
    let stage = |lane: &Value| json!({"stage": lane["lane_name"], "groups": [lane["lane_name"]], "min_green_s": 7, "max_green_s": 60});
    let stages: Vec<Value> = lanes.iter().map(stage).collect();
    let body = json!({"lanes": lanes, "groups": [], "stages": stages});
    let answer = state.request("PUT", &format!("/api/junctions/{id}/lanes"), admin, &body).await;
    (answer.status.as_u16(), answer.text)
}

#[sqlx::test]
async fn links_forget_lanes_that_go_and_keep_their_last_one_from_going(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let (a, b) = (state.junction(&admin, "A").await, state.junction(&admin, "B").await);
    let (of_a, of_b) = (layout(&state, &admin, &a).await, layout(&state, &admin, &b).await);
    let lane = |of: &Value, at: usize| of["lanes"][at]["lane_id"].clone();
    let out = json!({
        "from_lanes": [lane(&of_a, 0), lane(&of_a, 1)], "to_lanes": [lane(&of_b, 0)], "distance_m": 350, "free_flow_s": 30,
    });
    let back = json!({"to_lanes": [lane(&of_a, 1)], "distance_m": 350, "free_flow_s": 30});
    for (path, link) in [(format!("/api/links/{a}/{b}"), &out), (format!("/api/links/{b}/{a}"), &back)] {
        assert_eq!(state.request("PUT", &path, &admin, link).await.status, 200);
    }
    let lanes_of = async |end: &str| {
        let links = state.get("/api/links", &admin).await.json();
        let link = links.as_array().unwrap().iter().find(|link| link["from_junction"] == json!(a)).cloned();
        link.map(|link| link[end].clone())
    };
    let comes_back = async || {
        let file = state.get("/api/junctions/export", &admin).await.json();
        let answer = state.post("/api/junctions/import", &admin, &file).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(state.get("/api/junctions/export", &admin).await.json(), file);
        file
    };
    comes_back().await;
    let (status, text) = remove_lanes(&state, &admin, &a, 1).await;
    assert_eq!(status, 200, "{text}");
    assert_eq!(lanes_of("from_lanes").await, Some(json!([lane(&of_a, 1)])));
    let deeds = state.get("/api/audit?action=junction.lanes", &admin).await.json();
    let told = &deeds[0]["detail"]["links"];
    assert_eq!((told.as_array().map(Vec::len), &told[0]["from_lanes"]), (Some(1), &json!([lane(&of_a, 1)])));
    let mut file = comes_back().await;

    let (status, text) = remove_lanes(&state, &admin, &a, 1).await;
    assert!(status == 409 && text.contains("names only lanes that would go"), "{status}: {text}");
    assert_eq!(layout(&state, &admin, &a).await["lanes"].as_array().map(Vec::len), Some(3));
    // A file of one junction alone leaves its links to others as they are.
    file["links"] = json!([]);
    file["junctions"].as_array_mut().unwrap().retain(|junction| junction["junction_id"] == json!(a));
    for field in ["lanes", "stages"] {
        file["junctions"][0][field].as_array_mut().unwrap().remove(0);
    }
    file["junctions"][0]["groups"] = json!([]);
    let import = async || state.post("/api/junctions/import", &admin, &file).await;
    let answer = import().await;
    assert!(
        answer.status == 409 && answer.text.contains("names only lanes that would go"),
        "{}",
        answer.text
    );
    let more = json!({
        "from_lanes": [lane(&of_a, 1), lane(&of_a, 2)], "to_lanes": [lane(&of_b, 0)], "distance_m": 350, "free_flow_s": 30,
    });
    assert_eq!(state.request("PUT", &format!("/api/links/{a}/{b}"), &admin, &more).await.status, 200);
    assert_eq!(import().await.status, 409, "the way back names none but that");
    assert_eq!(
        state.request("DELETE", &format!("/api/links/{b}/{a}"), &admin, &Value::Null).await.status,
        204
    );
    let answer = import().await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(lanes_of("from_lanes").await, Some(json!([lane(&of_a, 2)])));
    let deeds = state.get("/api/audit?action=junction.import", &admin).await.json();
    assert_eq!(deeds[0]["detail"]["changed_links"][0]["from_lanes"], json!([lane(&of_a, 2)]));
    comes_back().await;
}
