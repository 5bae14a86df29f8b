//! `[console]`.

use super::table::Table;
use std::path::PathBuf;

/// Where the running agent listens when the file does not say: the runtime folder that systemd makes for the service.
pub(super) const SOCKET: &str = "/run/flextraff/agent.sock";
/// Most bytes of a Unix socket's path (unix(7): 108 with the end mark).
const LONGEST_PATH: usize = 107;

/// Reads `[console]`: the socket through which a person at this machine looks at the running agent.
pub(super) fn read_console(root: &mut Table<'_>) -> PathBuf {
    let mut table = root.table("console", "[console]");
    let socket = table.path_to("socket");
    if let Some(socket) = &socket
        && socket.value.as_os_str().len() > LONGEST_PATH
    {
        let bytes = socket.value.as_os_str().len();
        table.report.add(
            socket.at,
            format!("socket of [console] has {bytes} bytes; the path of a socket has at most {LONGEST_PATH}"),
        );
    }
    table.finish();
    socket.map_or_else(|| PathBuf::from(SOCKET), |socket| socket.value)
}
