//! HAProxy.

use super::{super::backend::COUNT, Settings};
use crate::process::{Cores, pinned};
use std::{fmt::Write as _, path::Path, process::Command};

pub(super) fn command(cores: &Cores, config: &Path) -> Command {
    let mut command = pinned(&cores.proxy, "haproxy");
    command.arg("-db").arg("-f").arg(config);
    command
}

/// It brings back a server by a check: where there are to be none but the passive ones, a connection
/// after 30 s is the nearest to an ejection that ends then.
pub(super) fn config(settings: Settings, port: u16, backends: [u16; COUNT]) -> String {
    let (checks, check) = match settings {
        Settings::Active => (
            "\n    option httpchk GET /healthz\n    http-check expect status 200-399\n    timeout check 1s",
            "check inter 1s fall 2 rise 2",
        ),
        Settings::Passive | Settings::Band | Settings::Default => {
            ("", "check inter 30s fall 3 rise 1")
        }
    };
    let mut config = format!(
        r"global
    nbthread 1
    maxconn 8192
defaults
    mode http
    timeout client 75s
    timeout connect 2s
    timeout server 2500ms
    http-reuse always
frontend door
    bind 127.0.0.1:{port} backlog 4096
    default_backend app
backend app
    balance leastconn
    retries 1
    option redispatch
    retry-on conn-failure empty-response
    http-request disable-l7-retry if METH_POST{checks}
    default-server {check} observe layer7 error-limit 5 on-error mark-down pool-max-conn 1000
"
    );
    for (index, port) in backends.iter().enumerate() {
        // A String takes every write.
        let _ = writeln!(config, "    server app-{index} 127.0.0.1:{port}");
    }
    config
}
