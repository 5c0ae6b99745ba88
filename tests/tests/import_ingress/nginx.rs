//! nginx, as Debian has it, with what ingress-nginx would generate.

use anyhow::{Context, Result, bail};
use std::{
    fs,
    net::{SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::net::TcpStream;

/// A running nginx. Ends when dropped.
pub(crate) struct Nginx {
    child: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Nginx {
    /// Serves these `server` blocks, which say `listen LISTEN;`, with these upstreams.
    pub(crate) async fn start(
        servers: &str,
        upstreams: &[(&str, Vec<SocketAddr>)],
    ) -> Result<Self> {
        // A port may be taken between finding and using it.
        for _ in 0..5 {
            let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
            let folder = tempfile::tempdir()?;
            let upstreams: String = upstreams
                .iter()
                .map(|(name, addresses)| {
                    let servers: String =
                        addresses.iter().map(|it| format!(" server {it};")).collect();
                    format!("upstream {name} {{{servers} }}\n")
                })
                .collect();
            let servers = servers.replace("LISTEN", &address.to_string());
            let path = folder.path().display();
            let config = format!(
                "daemon off; master_process off; pid {path}/pid; error_log stderr;\n\
                 events {{ worker_connections 64; }}\n\
                 http {{\naccess_log off; default_type text/plain; port_in_redirect off;\n\
                 client_body_temp_path {path}/a; proxy_temp_path {path}/b;\n\
                 fastcgi_temp_path {path}/c; uwsgi_temp_path {path}/d; scgi_temp_path {path}/e;\n\
                 proxy_http_version 1.1; proxy_set_header Host $http_host;\n\
                 {upstreams}\
                 server {{ listen {address} default_server; server_name _; return 404; }}\n\
                 {servers}\n}}\n"
            );
            let file = folder.path().join("nginx.conf");
            fs::write(&file, config)?;
            let child = Command::new("nginx")
                .args(["-p", &path.to_string(), "-e", "stderr", "-c"])
                .arg(&file)
                .stdin(Stdio::null())
                .spawn()
                .context("nginx")?;
            let mut nginx = Self { child, address, _folder: folder };
            if nginx.is_up().await? {
                return Ok(nginx);
            }
        }
        bail!("nginx does not start: see its errors above")
    }

    async fn is_up(&mut self) -> Result<bool> {
        let end = Instant::now() + Duration::from_secs(20);
        while Instant::now() < end {
            if self.child.try_wait()?.is_some() {
                return Ok(false);
            }
            if TcpStream::connect(self.address).await.is_ok() {
                return Ok(true);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(false)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}
