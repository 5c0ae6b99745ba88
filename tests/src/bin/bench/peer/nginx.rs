//! nginx, as a proxy, and as the backend of all of them.

use super::{Place, Proxy, Setup};
use crate::{
    check, ports,
    process::{Cores, Server, pinned},
    scenario::ORIGIN,
};
use anyhow::Result;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Answers `/…/small` with a few bytes, `/…/large` with a MiB, and `/…/echo` with what the proxy
/// has added.
pub(crate) fn backend(folder: &Path, cores: &Cores) -> Result<Server> {
    let port = ports::free()?;
    fs::write(folder.join("large"), vec![b'x'; 1024 * 1024])?;
    let echo: String = check::ADDED
        .iter()
        .map(|name| format!("{name}=$http_{};", name.to_ascii_lowercase().replace('-', "_")))
        .collect();
    let server = format!(
        "open_file_cache max=8;
         sendfile on;
         server {{
           listen 127.0.0.1:{port} backlog=4096;
           default_type application/octet-stream;
           location ~ /large$ {{ alias {folder}/large; }}
           location ~ /echo$ {{ return 200 '{echo}'; }}
           location / {{ return 200 '{small}'; }}
         }}",
        folder = folder.display(),
        small = check::SMALL,
    );
    let place = folder.join("backend");
    fs::create_dir(&place)?;
    let config = config(&place, "access_log off;", &server)?;
    Server::start("nginx (backend)", command(&cores.load, &place, &config), port, "/route-0/small")
}

/// The allowed origin, or nothing.
fn cors_map() -> String {
    format!("map $http_origin $cors_origin {{ default ''; '{ORIGIN}' $http_origin; }}")
}

/// What a location has of the policy; an `if` inherits no `add_header`.
const CORS: &str = "
    proxy_hide_header Access-Control-Allow-Origin;
    add_header Access-Control-Allow-Origin $cors_origin always;
    add_header Vary Origin always;
    add_header X-Request-Id $request_id always;
    if ($request_method = OPTIONS) {
        add_header Access-Control-Allow-Origin $cors_origin always;
        add_header Access-Control-Allow-Methods 'PUT' always;
        add_header Access-Control-Allow-Headers 'x-api-key, content-type' always;
        add_header Access-Control-Max-Age 7200 always;
        add_header Vary 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers' always;
        add_header X-Request-Id $request_id always;
        return 204;
    }";

pub(super) fn proxy(place: &Place, setup: &Setup<'_>) -> Result<Proxy> {
    let cors = setup.scenario.cors();
    let (map, cors) = if cors { (cors_map(), CORS) } else { (String::new(), "") };
    let locations: String = (0..setup.scenario.routes())
        .map(|i| format!("location /route-{i}/ {{ {cors} proxy_pass http://backend; }}\n"))
        .collect();
    let tls = match setup.scenario.is_tls() {
        true => format!(
            "listen 127.0.0.1:{} ssl http2 backlog=4096;
             ssl_certificate {};
             ssl_certificate_key {};
             ssl_protocols TLSv1.3;",
            place.https,
            setup.certificate.chain.display(),
            setup.certificate.key.display(),
        ),
        false => String::new(),
    };
    let server = format!(
        "{map}
         upstream backend {{ server 127.0.0.1:{backend}; keepalive 1024; keepalive_requests 1000000000; }}
         server {{
           listen 127.0.0.1:{port} backlog=4096;
           {tls}
           proxy_http_version 1.1;
           proxy_buffers 16 64k;
           proxy_busy_buffers_size 128k;
           proxy_max_temp_file_size 0;
           proxy_set_header Host $http_host;
           proxy_set_header Connection \"\";
           proxy_set_header X-Forwarded-For $remote_addr;
           proxy_set_header X-Forwarded-Proto $scheme;
           proxy_set_header X-Forwarded-Host $http_host;
           proxy_set_header X-Forwarded-Port $server_port;
           proxy_set_header Forwarded 'for=$remote_addr;host=\"$http_host\";proto=$scheme';
           proxy_set_header X-Real-IP $remote_addr;
           proxy_set_header X-Request-Id $request_id;
           proxy_set_header Via '1.1 bench';
           add_header X-Request-Id $request_id always;
           {locations}
         }}",
        backend = setup.backend,
        port = place.http,
    );
    let log = match setup.is_logged {
        true => format!("access_log {} combined buffer=32k flush=1s;", place.log().display()),
        false => "access_log off;".to_owned(),
    };
    let config = config(&place.folder, &log, &server)?;
    place.start(command(&setup.cores.proxy, &place.folder, &config))
}

fn command(core: &str, folder: &Path, config: &Path) -> Command {
    let mut command = pinned(core, "nginx");
    command.arg("-e").arg("stderr").arg("-p").arg(folder).arg("-c").arg(config);
    command
}

/// One process, so that killing it kills all of it.
fn config(folder: &Path, log: &str, server: &str) -> Result<PathBuf> {
    let config = folder.join("nginx.conf");
    let place = folder.display();
    fs::write(
        &config,
        format!(
            "daemon off;
             master_process off;
             pid {place}/pid;
             error_log stderr error;
             events {{ worker_connections 4096; }}
             http {{
               {log}
               keepalive_requests 1000000000;
               client_body_temp_path {place}/body;
               proxy_temp_path {place}/proxy;
               fastcgi_temp_path {place}/fastcgi;
               uwsgi_temp_path {place}/uwsgi;
               scgi_temp_path {place}/scgi;
               {server}
             }}"
        ),
    )?;
    Ok(config)
}
