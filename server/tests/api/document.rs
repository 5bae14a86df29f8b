//! The OpenAPI document: complete, and bounded. That the server keeps to it is what `scripts/check-openapi` tries.

use flextraff_server::api;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

struct Document {
    json: Value,
    /// Places without a bound.
    open: Vec<String>,
    seen: BTreeSet<String>,
}

impl Document {
    fn new() -> Self {
        let json = serde_json::to_value(api::document()).expect("the document is JSON");
        Self { json, open: Vec::new(), seen: BTreeSet::new() }
    }

    fn operations(&self) -> Vec<(String, Value)> {
        let paths = self.json["paths"].as_object().expect("there are paths");
        let operations = |(path, item): (&String, &Value)| {
            let item: Map<String, Value> = item.as_object().cloned().unwrap_or_default();
            let path = path.clone();
            item.into_iter().map(move |(method, operation)| (format!("{method} {path}"), operation))
        };
        paths.iter().flat_map(operations).collect()
    }

    /// Notes every text without a longest length, every number without a range and every list without a largest size.
    fn bounded(&mut self, place: &str, schema: &Value) {
        if let Some(name) = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
            if self.seen.insert(name.to_owned()) {
                let schema = self.json["components"]["schemas"][name].clone();
                self.bounded(name, &schema);
            }
            return;
        }
        for kind in ["oneOf", "allOf", "anyOf"] {
            for part in schema[kind].as_array().into_iter().flatten() {
                self.bounded(place, part);
            }
        }
        let has = |names: &[&str]| names.iter().any(|name| !schema[*name].is_null());
        let is = |name: &str| {
            schema["type"] == name
                || schema["type"].as_array().is_some_and(|kinds| kinds.contains(&json!(name)))
        };
        let least = has(&["minimum", "exclusiveMinimum"]);
        let open = (is("string") && !has(&["maxLength", "enum", "pattern", "format"]))
            || ((is("integer") || is("number")) && !(least && has(&["maximum"])))
            || (is("array") && !has(&["maxItems"]));
        if open {
            self.open.push(place.to_owned());
        }
        if is("array") {
            self.bounded(&format!("{place}[]"), &schema["items"]);
        }
        for (name, part) in schema["properties"].as_object().into_iter().flatten() {
            self.bounded(&format!("{place}.{name}"), part);
        }
    }

    /// Notes every object with fields that does not say that it has no others.
    fn closed(&mut self, place: &str, schema: &Value) {
        if let Some(name) = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
            if self.seen.insert(name.to_owned()) {
                let schema = self.json["components"]["schemas"][name].clone();
                self.closed(name, &schema);
            }
            return;
        }
        for kind in ["oneOf", "allOf", "anyOf"] {
            for part in schema[kind].as_array().into_iter().flatten() {
                self.closed(place, part);
            }
        }
        if schema["properties"].is_object() && schema["additionalProperties"] != false {
            self.open.push(place.to_owned());
        }
        if schema["items"].is_object() {
            self.closed(&format!("{place}[]"), &schema["items"]);
        }
        for (name, part) in schema["properties"].as_object().into_iter().flatten() {
            self.closed(&format!("{place}.{name}"), part);
        }
    }
}

/// That they are refused is tried with each of them in `examples.rs`.
#[test]
fn a_body_says_that_fields_that_it_does_not_know_are_refused() {
    let mut document = Document::new();
    let mut bodies = 0;
    for (operation, content) in document.operations() {
        for (kind, body) in content["requestBody"]["content"].as_object().into_iter().flatten() {
            // In a form the standard wants others passed over.
            if kind == "application/json" {
                bodies += 1;
                document.closed(&operation, &body["schema"]);
            }
        }
    }
    assert!(bodies > 20, "{bodies}");
    assert!(document.open.is_empty(), "they do not say so: {:#?}", document.open);
}

#[test]
fn every_parameter_and_field_of_a_request_has_bounds() {
    let mut document = Document::new();
    for (operation, content) in document.operations() {
        for parameter in content["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().expect("parameters have names");
            document.bounded(&format!("{operation} {name}"), &parameter["schema"]);
        }
        for body in content["requestBody"]["content"].as_object().into_iter().flat_map(Map::values) {
            document.bounded(&operation, &body["schema"]);
        }
    }
    // The set-up token is compared, not kept; files and what agents keep in them are as long as a body may be.
    let free = [
        "post /api/users/register X-Setup-Token",
        "JunctionFile.junctions",
        "JunctionFile.links",
        "JunctionEntry.compatible",
        "JunctionEntry.devices",
        "JunctionEntry.intergreens",
        "DeviceEntry.device_name",
        "DeviceEntry.lanes",
        "GroupEntry.exits",
        "GroupEntry.exits[]",
        "GroupEntry.lanes",
        "StageEntry.groups",
        "StageEntry.groups[]",
        "LinkEntry.from_lanes",
        "LinkEntry.to_lanes",
    ];
    document.open.retain(|place| !free.contains(&place.as_str()));
    assert!(document.open.is_empty(), "no bounds: {:#?}", document.open);
}

#[test]
fn every_operation_tells_what_can_go_wrong_and_refuses_with_problems() {
    for (operation, content) in Document::new().operations() {
        let responses = content["responses"].as_object().expect("there are responses");
        let has = |status: &str| responses.contains_key(status);
        if operation.contains(" /api/") {
            for status in ["429", "500", "503"] {
                assert!(has(status), "{operation} does not tell of {status}");
            }
            for status in ["429", "503"] {
                assert!(responses[status]["headers"]["Retry-After"].is_object(), "{operation} {status}");
            }
            for (status, response) in responses.iter().filter(|(status, _)| status.as_str() >= "400") {
                let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(schema, "#/components/schemas/Problem", "{operation} {status}");
                assert_ne!(response["description"], "", "{operation} {status}");
            }
        }
        if content["requestBody"].is_object() {
            for status in ["400", "413", "415", "422"] {
                assert!(has(status), "{operation} does not tell of {status}");
            }
        }
        if operation.contains('{') {
            assert!(has("422"), "{operation} does not tell what becomes of an id that is none");
        }
        assert!(
            has("401") || content["security"].is_null(),
            "{operation} needs a token and never asks for it"
        );
    }
}
