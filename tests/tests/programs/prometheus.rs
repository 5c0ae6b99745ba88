//! `portico report --prometheus` with the real Prometheus, which scrapes two replicas.

use anyhow::{Context, Result, bail, ensure};
use portico_tests::{
    backend::{Backend, Reply, front_door, route, service},
    binary,
    serve::Serve,
    tls::Authority,
    wire::Wire,
};
use serde_json::Value;
use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// How long Prometheus may take to start, or to have scraped something twice.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running Prometheus below the path `/prom`. Ends when dropped.
struct Prometheus {
    child: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    /// Scrapes these targets every second.
    async fn start(targets: &[SocketAddr]) -> Result<Self> {
        // A port may be taken between finding and using it.
        for _ in 0..5 {
            let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
            let folder = tempfile::tempdir()?;
            let targets: Vec<_> = targets.iter().map(SocketAddr::to_string).collect();
            let config = format!(
                "global: {{scrape_interval: 1s}}\nscrape_configs:\n- job_name: portico\n  static_configs: [{{targets: {targets:?}}}]\n"
            );
            let file = folder.path().join("prometheus.yml");
            fs::write(&file, config)?;
            let child = Command::new("prometheus")
                .arg(format!("--config.file={}", file.display()))
                .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
                .arg(format!("--web.listen-address={address}"))
                .arg(format!("--web.external-url=http://{address}/prom/"))
                .args(["--log.level=error"])
                .stdout(Stdio::null())
                .spawn()
                .context("starting prometheus")?;
            let mut prometheus = Self { child, address, _folder: folder };
            if prometheus.is_ready().await? {
                return Ok(prometheus);
            }
        }
        bail!("prometheus finds no free port")
    }

    /// Whether it answers; not if it has ended.
    async fn is_ready(&mut self) -> Result<bool> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if self.child.try_wait()?.is_some() {
                return Ok(false);
            }
            if self.get("/prom/-/ready").is_ok() {
                return Ok(true);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("prometheus does not answer")
    }

    fn get(&self, path: &str) -> Result<String> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.address)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        ensure!(answer.contains(" 200 OK\r\n"), "{path}: {answer}");
        Ok(answer.split_once("\r\n\r\n").context("no body")?.1.to_owned())
    }

    /// Waits until a query has this result.
    async fn becomes(&self, query: &str, wanted: &str) -> Result<()> {
        let start = Instant::now();
        loop {
            let answer: Value =
                serde_json::from_str(&self.get(&format!("/prom/api/v1/query?query={query}"))?)?;
            if answer["data"]["result"][0]["value"][1] == wanted {
                return Ok(());
            }
            ensure!(start.elapsed() < PATIENCE, "{query} is not {wanted}: {answer}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

async fn report(prometheus: &str, flags: &'static [&str]) -> Output {
    trusting_report(prometheus, flags, Path::new("/dev/null")).await
}

/// The same where the system trusts the authorities in this file.
async fn trusting_report(prometheus: &str, flags: &'static [&str], authorities: &Path) -> Output {
    let mut command = Command::new(binary::portico().unwrap());
    command.args(["report", "--since=1h", "--prometheus", prometheus]).args(flags);
    command.env("SSL_CERT_FILE", authorities).env_remove("SSL_CERT_DIR");
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

/// A request of a script to its own origin, for which another origin would have needed a preflight;
/// one that fails; a preflight that is allowed.
async fn visit(serve: &Serve) {
    let lines = [
        ("PUT", "/sales", "Origin: http://www.ep.com\r\nContent-Length: 0\r\n", 200),
        ("GET", "/fail", "", 500),
        (
            "OPTIONS",
            "/cross",
            "Origin: https://app.example.com\r\nAccess-Control-Request-Method: PUT\r\n",
            204,
        ),
    ];
    for (method, path, fields, status) in lines {
        let mut wire = Wire::connect(serve.http).await.unwrap();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: www.ep.com\r\n{fields}\r\n");
        wire.send(head).await.unwrap();
        assert_eq!(wire.read_answer(method).await.unwrap().status(), status, "{method} {path}");
    }
}

fn manifests(backend: &Backend) -> String {
    let to = "backends: [{service: {name: app, port: 80}}]";
    let cors = "cors: {allowOrigins: ['https://app.example.com'], allowMethods: [PUT]}";
    [
        front_door(""),
        service("app", "http", &[backend.address()]),
        route("app", to),
        route("cross", &format!("matches: [{{path: /cross}}]\n{to}\n{cors}")),
    ]
    .concat()
}

#[tokio::test]
async fn a_report_has_the_sums_of_all_replicas() {
    if !binary::is_here("prometheus", "prometheus") {
        return;
    }
    let backend = Backend::scripted(|request| match request.target() {
        "/fail" => Reply::raw("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"),
        _ => Reply::ok("hello"),
    });
    let backend = backend.await.unwrap();
    let replicas = [(); 2].map(|()| Serve::start(&manifests(&backend), &[]).unwrap());
    let prometheus = Prometheus::start(&replicas.each_ref().map(|one| one.admin)).await.unwrap();
    let url = format!("http://{}/prom/", prometheus.address);

    // A counter counts from when it is first scraped.
    for serve in &replicas {
        visit(serve).await;
    }
    let avoided = "sum(portico_cors_preflights_avoided_total)";
    prometheus.becomes(avoided, "2").await.unwrap();
    for serve in &replicas {
        for _ in 0..20 {
            visit(serve).await;
        }
    }
    prometheus.becomes(avoided, "42").await.unwrap();
    prometheus.becomes("sum(portico_cors_preflights_total)", "42").await.unwrap();
    // The fewer samples there are, the more is extrapolated.
    let samples = "min(count_over_time(portico_cors_preflights_avoided_total[1h]))%3Ebool%205";
    prometheus.becomes(samples, "1").await.unwrap();

    let ran = report(&url, &["-o=json"]).await;
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let shown: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(shown["source"], "prometheus");
    let mut routes = shown["routes"].as_array().unwrap().iter();
    let [app, cross] =
        ["web/app", "web/cross"].map(|name| routes.find(|it| it["route"] == name).unwrap());
    // Increases are extrapolated by up to a scrape interval.
    for (value, least) in [
        (&app["avoided"], 40),
        (&app["errors"], 40),
        (&app["requests"], 80),
        (&cross["preflights"]["answered"], 40),
        (&shown["total"]["requests"], 120),
    ] {
        let count = value.as_u64().unwrap();
        assert!((least..=3 * least / 2).contains(&count), "{count}, at least {least}: {shown:#}");
    }
    assert!((0.4..0.6).contains(&app["errorShare"].as_f64().unwrap()), "{app:#}");
    let number = |field: &str| app[field].as_f64().unwrap();
    assert!(number("p50Seconds") > 0.0 && number("p50Seconds") <= number("p99Seconds"));
    assert!(number("responseSeconds") > 0.0 && number("secondsPerCall") > 0.0, "{app:#}");
    assert!(number("savedSeconds") > 0.0, "the kernel has measured round trips: {app:#}");
    let text = String::from_utf8(report(&url, &[]).await.stdout).unwrap();
    assert!(text.contains("of all replicas, from Prometheus"), "{text}");
    // It has known them for less than the hour that was asked about.
    assert!(!text.contains("(60.0 min)"), "{text}");
}

#[tokio::test]
async fn prometheus_may_be_behind_https() {
    if !binary::is_here("prometheus", "prometheus") {
        return;
    }
    let prometheus = Prometheus::start(&[]).await.unwrap();
    let authority = Authority::new("Portico's tests").unwrap();
    let host = front_door("").replace("www.ep.com", "localhost, tls: {secretRef: {name: one}}");
    let to = "matches: [{path: /prom/*}]\nbackends: [{service: {name: prometheus, port: 80}}]";
    let manifests = [
        host,
        authority.issue(&["localhost"]).unwrap().secret("one"),
        service("prometheus", "http", &[prometheus.address]),
        route("prometheus", to),
    ];
    let edge = Serve::start(&manifests.concat(), &[]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    fs::write(&file, authority.pem()).unwrap();
    let url = format!("https://localhost:{}/prom", edge.https.port());
    let said = |output: Output| String::from_utf8(output.stderr).unwrap();
    let trusted = said(trusting_report(&url, &[], &file).await);
    assert!(trusted.contains("no metrics of Portico in this time"), "{trusted}");
    // A file with another authority.
    fs::write(&file, Authority::new("another").unwrap().pem()).unwrap();
    let stranger = said(trusting_report(&url, &[], &file).await);
    assert!(
        stranger.contains("cannot connect: ") && stranger.contains("certificate"),
        "{stranger}"
    );
}

#[tokio::test]
async fn what_prometheus_lacks_is_said() {
    if !binary::is_here("prometheus", "prometheus") {
        return;
    }
    let prometheus = Prometheus::start(&[]).await.unwrap();
    for (path, said) in [
        ("/prom", "no metrics of Portico in this time"),
        ("/", "this is not a Prometheus, whose URL ends before /api/v1/query"),
    ] {
        let url = format!("http://{}{path}", prometheus.address);
        let ran = report(&url, &[]).await;
        let error = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(1), "{error}");
        assert!(error.contains(&format!("--prometheus {url}")) && error.contains(said), "{error}");
    }
}
