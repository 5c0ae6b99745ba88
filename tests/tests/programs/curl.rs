//! curl, over HTTP/2 and HTTP/1.1.

use crate::{
    Site,
    program::{run, text},
};
use portico_tests::{
    backend::{Backend, Reply},
    binary::is_here,
};

impl Site {
    /// Runs curl with names that are found here and the authority trusted; what it prints.
    fn curl(&self, arguments: &[&str]) -> String {
        let (https, http) = (self.serve.https.port(), self.serve.http.port());
        let mut all: Vec<String> =
            vec!["--silent".into(), "--show-error".into(), "--max-time".into(), "15".into()];
        all.extend(["--cacert".into(), self.authority.display().to_string()]);
        for host in ["www", "api", "strict"] {
            for port in [https, http] {
                all.extend(["--resolve".into(), format!("{host}.ep.com:{port}:127.0.0.1")]);
            }
        }
        let placed = arguments.iter().map(|argument| {
            argument.replace("HTTPS", &https.to_string()).replace("PLAIN", &http.to_string())
        });
        all.extend(placed);
        let output = run("curl", &all.iter().map(String::as_str).collect::<Vec<_>>(), "");
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }
}

/// Says what it got.
async fn telling() -> Backend {
    Backend::scripted(|request| Reply::ok(&format!("{} {}", request.method(), request.body.len())))
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_over_either_version_are_the_same() {
    if !is_here("curl", "curl") {
        return;
    }
    let site = Site::start(telling().await).await;
    let body = "x".repeat(2_000_000);
    let file = site.authority.with_file_name("body");
    std::fs::write(&file, &body).unwrap();
    let upload = format!("@{}", file.display());
    let written = "\n%{http_version} %{http_code} %{num_connects}\n";
    for (flag, version, logged) in [("--http1.1", "1.1", "HTTP/1.1"), ("--http2", "2", "HTTP/2")] {
        let path = &format!("https://www.ep.com:HTTPS/get/{version}");
        assert_eq!(site.curl(&[flag, "-w", written, path]), format!("GET 0\n{version} 200 1\n"));
        assert_eq!(site.serve.request(&format!("/get/{version}")).unwrap()["version"], logged);
        // With `Expect: 100-continue`, as curl asks for above a MiB.
        let path = &format!("https://www.ep.com:HTTPS/post/{version}");
        let sent = site.curl(&[flag, "-w", written, "--data-binary", &upload, path]);
        assert_eq!(sent, format!("POST 2000000\n{version} 200 1\n"));
        let head =
            site.curl(&[flag, "--head", &format!("https://www.ep.com:HTTPS/head/{version}")]);
        assert!(head.starts_with(&format!("HTTP/{version} 200")), "{head}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_at_once_share_a_connection_over_http_2() {
    if !is_here("curl", "curl") {
        return;
    }
    let site = Site::start(telling().await).await;
    let written = "%{num_connects}\n";
    let urls = "https://www.ep.com:HTTPS/many/[1-30]";
    let printed = site.curl(&["--http2", "--parallel", "--no-progress-meter", "-w", written, urls]);
    assert_eq!(printed.matches("GET 0").count(), 30, "{printed}");
    assert_eq!(site.serve.handshakes().unwrap(), 1.0, "{printed}");
    site.serve.becomes("portico_requests_total", |count| count == 30.0).unwrap();
    for number in 1..=30 {
        let line = site.serve.request(&format!("/many/{number}")).unwrap();
        assert_eq!(line["version"], "HTTP/2", "{line}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_http_is_redirected_and_prior_knowledge_works_there_too() {
    if !is_here("curl", "curl") {
        return;
    }
    let site = Site::start(telling().await).await;
    let written = "%{http_version} %{http_code} %{redirect_url}";
    let address = format!("http://www.ep.com:{}/a?b", site.serve.http.port());
    let there = format!("https://www.ep.com:{}/a?b", site.serve.https.port());
    for (flag, version) in [("--http1.1", "1.1"), ("--http2-prior-knowledge", "2")] {
        let told = site.curl(&[flag, "-o", "/dev/null", "-w", written, &address]);
        assert_eq!(told, format!("{version} 308 {there}"));
    }
    let followed = site.curl(&["--location", "-w", "\n%{http_version} %{url_effective}", &address]);
    assert_eq!(followed, format!("GET 0\n2 {there}"));
    assert_eq!(site.backend.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_is_only_for_hosts_of_its_certificate() {
    if !is_here("curl", "curl") {
        return;
    }
    let site = Site::start(telling().await).await;
    for flag in ["--http1.1", "--http2"] {
        for (host, status) in
            [("api.ep.com", "200"), ("strict.ep.com", "421"), ("nobody.example", "404")]
        {
            let host = format!("Host: {host}");
            let arguments = [
                flag,
                "-o",
                "/dev/null",
                "-w",
                "%{http_code}",
                "-H",
                &host,
                "https://www.ep.com:HTTPS/",
            ];
            assert_eq!(site.curl(&arguments), status, "{host}");
        }
        let own = [flag, "-o", "/dev/null", "-w", "%{http_code}", "https://strict.ep.com:HTTPS/"];
        assert_eq!(site.curl(&own), "200");
    }
}
