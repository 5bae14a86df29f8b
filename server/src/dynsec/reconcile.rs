//! Which commands bring the broker's clients and roles to what they must be; pure.
//!
//! Only what bears the server's own mark is ever disabled or deleted: other users of the broker stay as they are.

use super::state::{Acl, Client, State};
use crate::authority::user_name;
use crate::db::enrolment::{BrokerLogin, Credential, Logins};
use flextraff_common::ids::DeviceId;
use flextraff_common::wire::topics::{agent_filters, agent_publishes, every_topic};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Role of the server itself.
const SERVER_ROLE: &str = "flextraff-server";
/// How the role of a device begins; its id follows.
const DEVICE_ROLE: &str = "flextraff-device-";
/// Role of those whose certificate has ended. Where a certificate names the user, Mosquitto 2.0 lets in whom it does not know and whom it was told to
/// keep out, without asking the plugin, which then only decides on topics: so such a user stays known, and may do nothing.
const ENDED_ROLE: &str = "flextraff-ended";
/// Stands for the credential of such a client.
const ENDED: &str = "ended";
/// Name for people of a client that the server keeps.
const MARK: &str = "FlexTraff device";
/// Rights of a device go before what its role forbids.
const ALLOWED: i32 = 10;

fn role_of(device: DeviceId) -> String {
    format!("{DEVICE_ROLE}{device}")
}

fn acl(acltype: &str, topic: String, priority: i32, allow: bool) -> Acl {
    Acl { acltype: acltype.to_owned(), topic, priority, allow }
}

/// What a device may do: publish under its own junction and id, and read what comes down to it and what its neighbours tell each other.
fn rights_of(login: &BrokerLogin) -> Vec<Acl> {
    let BrokerLogin { device, junction, linked, .. } = login;
    let mut rights: Vec<Acl> = agent_publishes(*junction, *device)
        .into_iter()
        .map(|topic| acl("publishClientSend", topic, ALLOWED, true))
        .collect();
    for filter in agent_filters(*junction, *device, linked) {
        rights.push(acl("subscribeLiteral", filter.clone(), ALLOWED, true));
        rights.push(acl("publishClientReceive", filter, ALLOWED, true));
    }
    // A subscription that outlives its right brings nothing any more.
    rights.push(acl("publishClientReceive", "#".to_owned(), 0, false));
    rights.sort();
    rights
}

fn server_rights() -> Vec<Acl> {
    ["publishClientReceive", "publishClientSend", "subscribePattern"]
        .map(|kind| acl(kind, every_topic(), ALLOWED, true))
        .to_vec()
}

/// Nothing at all, not even what the broker allows everybody.
fn no_rights() -> Vec<Acl> {
    ["publishClientReceive", "publishClientSend", "subscribePattern"]
        .map(|kind| acl(kind, "#".to_owned(), ALLOWED, false))
        .to_vec()
}

/// The commands, in the order in which they are to be carried out; none: everything is as it must be. `server` is the server's own user name.
pub fn commands(logins: &Logins, server: Option<&str>, state: &State) -> Vec<Value> {
    let mut commands = Vec::new();
    set_role(SERVER_ROLE, &server_rights(), state, &mut commands);
    if let Some(name) = server
        && state.clients.get(name).is_some_and(|client| !client.has(SERVER_ROLE))
    {
        commands.push(json!({"command": "addClientRole", "username": name, "rolename": SERVER_ROLE}));
    }
    let mut known = BTreeSet::new();
    if !logins.ended.is_empty() {
        set_role(ENDED_ROLE, &no_rights(), state, &mut commands);
    }
    for (device, serial) in &logins.ended {
        let name = user_name(*device, serial);
        let ended = Wanted { name: &name, role: ENDED_ROLE, credential: ENDED, password: None };
        ended.set(state, &mut commands);
        known.insert(name);
    }
    for login in &logins.devices {
        let by_password = login.device.to_string();
        let mut name = &by_password;
        let by_certificate;
        if let Some(Credential { id, password, serial }) = &login.credential {
            if let Some(serial) = serial {
                by_certificate = user_name(login.device, serial);
                name = &by_certificate;
            }
            let role = role_of(login.device);
            set_role(&role, &rights_of(login), state, &mut commands);
            let wanted = Wanted { name, role: &role, credential: &id.to_string(), password: Some(password) };
            wanted.set(state, &mut commands);
            known.insert(name.clone());
        }
        if *name != by_password || login.credential.is_none() {
            if state
                .clients
                .get(&by_password)
                .is_some_and(|client| client.textname == MARK && !client.disabled)
            {
                commands.push(json!({"command": "disableClient", "username": by_password}));
            }
            known.insert(by_password);
        }
    }
    for client in state.clients.values() {
        if client.textname == MARK && !known.contains(&client.username) {
            commands.push(json!({"command": "deleteClient", "username": client.username}));
        }
    }
    let devices: BTreeSet<String> = logins.devices.iter().map(|login| login.device.to_string()).collect();
    for role in state.roles.keys() {
        if role.strip_prefix(DEVICE_ROLE).is_some_and(|device| !devices.contains(device)) {
            commands.push(json!({"command": "deleteRole", "rolename": role}));
        }
    }
    commands
}

fn set_role(role: &str, rights: &[Acl], state: &State, commands: &mut Vec<Value>) {
    let command = match state.roles.get(role) {
        None => "createRole",
        Some(there) => {
            let mut there = there.clone();
            there.sort();
            if there == rights {
                return;
            }
            "modifyRole"
        }
    };
    commands.push(json!({"command": command, "rolename": role, "acls": rights}));
}

/// A client as it must be.
struct Wanted<'a> {
    name: &'a str,
    role: &'a str,
    credential: &'a str,
    /// `None`: it is kept out.
    password: Option<&'a str>,
}

impl Wanted<'_> {
    fn set(&self, state: &State, commands: &mut Vec<Value>) {
        let Self { name, role, credential, password } = *self;
        let whole = |command: &str| {
            let mut whole = json!({
                "command": command, "username": name, "textname": MARK, "textdescription": credential,
                "roles": [{"rolename": role}],
            });
            if let Some(password) = password {
                whole["password"] = password.into();
            }
            whole
        };
        let client = state.clients.get(name);
        let as_wanted = |client: &Client| {
            client.textname == MARK
                && client.textdescription == credential
                && client.has(role)
                && (password.is_some() || client.roles.len() == 1)
        };
        match client {
            None => commands.push(whole("createClient")),
            Some(client) if !as_wanted(client) => commands.push(whole("modifyClient")),
            Some(_) => {}
        }
        let is_disabled = client.is_some_and(|client| client.disabled);
        if is_disabled != password.is_none() {
            let command = if is_disabled { "enableClient" } else { "disableClient" };
            commands.push(json!({"command": command, "username": name}));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::state::RoleName;
    use super::*;
    use flextraff_common::ids::JunctionId;
    use uuid::Uuid;

    fn login(device: u128, password: Option<&str>) -> BrokerLogin {
        BrokerLogin {
            device: DeviceId(Uuid::from_u128(device)),
            junction: JunctionId(Uuid::from_u128(1)),
            linked: vec![JunctionId(Uuid::from_u128(2))],
            credential: password.map(|password| Credential {
                id: Uuid::from_u128(7),
                password: password.to_owned(),
                serial: None,
            }),
        }
    }

    fn only(devices: &[BrokerLogin]) -> Logins {
        Logins { devices: devices.to_vec(), ended: Vec::new() }
    }

    fn roles(names: &[&str]) -> Vec<RoleName> {
        names.iter().map(|name| RoleName { rolename: (*name).to_owned() }).collect()
    }

    fn client(name: &str, of: &[&str]) -> Client {
        Client { username: name.to_owned(), roles: roles(of), ..Client::default() }
    }

    /// The broker after it has carried out commands; only those that `commands` gives.
    fn obey(state: &mut State, commands: &[Value]) {
        for command in commands {
            let text = |field: &str| command[field].as_str().unwrap_or_default().to_owned();
            let (name, role) = (text("username"), text("rolename"));
            match command["command"].as_str().unwrap() {
                "createRole" | "modifyRole" => {
                    state.roles.insert(role, serde_json::from_value(command["acls"].clone()).unwrap());
                }
                "deleteRole" => {
                    state.roles.remove(&role);
                }
                "createClient" | "modifyClient" => {
                    let new: Client = serde_json::from_value(command.clone()).unwrap();
                    let disabled = state.clients.get(&name).is_some_and(|client| client.disabled);
                    state.clients.insert(name, Client { disabled, ..new });
                }
                "deleteClient" => {
                    state.clients.remove(&name);
                }
                "disableClient" | "enableClient" => {
                    let client = state.clients.get_mut(&name).unwrap();
                    client.disabled = command["command"] == "disableClient";
                }
                "addClientRole" => {
                    state.clients.get_mut(&name).unwrap().roles.push(RoleName { rolename: role });
                }
                other => panic!("{other} is no command"),
            }
        }
    }

    fn names(commands: &[Value]) -> Vec<String> {
        commands
            .iter()
            .map(|command| {
                let on = [&command["username"], &command["rolename"]]
                    .map(|name| name.as_str().unwrap_or_default());
                format!("{} {}", command["command"].as_str().unwrap(), on.concat())
            })
            .collect()
    }

    /// What it takes until all is as it must be.
    fn next(state: &mut State, logins: &Logins) -> Vec<String> {
        let given = commands(logins, None, state);
        obey(state, &given);
        assert_eq!(commands(logins, None, state), Vec::<Value>::new());
        names(&given)
    }

    fn id(device: u128) -> String {
        Uuid::from_u128(device).to_string()
    }

    #[test]
    fn an_empty_broker_gets_everything_and_then_nothing_more() {
        let mut state = State::default();
        state.clients.insert("server".into(), client("server", &["admin"]));
        let logins = only(&[login(5, Some("secret")), login(6, None)]);
        let given = commands(&logins, Some("server"), &state);
        let role = role_of(DeviceId(Uuid::from_u128(5)));
        assert_eq!(
            names(&given),
            [
                format!("createRole {SERVER_ROLE}"),
                format!("addClientRole server{SERVER_ROLE}"),
                format!("createRole {role}"),
                format!("createClient {}", id(5)),
            ]
        );
        obey(&mut state, &given);
        assert_eq!(commands(&logins, Some("server"), &state), Vec::<Value>::new());
    }

    #[test]
    fn revocation_new_credentials_new_links_and_deletion_are_followed_and_strangers_stay() {
        let mut state = State::default();
        state.clients.insert("stranger".into(), client("stranger", &["flextraff-device-x-not-ours"]));
        state.roles.insert("theirs".into(), Vec::new());
        let given = commands(&only(&[login(5, Some("old"))]), None, &state);
        obey(&mut state, &given);
        assert_eq!(next(&mut state, &only(&[login(5, None)])), [format!("disableClient {}", id(5))]);
        let mut again = login(5, Some("new"));
        again.credential = Some(Credential { id: Uuid::from_u128(8), password: "new".into(), serial: None });
        assert_eq!(
            next(&mut state, &only(&[again.clone()])),
            [format!("modifyClient {}", id(5)), format!("enableClient {}", id(5))]
        );
        again.linked.clear();
        assert_eq!(
            next(&mut state, &only(&[again.clone()])),
            [format!("modifyRole {}", role_of(again.device))]
        );
        assert_eq!(
            next(&mut state, &Logins::default()),
            [format!("deleteClient {}", id(5)), format!("deleteRole {}", role_of(again.device))]
        );
        assert!(state.clients.contains_key("stranger") && state.roles.contains_key("theirs"));
    }

    #[test]
    fn a_certificate_is_a_name_of_its_own_and_an_ended_one_stays_known_without_any_right() {
        let (first, second) = ("4f".repeat(10), "5e".repeat(10));
        let shows = |serial: &str| {
            let mut login = login(5, Some("nobody has it"));
            if let Some(credential) = &mut login.credential {
                credential.serial = Some(serial.to_owned());
            }
            login
        };
        let device = DeviceId(Uuid::from_u128(5));
        let (old, new) = (user_name(device, &first), user_name(device, &second));
        let mut state = State::default();
        next(&mut state, &only(&[login(5, Some("secret"))]));
        // From a password to a certificate: the password ends.
        assert_eq!(
            next(&mut state, &only(&[shows(&first)])),
            [format!("createClient {old}"), format!("disableClient {}", id(5))]
        );
        let ended = vec![(device, first.clone())];
        let replaced = Logins { devices: vec![login(5, None)], ended: ended.clone() };
        assert_eq!(
            next(&mut state, &replaced),
            [
                format!("createRole {ENDED_ROLE}"),
                format!("modifyClient {old}"),
                format!("disableClient {old}")
            ]
        );
        assert_eq!(state.clients[&old].roles, roles(&[ENDED_ROLE]));
        assert!(state.roles[ENDED_ROLE].iter().all(|right| right.topic == "#" && !right.allow));
        let again = Logins { devices: vec![shows(&second)], ended: ended.clone() };
        assert_eq!(next(&mut state, &again), [format!("createClient {new}")]);
        // A broker that has lost its file is told of it anew, and a device that is gone takes its certificates with it.
        let mut lost = State::default();
        next(&mut lost, &again);
        assert!(lost.clients[&old].disabled && !lost.clients[&new].disabled);
        let gone = Logins { devices: Vec::new(), ended: vec![(device, first), (device, second)] };
        next(&mut lost, &gone);
        assert!(lost.clients.values().all(|client| client.disabled && client.roles == roles(&[ENDED_ROLE])));
        assert!(!lost.roles.contains_key(&role_of(device)));
        // When they have expired nobody can show them any more.
        next(&mut lost, &Logins::default());
        assert_eq!(lost.clients.len(), 0);
    }

    #[test]
    fn a_device_has_the_rights_of_its_junction_and_no_other() {
        let rights = rights_of(&login(5, Some("secret")));
        let may = |kind: &str, topic: &str| {
            rights
                .iter()
                .filter(|right| {
                    right.acltype == kind && flextraff_common::wire::topics::matches(&right.topic, topic)
                })
                .max_by_key(|right| right.priority)
                .is_some_and(|right| right.allow)
        };
        let (own, linked, other) = (id(1), id(2), id(3));
        for (kind, topic, expected) in [
            ("publishClientSend", format!("flextraff/{own}/{}/car-counts", id(9)), true),
            ("publishClientSend", format!("flextraff/{own}/status/{}", id(5)), true),
            ("publishClientSend", format!("flextraff/{own}/status/{}", id(6)), false),
            ("publishClientSend", format!("flextraff/{own}/green-time"), false),
            ("publishClientSend", format!("flextraff/{linked}/demand"), false),
            ("publishClientReceive", format!("flextraff/{own}/keys/{}", id(5)), true),
            ("publishClientReceive", format!("flextraff/{own}/keys/{}", id(6)), false),
            ("publishClientReceive", format!("flextraff/{linked}/demand"), true),
            ("publishClientReceive", format!("flextraff/{other}/demand"), false),
            ("subscribeLiteral", format!("flextraff/{linked}/signal"), true),
            ("subscribeLiteral", format!("flextraff/{linked}/green-time"), false),
            ("subscribePattern", "flextraff/#".to_owned(), false),
        ] {
            assert_eq!(may(kind, &topic), expected, "{kind} {topic}");
        }
    }
}
