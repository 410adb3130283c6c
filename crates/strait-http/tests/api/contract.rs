//! The generated OpenAPI document, held against what clients of Tiger Cloud find there (`promises.txt`).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::things::Things;
use crate::world::{BASE, World};

const PROMISES: &str = include_str!("promises.txt");

#[test]
fn the_document_keeps_what_is_promised() {
    let broken = broken(&document());
    assert_eq!(broken, Vec::<String>::new(), "{}", broken.join("\n"));
}

#[test]
fn a_document_that_does_not_is_told_by_what_it_breaks() {
    let path = format!("{BASE}/projects/{{project_id}}/vpcs");
    let path = path.as_str();
    type Spoil = Box<dyn Fn(&mut Value)>;
    let logout = format!("{BASE}/auth/logout");
    let logs = format!("{BASE}/projects/{{project_id}}/services/{{service_id}}/logs");
    let spoils: [(&str, Spoil); 16] = [
        ("GET /projects/{project_id}/vpcs", {
            let path = path.to_owned();
            Box::new(move |document| take(&mut document["paths"][&path], "get"))
        }),
        ("POST /projects/{project_id}/vpcs: 201", {
            let path = path.to_owned();
            Box::new(move |document| {
                take(&mut document["paths"][&path]["post"]["responses"], "201");
            })
        }),
        (
            "Vpc.cidr",
            Box::new(|document| take(properties(document, "VPC"), "cidr")),
        ),
        (
            "Vpc.name",
            Box::new(|document| properties(document, "VPC")["name"]["type"] = "integer".into()),
        ),
        (
            "Service.status",
            Box::new(|document| {
                let words = &mut properties(document, "Service")["status"]["enum"];
                words.as_array_mut().expect("words").push("SLEEPING".into());
            }),
        ),
        (
            "ServiceCreate.environment_tag",
            Box::new(|document| {
                properties(document, "ServiceCreate")["environment_tag"]["enum"] =
                    serde_json::json!(["DEV"]);
            }),
        ),
        (
            "NewService.created",
            Box::new(|document| take(properties(document, "Service"), "created")),
        ),
        (
            "Error.message",
            Box::new(|document| take(properties(document, "Error"), "message")),
        ),
        ("GET /projects/{project_id}/vpcs: refusals", {
            let path = path.to_owned();
            Box::new(move |document| {
                take(
                    &mut document["paths"][&path]["get"]["responses"]["4XX"],
                    "content",
                );
            })
        }),
        (
            "Vpc.id",
            Box::new(|document| take(&mut properties(document, "VPC")["id"], "pattern")),
        ),
        (
            "ServiceVpc.vpc_id",
            Box::new(|document| {
                properties(document, "ServiceVPCInput")["vpc_id"]["pattern"] = "^[a-z]+$".into();
            }),
        ),
        (
            "ReadReplicaSet.cpu_millis",
            Box::new(|document| take(properties(document, "ReadReplicaSet"), "cpu_millis")),
        ),
        (
            "POST /auth/logout: a body",
            Box::new(move |document| {
                document["paths"][&logout]["post"]["requestBody"]["required"] = true.into();
            }),
        ),
        (
            "Logout.refresh_token",
            Box::new(|document| take(properties(document, "Logout"), "refresh_token")),
        ),
        ("LogQuery.severities", {
            let logs = logs.clone();
            Box::new(move |document| {
                let all = document["paths"][&logs]["get"]["parameters"].as_array_mut();
                all.expect("parameters")
                    .retain(|parameter| parameter["name"] != "severities");
            })
        }),
        (
            "GET /projects/{project_id}/services/{service_id}/logs: service_id",
            {
                Box::new(move |document| {
                    let all = document["paths"][&logs]["get"]["parameters"].as_array_mut();
                    let mut all = all.expect("parameters").iter_mut();
                    let found = all.find(|parameter| parameter["name"] == "service_id");
                    found.expect("it is there")["schema"]["type"] = "integer".into();
                })
            },
        ),
    ];
    for (what, spoil) in spoils {
        let mut document = document();
        spoil(&mut document);
        let broken = broken(&document);
        assert!(
            broken.iter().any(|line| line.contains(what)),
            "{what} is not told of: {broken:?}"
        );
    }
}

#[tokio::test]
async fn ids_are_what_the_document_says() {
    let world = World::new().await;
    let things = Things::of(&world, &world.project, 1).await;
    for id in [&things.vpc, &things.spare, &things.peering] {
        assert!(id.bytes().all(|byte| byte.is_ascii_digit()), "{id}");
    }
    let service = world.get(&format!("/services/{}", things.service)).await;
    assert_eq!(service.str("/vpc_endpoint/vpc_id"), things.vpc);
}

fn document() -> Value {
    serde_json::to_value(strait_http::openapi()).expect("a description is JSON")
}

fn take(object: &mut Value, name: &str) {
    let taken = object.as_object_mut().expect("an object").remove(name);
    assert!(taken.is_some(), "{name} was not there");
}

fn properties<'a>(document: &'a mut Value, schema: &str) -> &'a mut Value {
    &mut document["components"]["schemas"][schema]["properties"]
}

/// Which promises a document breaks.
fn broken(document: &Value) -> Vec<String> {
    let promises = read(PROMISES);
    let mut check = Check {
        document,
        types: &promises.types,
        broken: Vec::new(),
    };
    for operation in &promises.operations {
        check.operation(operation, &promises.parts);
    }
    for query in &promises.queries {
        check.query(query);
    }
    check.broken
}

struct Promises {
    operations: Vec<Operation>,
    types: Types,
    queries: Vec<Query>,
    /// The kind of each part of the paths.
    parts: BTreeMap<String, String>,
}

struct Operation {
    method: String,
    path: String,
    sent: Option<String>,
    status: String,
    answered: Option<String>,
}

/// What an operation is asked by.
struct Query {
    method: String,
    path: String,
    kind: String,
}

/// The fields of each type: name, kind, whether it is always there.
type Types = BTreeMap<String, Vec<(String, String, bool)>>;

fn read(text: &str) -> Promises {
    let (mut operations, mut types) = (Vec::new(), Types::new());
    let (mut queries, mut parts) = (Vec::new(), BTreeMap::new());
    let mut current = String::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] => {}
            [first, ..] if first.starts_with('#') => {}
            ["type", name] => current = (*name).to_owned(),
            ["path", name, kind] => drop(parts.insert((*name).to_owned(), (*kind).to_owned())),
            ["query", method, path, kind] => queries.push(Query {
                method: method.to_lowercase(),
                path: (*path).to_owned(),
                kind: (*kind).to_owned(),
            }),
            [name, kind] => types.entry(current.clone()).or_default().push((
                name.trim_end_matches('!').to_owned(),
                (*kind).to_owned(),
                name.ends_with('!'),
            )),
            [method, path, rest @ ..] => {
                let arrow = rest.iter().position(|word| *word == "->");
                let arrow = arrow.unwrap_or_else(|| panic!("no arrow in {line:?}"));
                operations.push(Operation {
                    method: method.to_lowercase(),
                    path: (*path).to_owned(),
                    sent: rest[..arrow].first().map(ToString::to_string),
                    status: rest[arrow + 1].to_owned(),
                    answered: rest.get(arrow + 2).map(ToString::to_string),
                });
            }
            [_] => panic!("what is {line:?}?"),
        }
    }
    assert!(
        operations.len() > 20 && types.len() > 15,
        "all of it is read"
    );
    Promises {
        operations,
        types,
        queries,
        parts,
    }
}

/// Which way a value goes: who reads it decides what more or less of it is harmless.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Answered,
    Sent,
}

struct Check<'a> {
    document: &'a Value,
    types: &'a Types,
    broken: Vec<String>,
}

impl Check<'_> {
    fn operation(&mut self, promised: &Operation, parts: &BTreeMap<String, String>) {
        let name = format!("{} {}", promised.method.to_uppercase(), promised.path);
        let path = format!("{BASE}{}", promised.path);
        let found = self.document["paths"][&path][&promised.method].clone();
        if found.is_null() {
            return self.broken.push(format!("{name} is not there"));
        }
        let response = &found["responses"][&promised.status];
        if response.is_null() {
            return self.broken.push(format!(
                "{name}: {} is not among its answers",
                promised.status
            ));
        }
        let refusals = &found["responses"]["4XX"]["content"]["application/json"]["schema"];
        if refusals.is_null() {
            let line = format!("{name}: refusals are not described");
            self.broken.push(line);
        } else {
            self.value(&name, &refusals.clone(), "Error", Way::Answered);
        }
        for (part, kind) in parts {
            if promised.path.contains(&format!("{{{part}}}")) {
                let place = format!("{name}: {part}");
                let schema = parameter(&found, "path", part)["schema"].clone();
                self.value(&place, &schema, kind, Way::Sent);
            }
        }
        if let Some(kind) = &promised.answered {
            let schema = response["content"]["application/json"]["schema"].clone();
            self.value(&name, &schema, kind, Way::Answered);
        }
        if let Some(kind) = &promised.sent {
            let kind = match kind.strip_suffix('?') {
                Some(_) if found["requestBody"]["required"] == true => {
                    let line = format!("{name}: a body is asked for, and not sent by all");
                    return self.broken.push(line);
                }
                Some(kind) => kind,
                None => kind,
            };
            let schema = found["requestBody"]["content"]["application/json"]["schema"].clone();
            self.value(&name, &schema, kind, Way::Sent);
        }
    }

    /// Every part of a query is known, and none is asked for that not all send.
    fn query(&mut self, promised: &Query) {
        let path = format!("{BASE}{}", promised.path);
        let found = self.document["paths"][&path][&promised.method].clone();
        let types = self.types;
        let fields = &types[&promised.kind];
        for (field, kind, _) in fields {
            let place = format!("{}.{field}", promised.kind);
            let found = parameter(&found, "query", field);
            // Lists are repeated, one value each time.
            if found["explode"] == false {
                self.broken.push(format!("{place} is not repeated"));
            }
            self.value(&place, &found["schema"], kind, Way::Sent);
        }
        for parameter in found["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap_or_default();
            let sent = fields
                .iter()
                .any(|(field, _, always)| field == name && *always);
            if parameter["in"] == "query" && parameter["required"] == true && !sent {
                let line = format!("{}.{name} is asked for, and not sent by all", promised.kind);
                self.broken.push(line);
            }
        }
    }

    fn value(&mut self, place: &str, schema: &Value, kind: &str, way: Way) {
        let options = self.options(schema);
        if let Some(kind) = kind
            .strip_prefix('[')
            .and_then(|kind| kind.strip_suffix(']'))
        {
            let lists: Vec<&Value> = (options.iter())
                .filter(|option| is(option, "array"))
                .collect();
            let [list] = lists.as_slice() else {
                return self.broken.push(format!("{place} is no list: {schema}"));
            };
            return match kind {
                "any" => {}
                kind => self.value(place, &list["items"].clone(), kind, way),
            };
        }
        match kind {
            "string" | "integer" | "boolean" => {
                if !options.iter().any(|option| is(option, kind)) {
                    self.broken.push(format!("{place} is no {kind}: {schema}"));
                }
            }
            "digits" => {
                let is_it = |option: &Value| {
                    is(option, "string")
                        && match (&option["pattern"], way) {
                            (Value::Null, Way::Sent) => true,
                            (pattern, Way::Sent | Way::Answered) => pattern == "^[0-9]+$",
                        }
                };
                if !options.iter().any(is_it) {
                    self.broken.push(format!("{place} is no digits: {schema}"));
                }
            }
            "time" => {
                let is_time =
                    |option: &Value| is(option, "string") && option["format"] == "date-time";
                if !options.iter().any(is_time) {
                    self.broken.push(format!("{place} is no time: {schema}"));
                }
            }
            words if words.contains('|') => self.words(place, &options, words, way),
            name => self.object(name, &options, way),
        }
    }

    /// Clients know all words that are answered, and every word that they send is known.
    fn words(&mut self, place: &str, options: &[Value], words: &str, way: Way) {
        let promised: BTreeSet<&str> = words.split('|').collect();
        let ours = options
            .iter()
            .filter_map(|option| option["enum"].as_array());
        let ours: BTreeSet<&str> = ours.flatten().filter_map(Value::as_str).collect();
        let harmless = !ours.is_empty()
            && match way {
                Way::Answered => ours.is_subset(&promised),
                Way::Sent => promised.is_subset(&ours),
            };
        if !harmless {
            self.broken
                .push(format!("{place} has the words {ours:?}, not {promised:?}"));
        }
    }

    fn object(&mut self, name: &str, options: &[Value], way: Way) {
        let types = self.types;
        let fields = types.get(name).unwrap_or_else(|| panic!("no type {name}"));
        let (mut properties, mut required) = (BTreeMap::new(), BTreeSet::new());
        for option in options {
            for (field, schema) in option["properties"].as_object().into_iter().flatten() {
                properties.insert(field.clone(), schema.clone());
            }
            let names = option["required"].as_array().into_iter().flatten();
            required.extend(names.filter_map(Value::as_str).map(str::to_owned));
        }
        for (field, kind, always) in fields {
            let place = format!("{name}.{field}");
            let Some(schema) = properties.get(field) else {
                self.broken.push(format!("{place} is not there"));
                continue;
            };
            if way == Way::Answered && *always && !required.contains(field) {
                self.broken.push(format!("{place} may be missing"));
            }
            self.value(&place, schema, kind, way);
        }
        if way == Way::Sent {
            let sent: BTreeSet<String> = (fields.iter())
                .filter(|(_, _, always)| *always)
                .map(|(field, _, _)| field.clone())
                .collect();
            for field in required.difference(&sent) {
                self.broken
                    .push(format!("{name}.{field} is asked for, and not sent by all"));
            }
        }
    }

    /// What a schema may be or consists of, references followed.
    fn options(&self, schema: &Value) -> Vec<Value> {
        if let Some(reference) = schema["$ref"].as_str() {
            let pointer = reference.trim_start_matches('#');
            let target = self.document.pointer(pointer).cloned();
            return self.options(&target.unwrap_or_else(|| panic!("no {reference}")));
        }
        let parts = ["allOf", "oneOf", "anyOf"]
            .iter()
            .filter_map(|name| schema[*name].as_array());
        let parts: Vec<Value> = parts
            .flatten()
            .flat_map(|part| self.options(part))
            .collect();
        if parts.is_empty() {
            return vec![schema.clone()];
        }
        parts
    }
}

/// A parameter of an operation.
fn parameter(operation: &Value, place: &str, name: &str) -> Value {
    let all = operation["parameters"].as_array().into_iter().flatten();
    let mut found = all.filter(|parameter| parameter["in"] == place && parameter["name"] == name);
    found.next().cloned().unwrap_or_default()
}

/// Whether a schema's type is this, or this or nothing.
fn is(schema: &Value, kind: &str) -> bool {
    match &schema["type"] {
        Value::String(one) => one == kind,
        Value::Array(all) => all.iter().any(|one| one == kind),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}
