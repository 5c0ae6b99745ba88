//! nginx, as the backend of both proxies and as the one that Portico is compared with.

use crate::{
    ports,
    process::{Cores, Server, pinned},
    scenario::{ORIGIN, Scenario},
};
use anyhow::Result;
use std::{fs, path::Path};

/// Answers `/…/small` with a few bytes and `/…/large` with a MiB.
pub(crate) fn backend(folder: &Path, cores: &Cores) -> Result<Server> {
    let port = ports::free()?;
    fs::write(folder.join("large"), vec![b'x'; 1024 * 1024])?;
    let server = format!(
        "open_file_cache max=8;
         sendfile on;
         server {{
           listen 127.0.0.1:{port} backlog=4096;
           default_type application/octet-stream;
           location ~ /large$ {{ alias {folder}/large; }}
           location / {{ return 200 'a small answer'; }}
         }}",
        folder = folder.display(),
    );
    start("nginx (backend)", &server, folder, &cores.load, port)
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

/// A proxy that does what Portico does with such requests: the client's forwarding headers go and
/// its own come, a request id both ways, `Via` on requests, connections to the backend kept, and
/// the CORS policy where there is one.
pub(crate) fn proxy(
    folder: &Path,
    cores: &Cores,
    scenario: Scenario,
    backend: &Server,
) -> Result<Server> {
    let port = ports::free()?;
    let (map, cors) = if scenario.cors() { (cors_map(), CORS) } else { (String::new(), "") };
    let locations: String = (0..scenario.routes())
        .map(|i| format!("location /route-{i}/ {{ {cors} proxy_pass http://backend; }}\n"))
        .collect();
    let server = format!(
        "{map}
         upstream backend {{ server 127.0.0.1:{backend}; keepalive 128; keepalive_requests 1000000000; }}
         server {{
           listen 127.0.0.1:{port} backlog=4096;
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
        backend = backend.port(),
    );
    start("nginx", &server, folder, &cores.proxy, port)
}

/// One process, so that killing it kills all of it.
fn start(name: &'static str, server: &str, folder: &Path, core: &str, port: u16) -> Result<Server> {
    let folder = folder.join(format!("nginx-{port}"));
    fs::create_dir(&folder)?;
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
               access_log off;
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
    let mut command = pinned(core, "nginx");
    command.arg("-e").arg("stderr").arg("-p").arg(&folder).arg("-c").arg(&config);
    Server::start(name, command, port, "/route-0/small")
}
