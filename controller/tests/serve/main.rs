//! `portico serve` as users run it: readiness, admin pages, signals, exit statuses.
#![allow(clippy::unwrap_used, clippy::panic)]

mod logs;
mod places;

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

/// Far longer than anything takes.
const DEADLINE: Duration = Duration::from_secs(60);

/// A running `portico serve`; killed when dropped.
struct Serve {
    child: Child,
    log: BufReader<ChildStdout>,
    http: SocketAddr,
    admin: SocketAddr,
}

impl Serve {
    fn start(path: &Path, flags: &[&str]) -> Self {
        Self::start_logging(path, flags, "")
    }

    /// The same, with what `RUST_LOG` selects in its output.
    fn start_logging(path: &Path, flags: &[&str], log: &str) -> Self {
        let mut command = command(path, flags);
        let mut child = command.env("RUST_LOG", log).stdout(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stdout.take().unwrap());
        let mut after = |what: &str| {
            let line = line_with(&mut log, what);
            let address = line.split(what).nth(1).unwrap();
            address.split(['"', '\n']).next().unwrap().parse().unwrap()
        };
        let (admin, http) = (after("admin pages at http://"), after("serving http://"));
        Self { child, log, http, admin }
    }

    /// Sends a request to the admin port as it is. Returns the whole response.
    fn admin(&self, request: &str) -> String {
        exchange(self.admin, request)
    }

    fn get(&self, page: &str) -> String {
        self.admin(&format!("GET {page} HTTP/1.1\r\nHost: x\r\n\r\n"))
    }

    fn front(&self, path: &str) -> String {
        exchange(self.http, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    fn ended(&mut self) -> ExitStatus {
        await_some(|| self.child.try_wait().unwrap())
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(path: &Path, flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portico"));
    command.arg("serve").arg(path).args(["--workers=2"]).args(flags);
    if !flags.iter().any(|flag| flag.starts_with("--http=")) {
        command.arg("--http=127.0.0.1:0");
    }
    if !flags.iter().any(|flag| flag.starts_with("--https=")) {
        command.arg("--https=127.0.0.1:0");
    }
    if !flags.iter().any(|flag| flag.starts_with("--admin")) {
        command.arg("--admin=127.0.0.1:0");
    }
    command.env_remove("RUST_LOG");
    command
}

fn ended(path: &Path, flags: &[&str]) -> Output {
    command(path, flags).output().unwrap()
}

fn line_with(log: &mut BufReader<ChildStdout>, what: &str) -> String {
    loop {
        let mut line = String::new();
        assert_ne!(log.read_line(&mut line).unwrap(), 0, "the log ended without '{what}'");
        if line.contains(what) {
            return line;
        }
    }
}

fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn await_some<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    while begin.elapsed() < DEADLINE {
        if let Some(answer) = ask() {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("not within {DEADLINE:?}");
}

fn manifests(body: &str) -> String {
    format!(
        "apiVersion: portico.dev/v1alpha1
kind: FrontDoor
metadata: {{name: ep}}
spec: {{hosts: [{{name: '*'}}]}}
---
apiVersion: portico.dev/v1alpha1
kind: Route
metadata: {{name: home}}
spec: {{frontDoorRef: {{name: ep}}, respond: {{status: 200, body: {body}}}}}
"
    )
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), manifests("hello")).unwrap();
    folder
}

#[test]
fn the_admin_pages_tell_what_is_served() {
    let folder = folder();
    let serve = Serve::start(folder.path(), &[]);
    await_some(|| serve.get("/readyz").starts_with("HTTP/1.1 200 ").then_some(()));
    assert!(serve.front("/").ends_with("hello"));
    assert!(serve.get("/livez").starts_with("HTTP/1.1 200 "));

    let metrics = serve.get("/metrics");
    assert!(metrics.contains("\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    for line in [
        "portico_table_generation 1\n",
        "portico_table_routes 1\n",
        "portico_table_hosts 1\n",
        "portico_objects{kind=\"Route\",accepted=\"true\"} 1\n",
        "portico_files{state=\"broken\"} 0\n",
        "portico_requests_total{",
    ] {
        assert!(metrics.contains(line), "{line} in\n{metrics}");
    }

    let table = serve.get("/debug/table");
    assert!(table.contains("\r\ncontent-type: application/json\r\n"), "{table}");
    let (_, json) = table.split_once("\r\n\r\n").unwrap();
    let table: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(table["generation"], 1);

    let backends = serve.get("/debug/backends");
    assert!(backends.contains("\r\ncontent-type: application/json\r\n"), "{backends}");
    let (_, json) = backends.split_once("\r\n\r\n").unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(json).unwrap().is_array());

    let unknown = serve.get("/metricz");
    assert!(unknown.starts_with("HTTP/1.1 404 ") && unknown.contains("/debug/table"), "{unknown}");
    let post = serve.admin("POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    assert!(post.starts_with("HTTP/1.1 405 ") && post.contains("allow: GET, HEAD"), "{post}");
}

#[test]
fn clients_that_say_nothing_keep_nobody_from_the_admin_pages() {
    let folder = folder();
    let serve = Serve::start(folder.path(), &[]);
    let silent: Vec<_> = (0..100).map(|_| TcpStream::connect(serve.admin).unwrap()).collect();
    assert!(serve.get("/livez").starts_with("HTTP/1.1 200 "));
    drop(silent);
}

#[test]
fn changes_are_served_and_a_broken_file_keeps_what_it_gave() {
    let folder = folder();
    let file = folder.path().join("a.yaml");
    let mut serve = Serve::start(folder.path(), &[]);
    let served = |serve: &Serve, body: &str| serve.front("/").ends_with(body).then_some(());
    fs::write(&file, manifests("changed")).unwrap();
    await_some(|| served(&serve, "changed"));
    fs::write(&file, "spec: [").unwrap();
    let line = line_with(&mut serve.log, "can't be parsed");
    assert!(line.contains(&format!("file={}", file.display())), "{line}");
    await_some(|| serve.get("/metrics").contains("{state=\"broken\"} 1\n").then_some(()));
    assert!(serve.front("/").ends_with("changed"));
    fs::remove_file(&file).unwrap();
    await_some(|| serve.front("/").starts_with("HTTP/1.1 404 ").then_some(()));
}

#[test]
fn it_is_not_ready_before_a_file_could_be_parsed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.yaml");
    fs::write(&file, "spec: [").unwrap();
    let mut command = command(folder.path(), &["--admin=127.0.0.1:0"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stdout.take().unwrap());
    // In either order.
    let (mut admin, mut is_reported) = (None, false);
    while admin.is_none() || !is_reported {
        let line = line_with(&mut log, "");
        is_reported |= line.contains("can't be parsed");
        let address = line.split_once("admin pages at http://");
        admin = admin.or(address.map(|(_, address)| address.trim().parse().unwrap()));
    }
    let admin: SocketAddr = admin.unwrap();
    let ready = || {
        TcpStream::connect(admin).ok()?;
        Some(exchange(admin, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"))
    };
    assert!(await_some(ready).starts_with("HTTP/1.1 503 "));
    fs::write(&file, manifests("hello")).unwrap();
    await_some(|| ready()?.starts_with("HTTP/1.1 200 ").then_some(()));
    // From now on, what it last gave counts.
    fs::write(&file, "spec: [").unwrap();
    line_with(&mut log, "can't be parsed");
    assert!(await_some(ready).starts_with("HTTP/1.1 200 "));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn an_empty_folder_is_ready() {
    let folder = tempfile::tempdir().unwrap();
    let serve = Serve::start(folder.path(), &[]);
    await_some(|| serve.get("/readyz").starts_with("HTTP/1.1 200 ").then_some(()));
    assert!(serve.front("/").starts_with("HTTP/1.1 404 "));
}

#[test]
fn a_slip_keeps_the_last_good_version_until_it_is_corrected_or_deleted() {
    let folder = folder();
    let file = folder.path().join("a.yaml");
    let mut serve = Serve::start(folder.path(), &[]);
    assert!(serve.front("/").ends_with("hello"));
    // A misspelt field of the Route, then one of the FrontDoor; then a document that has no kind.
    for (text, misspelt) in [
        ("frontDoorRef: {name: ep},", "frontDoorRef: {name: ep}, timeout: 1s,"),
        ("frontDoorRef: {name: ep},", "frontDoorRef: {name: epp},"),
        ("hosts:", "trustedProxy: [], hosts:"),
        ("hosts:", "host:"),
    ] {
        fs::write(&file, manifests("changed").replace(text, misspelt)).unwrap();
        let line = line_with(&mut serve.log, "is still served");
        assert!(line.contains(&format!("read from {}", file.display())), "{line}");
        let is_route = text.contains("frontDoorRef");
        // It is logged before it is served.
        let body = if is_route { "hello" } else { "changed" };
        await_some(|| serve.front("/").ends_with(body).then_some(()));
        let kind = if is_route { "Route" } else { "FrontDoor" };
        let not_accepted = format!("portico_objects{{kind=\"{kind}\",accepted=\"false\"}} 1\n");
        assert!(serve.get("/metrics").contains(&not_accepted), "{misspelt}");
        fs::write(&file, manifests("hello")).unwrap();
        let accepted = not_accepted.replace(" 1\n", " 0\n");
        await_some(|| serve.get("/metrics").contains(&accepted).then_some(()));
        await_some(|| serve.front("/").ends_with("hello").then_some(()));
    }
    let without_route = manifests("").split("---").next().unwrap().to_owned();
    fs::write(&file, without_route).unwrap();
    await_some(|| serve.front("/").starts_with("HTTP/1.1 404 ").then_some(()));
}

#[test]
fn a_copy_in_the_folder_takes_nothing_away() {
    let folder = folder();
    let copy = folder.path().join("a-backup.yaml");
    let mut serve = Serve::start(folder.path(), &[]);
    fs::copy(folder.path().join("a.yaml"), &copy).unwrap();
    let line = line_with(&mut serve.log, "DuplicateObject");
    assert!(line.contains("Warning") && line.contains("the same content"), "{line}");
    assert!(serve.front("/").ends_with("hello"));
    fs::write(&copy, manifests("other")).unwrap();
    let line = line_with(&mut serve.log, "with different content");
    assert!(line.contains("a.yaml") && line.contains("a-backup.yaml"), "{line}");
    let line = line_with(&mut serve.log, "is still served");
    assert!(line.contains("a.yaml"), "{line}");
    assert!(serve.front("/").ends_with("hello"));
    fs::remove_file(folder.path().join("a.yaml")).unwrap();
    await_some(|| serve.front("/").ends_with("other").then_some(()));
}

#[test]
fn a_file_of_which_nothing_is_used_is_named_with_what_it_has() {
    let folder = folder();
    let mut serve = Serve::start(folder.path(), &[]);
    let old =
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web, namespace: shop}\n";
    fs::write(folder.path().join("old.yaml"), old).unwrap();
    let line = line_with(&mut serve.log, "has nothing that Portico uses");
    assert!(
        line.contains("old.yaml") && line.contains("Ingress shop/web; it is not read"),
        "{line}"
    );
    let moved = "apiVersion: portico.io/v1alpha1\nkind: Route\nmetadata: {name: r}\n";
    fs::write(folder.path().join("old.yaml"), moved).unwrap();
    let line = line_with(&mut serve.log, "is not read");
    let said = "Route r is not read: its apiVersion is 'portico.io/v1alpha1'; did you mean 'portico.dev/v1alpha1'?";
    assert!(line.contains(said), "{line}");
}

#[test]
fn what_moves_to_another_file_is_served_all_the_time() {
    let folder = folder();
    let (a, b) = (folder.path().join("a.yaml"), folder.path().join("b.yaml"));
    let serve = Serve::start(folder.path(), &[]);
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut asked = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let answer = serve.front("/");
                assert!(answer.ends_with("hello"), "{answer}");
                asked += 1;
            }
            asked
        });
        for _ in 0..10 {
            // `git mv`, and an editor that removes first and writes then.
            fs::rename(&a, &b).unwrap();
            std::thread::sleep(Duration::from_millis(60));
            fs::write(&b, "").unwrap();
            std::thread::sleep(Duration::from_millis(20));
            fs::write(&a, manifests("hello")).unwrap();
            std::thread::sleep(Duration::from_millis(60));
            fs::remove_file(&b).unwrap();
            std::thread::sleep(Duration::from_millis(60));
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(asking.join().unwrap() > 10);
    });
}

#[test]
fn a_signal_drains_and_a_second_one_ends_at_once() {
    let folder = folder();
    for signal in ["-TERM", "-INT"] {
        let mut serve = Serve::start(folder.path(), &[]);
        serve.signal(signal);
        assert_eq!(serve.ended().code(), Some(0));
        line_with(&mut serve.log, "drained");
    }
    // A request that does not end keeps the process running until then.
    let nowhere = TcpListener::bind("127.0.0.1:0").unwrap();
    let external = format!("external: {{url: 'http://{}'}}", nowhere.local_addr().unwrap());
    let text = manifests("x")
        .replace("respond: {status: 200, body: x}", &format!("backends: [{{{external}}}]"));
    fs::write(folder.path().join("a.yaml"), text).unwrap();
    let flags = ["--allow-external=127.0.0.1", "--drain-timeout=1h"];
    for (second, code) in [("-TERM", 143), ("-INT", 130)] {
        let mut serve = Serve::start(folder.path(), &flags);
        let mut request = TcpStream::connect(serve.http).unwrap();
        request.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let (_held, _) = nowhere.accept().unwrap();
        serve.signal("-TERM");
        await_some(|| serve.get("/readyz").starts_with("HTTP/1.1 503 ").then_some(()));
        assert!(serve.get("/livez").starts_with("HTTP/1.1 200 "));
        assert!(serve.child.try_wait().unwrap().is_none());
        serve.signal(second);
        assert_eq!(serve.ended().code(), Some(code));
    }
}

#[test]
fn what_can_not_be_served_ends_with_a_reason() {
    let folder = folder();
    let missing = ended(&folder.path().join("nowhere"), &[]);
    let error = String::from_utf8(missing.stderr).unwrap();
    assert_eq!(missing.status.code(), Some(2));
    assert!(error.contains("nowhere: No such file"), "{error}");

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    for flag in ["--http", "--https", "--admin"] {
        let output = ended(folder.path(), &[&format!("{flag}={address}")]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(error.contains(&format!("{flag} {address}: ")), "{error}");
    }
}
