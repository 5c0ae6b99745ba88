//! The program under test, and what can be observed of it.

use serde_json::json;
use std::{
    cell::RefCell,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

/// Far longer than anything takes.
const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) struct Operator {
    pub(crate) child: Child,
    log: Receiver<String>,
    /// Lines that nobody has asked for yet.
    skipped: RefCell<Vec<String>>,
}

impl Drop for Operator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Operator {
    pub(crate) fn start(api: SocketAddr, folder: &std::path::Path, flags: &[&str]) -> Self {
        Self::start_in(None, api, folder, flags)
    }

    /// Starts it as if it were in this Pod.
    pub(crate) fn start_in(
        pod: Option<&str>,
        api: SocketAddr,
        folder: &std::path::Path,
        flags: &[&str],
    ) -> Self {
        let kubeconfig = folder.join("kubeconfig");
        let config = json!({
            "clusters": [{"name": "k", "cluster": {"server": format!("http://{api}")}}],
            "users": [{"name": "k", "user": {}}],
            "contexts": [{"name": "k", "context": {"cluster": "k", "user": "k", "namespace": "x"}}],
            "current-context": "k",
        });
        fs::write(&kubeconfig, config.to_string()).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_portico"))
            .args([
                "operator",
                "--workers=2",
                "--http=127.0.0.1:0",
                "--https=127.0.0.1:0",
                "--publish-address=192.0.2.7",
            ])
            .args(flags)
            .arg(format!("--kubeconfig={}", kubeconfig.display()))
            .env_remove("RUST_LOG")
            .env_remove("POD_NAME")
            .envs(pod.map(|pod| ("POD_NAME", pod)))
            .envs(pod.map(|pod| ("POD_UID", format!("uid-{pod}"))))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (tell, log) = channel();
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| tell.send(line)));
        Self { child, log, skipped: RefCell::default() }
    }

    /// What follows `what` in the first line that has it and was not returned before.
    pub(crate) fn logged(&self, what: &str) -> String {
        let mut skipped = self.skipped.borrow_mut();
        loop {
            if let Some(at) = skipped.iter().position(|line| line.contains(what)) {
                let line = skipped.remove(at);
                return line.split_once(what).unwrap().1.trim().to_owned();
            }
            let line = self.log.recv_timeout(DEADLINE);
            skipped.push(line.unwrap_or_else(|_| panic!("never in the log: {what}")));
        }
    }
}

pub(crate) fn get(address: SocketAddr, host: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The value of one series, with its labels: `portico_watch_up{kind="Route"}`.
pub(crate) fn metric(admin: SocketAddr, series: &str) -> i64 {
    let page = get(admin, "x", "/metrics");
    let value = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {series} in\n{page}")).parse().unwrap()
}

pub(crate) fn until(what: &str, is_so: impl FnMut() -> bool) {
    until_within(DEADLINE, what, is_so);
}

pub(crate) fn until_within(deadline: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < deadline, "not within {deadline:?}: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
