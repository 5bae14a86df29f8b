//! What goes wrong between agent and broker: it is named with the way out, and passes without a restart once it is mended.

use super::support::server::Server;
use super::support::{Broker, PASSWORD, USER, certificate, path, run};
use super::{Agent, DEVICE, JUNCTION, connections, counts, disconnected, folder, mqtt, status};
use flextraff_agent::config::MqttConfig;
use flextraff_agent::link::LinkRequest;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The findings of `flextraff-agent check` about the broker, each with its state, and its exit code.
fn check(folder: &Path, port: u16) -> (Vec<(String, String)>, Option<i32>) {
    let file = folder.join("agent.toml");
    let text = format!(
        r#"
[junction]
id = "{JUNCTION}"
[device]
id = "{DEVICE}"
[[lane]]
id = "33333333-3333-4333-8333-000000000001"
name = "N"
[[lane]]
id = "33333333-3333-4333-8333-000000000002"
name = "E"
[[stage]]
name = "N"
lanes = ["N"]
[[stage]]
name = "E"
lanes = ["E"]
[clock]
trust = "always"
[outbox]
path = "{}"
max_mb = 8
[mqtt]
url = "mqtt://127.0.0.1:{port}"
username = "{USER}"
password_file = "{}"
"#,
        folder.join("outbox.sqlite").display(),
        folder.join("secret").display()
    );
    std::fs::write(&file, text).expect("the folder is writable");
    let output = Command::new(env!("CARGO_BIN_EXE_flextraff-agent"))
        .args(["check", "--json", "--config", path(&file)])
        .output()
        .expect("the agent starts");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(report["checks"][0]["state"], "Ok", "{report}");
    let findings = report["checks"]
        .as_array()
        .expect("checks are a list")
        .iter()
        .filter(|finding| finding["check"] == "broker");
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let findings = findings.map(|finding| {
        (text(&finding["state"]), format!("{} → {}", text(&finding["message"]), text(&finding["action"])))
    });
    (findings.collect(), output.status.code())
}

/// Writes a file and says who may read it.
fn write_secret(file: &Path, text: &str, mode: u32) {
    std::fs::write(file, text).expect("the folder is writable");
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).expect("the folder is writable");
}

#[test]
fn check_tells_whether_the_broker_accepts_the_device_and_disturbs_no_running_agent() {
    let folder = folder();
    let broker = Broker::start(folder.path());
    let server = Server::start(broker.port);
    let mut agent = Agent::start(folder.path(), mqtt(broker.port));
    agent.ask(LinkRequest::Status(Box::new(status())));
    server.wait("the status", |received| received.status.is_some());

    let secret = folder.path().join("secret");
    write_secret(&secret, PASSWORD, 0o640);
    let (findings, code) = check(folder.path(), broker.port);
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].0, "Ok", "{findings:?}");
    assert!(findings[0].1.contains("accepts the device"), "{findings:?}");
    assert_eq!(code, Some(0), "{findings:?}");

    write_secret(&secret, "another\n", 0o644);
    let (findings, code) = check(folder.path(), broker.port);
    assert_eq!(findings[0].0, "Warning", "{findings:?}");
    assert!(findings[0].1.contains("every user may read password_file"), "{findings:?}");
    assert_eq!(findings[1].0, "Failed", "{findings:?}");
    assert!(findings[1].1.contains("refuses this user name and password → correct username"), "{findings:?}");
    assert_eq!(code, Some(1));

    agent.commit(vec![counts(5000, 1)]);
    agent.serve_until("the ack", |agent| agent.pending() == 0);
    assert_eq!(connections(&agent), 1);
    assert!(!disconnected(&agent, ""));
    server.look(|received| assert!(received.status.as_ref().is_some_and(|(status, _)| status.online)));
    agent.stop();
    server.stop();
}

#[test]
fn a_new_password_is_used_without_a_restart() {
    let folder = folder();
    let broker = Broker::start(folder.path());
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "old\n").unwrap();
    let rotated = MqttConfig { password: None, password_file: Some(secret.clone()), ..mqtt(broker.port) };
    let mut agent = Agent::start(folder.path(), rotated);
    agent.serve_until("the refusal", |agent| disconnected(agent, "correct username and password_file"));
    std::fs::remove_file(&secret).unwrap();
    agent.serve_until("the missing file", |agent| disconnected(agent, "secret gives no password"));
    std::fs::write(&secret, format!("{PASSWORD}\n")).unwrap();
    agent.serve_until("the connection", |agent| connections(agent) == 1);
    agent.stop();
}

#[test]
fn a_frozen_broker_is_noticed_by_keep_alive_and_costs_no_row() {
    let folder = folder();
    let broker = Broker::start(folder.path());
    let server = Server::start(broker.port);
    let mut agent = Agent::start(folder.path(), mqtt(broker.port));
    agent.serve_until("the connection", |agent| connections(agent) == 1);
    broker.signal("STOP");
    agent.commit((1..=50).map(|n| counts(n * 5000, 2)).collect());
    let frozen = (agent.clock)().mono;
    agent.serve_until("the end of the connection", |agent| disconnected(agent, "no longer answers"));
    // One and a half keep-alives of 15 s, and what a loaded machine takes.
    let noticed = (agent.clock)().mono.since(frozen);
    assert!(noticed < 30_000, "noticed after {noticed} ms");
    broker.signal("CONT");
    agent.serve_until("acks for all rows", |agent| agent.pending() == 0);
    server.look(|received| {
        assert_eq!(received.rows.len(), 50);
        for (seq, copies) in &received.rows {
            assert!(copies.iter().all(|copy| *copy == copies[0]), "row {seq} changed between two copies");
        }
    });
    agent.stop();
    server.stop();
}

/// A certificate signed by `ca` for a name and a time from, to. Only `openssl ca` takes dates in every version.
pub(crate) fn dated_certificate(
    folder: &Path,
    name: &str,
    subject: &str,
    dates: (&str, &str),
) -> (PathBuf, PathBuf) {
    let file = |name: &str| folder.join(name).display().to_string();
    let text = format!(
        "[ca]\ndefault_ca=own\n[own]\ndatabase={}\nnew_certs_dir={}\ncertificate={}\nprivate_key={}\nrand_serial=yes\ndefault_md=sha256\nunique_subject=no\npolicy=any\nx509_extensions=leaf\n[any]\ncommonName=supplied\n[leaf]\nbasicConstraints=critical,CA:FALSE\nsubjectAltName={subject}\n",
        file("index"),
        folder.display(),
        file("ca.pem"),
        file("ca.key")
    );
    let (pem, key) = (file(&format!("{name}.pem")), file(&format!("{name}.key")));
    let (settings, request) = (file("ca.conf"), file("request.csr"));
    std::fs::write(&settings, text).expect("the folder is writable");
    std::fs::write(file("index"), "").expect("the folder is writable");
    let curve = "ec_paramgen_curve:P-256";
    run(
        "openssl",
        &[
            "req",
            "-new",
            "-newkey",
            "ec",
            "-pkeyopt",
            curve,
            "-nodes",
            "-subj",
            "/CN=broker",
            "-keyout",
            &key,
            "-out",
            &request,
        ],
    );
    run(
        "openssl",
        &[
            "ca",
            "-batch",
            "-notext",
            "-config",
            &settings,
            "-startdate",
            dates.0,
            "-enddate",
            dates.1,
            "-in",
            &request,
            "-out",
            &pem,
        ],
    );
    (pem.into(), key.into())
}

#[test]
fn each_fault_of_the_brokers_certificate_has_its_own_sentence() {
    let folder = folder();
    let (ca, stranger) = (folder.path().join("ca.pem"), folder.path().join("other-authority.pem"));
    certificate(folder.path(), "ca", "/CN=Test authority", &[]);
    certificate(folder.path(), "other-authority", "/CN=Another authority", &[]);
    let (here, elsewhere) = ("IP:127.0.0.1", "DNS:elsewhere.example.org");
    let now = ("20200101000000Z", "20700101000000Z");
    let past = ("20200101000000Z", "20210101000000Z");
    let future = ("20700101000000Z", "20710101000000Z");
    for (name, subject, dates, trusted, words) in [
        ("stranger", here, now, &stranger, "from an authority that is not trusted; give"),
        ("other-name", elsewhere, now, &ca, "is for another host name; write"),
        ("expired", here, past, &ca, "has expired; renew"),
        ("early", here, future, &ca, "is not valid yet; correct this computer's date"),
    ] {
        let (pem, key) = dated_certificate(folder.path(), name, subject, dates);
        let lines = format!("certfile {}\nkeyfile {}", pem.display(), key.display());
        let broker = Broker::start_with(folder.path(), &lines);
        let trusting = MqttConfig { tls: true, ca_file: Some(trusted.clone()), ..mqtt(broker.port) };
        let mut agent = Agent::start(folder.path(), trusting);
        agent.serve_until(name, |agent| disconnected(agent, words));
        assert_eq!(connections(&agent), 0);
        agent.stop();
    }
}

#[test]
fn a_host_that_does_not_exist_is_named() {
    let folder = folder();
    let nowhere = MqttConfig { host: "broker.invalid".to_owned(), ..mqtt(1) };
    let mut agent = Agent::start(folder.path(), nowhere);
    agent.serve_until("the refusal", |agent| disconnected(agent, "check the host in url of [mqtt]"));
    agent.stop();
}

impl Broker {
    /// Sends a signal to the broker's process, by name.
    fn signal(&self, name: &str) {
        run("kill", &[&format!("-{name}"), &self.pid().to_string()]);
    }
}
