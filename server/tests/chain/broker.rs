//! A private Mosquitto that knows the server and one device, and gives the device no more rights than it needs.

use crate::certificate::make_certificate;
use crate::process::{Process, tool, until};
use crate::world::{DEVICE, JUNCTION};
use flextraff_common::wire::topics::{Topic, agent_filters, agent_publishes};
use serde_json::Value;
use std::fmt::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Output;

/// The server's user; tests use it as well.
const SERVER: &str = "server";
const SERVER_PASSWORD: &str = "asphalt and paint";
pub(crate) const DEVICE_PASSWORD: &str = "a lamp at every corner";

pub(crate) struct Broker {
    process: Option<Process>,
    folder: PathBuf,
    pub(crate) port: u16,
    /// Where devices show their certificates.
    pub(crate) certificate_port: Option<u16>,
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    listener.local_addr().expect("it is bound").port()
}

impl Broker {
    pub(crate) async fn start(folder: &Path) -> Self {
        let (passwords, acl) = (folder.join("passwords"), folder.join("acl"));
        std::fs::write(&passwords, format!("{SERVER}:{SERVER_PASSWORD}\n{DEVICE}:{DEVICE_PASSWORD}\n"))
            .expect("the folder is writable");
        let hashed = tool("mosquitto_passwd").arg("-U").arg(&passwords).status();
        assert!(hashed.expect("mosquitto_passwd is installed").success());
        std::fs::write(&acl, rights()).expect("the folder is writable");
        Self::start_with(
            folder,
            &format!("password_file {}\nacl_file {}\n", passwords.display(), acl.display()),
        )
        .await
    }

    /// One that knows the server only, which makes the logins of devices.
    pub(crate) async fn start_for_server(folder: &Path) -> Self {
        Self::start_with(folder, &dynamic_security(folder)).await
    }

    /// The same, with another listener for devices that show certificates of the authority in `device-ca.crt`.
    pub(crate) async fn start_for_certificates(folder: &Path) -> Self {
        make_certificate(&folder.join("broker.crt"), &folder.join("broker.key"));
        let port = free_port();
        let file = |name: &str| folder.join(name).display().to_string();
        let lines = format!(
            "{}listener {port} 127.0.0.1\ncertfile {}\nkeyfile {}\ncafile {}\nrequire_certificate true\n\
             use_identity_as_username true\nuse_username_as_clientid true\n",
            dynamic_security(folder),
            file("broker.crt"),
            file("broker.key"),
            file("device-ca.crt")
        );
        let mut broker = Self::start_with(folder, &lines).await;
        broker.certificate_port = Some(port);
        broker
    }

    async fn start_with(folder: &Path, lines: &str) -> Self {
        let port = free_port();
        let config = format!(
            "listener {port} 127.0.0.1\nallow_anonymous false\npersistence false\nuser root\n{lines}"
        );
        std::fs::write(folder.join("mosquitto.conf"), config).expect("the folder is writable");
        let mut broker = Self { process: None, folder: folder.to_owned(), port, certificate_port: None };
        broker.start_again().await;
        broker
    }

    /// Starts it with the same port; it remembers nothing.
    pub(crate) async fn start_again(&mut self) {
        let mut command = tool("mosquitto");
        command.arg("-c").arg(self.folder.join("mosquitto.conf"));
        self.process = Some(Process::start(&mut command, &self.folder.join("mosquitto.log")));
        until("the broker listens", async || TcpStream::connect(("127.0.0.1", self.port)).ok()).await;
    }

    pub(crate) fn kill(&mut self) {
        self.process.take().expect("it runs").kill();
    }

    /// Address for the server, with its credentials.
    pub(crate) fn server_url(&self) -> String {
        format!("mqtt://{SERVER}:{}@127.0.0.1:{}", SERVER_PASSWORD.replace(' ', "%20"), self.port)
    }

    /// Publishes as any plain client would, and waits until the broker has it.
    pub(crate) fn publish(&self, topic: &str, payload: &str) {
        let status = tool("mosquitto_pub")
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-u", SERVER, "-P", SERVER_PASSWORD])
            .args(["-q", "1", "-t", topic, "-m", payload])
            .status();
        assert!(status.expect("mosquitto_pub is installed").success());
    }

    /// A client that shows the certificate in a file of this folder.
    pub(crate) fn showing(&self, program: &str, file: &str, arguments: &[&str]) -> Output {
        let port = self.certificate_port.expect("it has a listener for certificates");
        let mut command = tool(program);
        command.args(["-h", "localhost", "-p", &port.to_string(), "-q", "1"]);
        for (option, file) in [("--cafile", "broker.crt"), ("--cert", file), ("--key", file)] {
            command.arg(option).arg(self.folder.join(file));
        }
        command.args(arguments).output().expect("it is installed")
    }

    /// The device's last status, which the broker keeps.
    pub(crate) fn status(&self) -> Option<Value> {
        let output = tool("mosquitto_sub")
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-u", SERVER, "-P", SERVER_PASSWORD])
            .args(["-C", "1", "-W", "2", "-t", &Topic::Status(JUNCTION, DEVICE).to_string()])
            .output();
        serde_json::from_slice(&output.expect("mosquitto_sub is installed").stdout).ok()
    }
}

/// The plugin, with a file in which the server's account stands alone.
fn dynamic_security(folder: &Path) -> String {
    let rights = folder.join("rights.json");
    let made =
        tool("mosquitto_ctrl").args(["dynsec", "init"]).arg(&rights).args([SERVER, SERVER_PASSWORD]).status();
    assert!(made.expect("mosquitto_ctrl is installed").success());
    let folders = std::fs::read_dir("/usr/lib").expect("there is such a folder");
    let plugin = folders
        .filter_map(Result::ok)
        .map(|folder| folder.path().join("mosquitto_dynamic_security.so"))
        .find(|place| place.exists())
        .expect("Mosquitto has its plugin for dynamic security");
    format!("plugin {}\nplugin_opt_config_file {}\n", plugin.display(), rights.display())
}

fn rights() -> String {
    let mut text = format!("user {SERVER}\ntopic readwrite flextraff/#\n\nuser {DEVICE}\n");
    for filter in agent_filters(JUNCTION, DEVICE, &[]) {
        writeln!(text, "topic read {filter}").expect("text takes text");
    }
    for topic in agent_publishes(JUNCTION, DEVICE) {
        writeln!(text, "topic write {topic}").expect("text takes text");
    }
    text
}
