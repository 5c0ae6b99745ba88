//! Chromium, driven over the Chrome DevTools Protocol.

use super::{PATIENCE, POLL, Page, Trust, recorder::Recorder};
use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    fs, io,
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

/// One browser with a profile of its own and one page.
#[derive(Debug)]
pub struct Chromium {
    process: Child,
    socket: WebSocket<TcpStream>,
    session: Option<String>,
    last_id: u64,
    complaints: Vec<String>,
    recorder: Recorder,
    _profile: TempDir,
}

impl Chromium {
    /// Starts the browser at `program` with an empty page.
    pub fn launch(program: &Path) -> Result<Self> {
        Self::launch_with(program, &Trust::default())
    }

    /// The same, with certificates and names of its own.
    pub fn launch_with(program: &Path, trust: &Trust) -> Result<Self> {
        let profile = tempfile::tempdir()?;
        let mut process = Command::new(program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update"])
            .args(["--disable-sync", "--hide-scrollbars", "--remote-debugging-port=0"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .args(flags(trust))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let socket = match connect(&mut process, profile.path()) {
            Ok(socket) => socket,
            Err(error) => {
                let _ = process.kill();
                let _ = process.wait();
                return Err(error);
            }
        };
        let mut browser = Self {
            process,
            socket,
            session: None,
            last_id: 0,
            complaints: Vec::new(),
            recorder: Recorder::default(),
            _profile: profile,
        };
        browser.open_page()?;
        Ok(browser)
    }

    fn open_page(&mut self) -> Result<()> {
        let target = self.command("Target.createTarget", json!({"url": "about:blank"}))?;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = self.command("Target.attachToTarget", attach)?;
        self.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            self.command(domain, json!({}))?;
        }
        Ok(())
    }

    /// Sets the page's size, in CSS pixels, and whether it is a phone.
    pub fn set_viewport(&mut self, width: u32, height: u32, phone: bool) -> Result<()> {
        let metrics =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone});
        self.command("Emulation.setDeviceMetricsOverride", metrics).map(drop)
    }

    /// A PNG of what the viewport shows.
    pub fn screenshot(&mut self, path: &Path) -> Result<()> {
        let params = json!({"format": "png"});
        let answer = self.command("Page.captureScreenshot", params)?;
        let data = answer["data"].as_str().context("a screenshot without data")?;
        fs::write(path, data_encoding::BASE64.decode(data.as_bytes())?)?;
        Ok(())
    }

    /// Starts a new recording of requests.
    pub fn record(&mut self) -> Result<()> {
        self.command("Network.enable", json!({}))?;
        self.recorder = Recorder::default();
        Ok(())
    }

    /// The recording so far, as the developer tools save it (HAR 1.2).
    pub fn recording(&self, page: &str) -> Value {
        self.recorder.har(page)
    }

    /// Sends a command of the protocol and waits for its answer.
    pub fn command(&mut self, method: &str, params: Value) -> Result<Value> {
        self.last_id += 1;
        let mut message = json!({"id": self.last_id, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.socket.send(Message::text(message.to_string()))?;
        loop {
            let Message::Text(text) = self.socket.read().with_context(|| method.to_owned())? else {
                continue;
            };
            let mut message: Value = serde_json::from_str(&text)?;
            if message["id"] == self.last_id {
                return match message.get("error") {
                    Some(error) => Err(anyhow!("{method}: {error}")),
                    None => Ok(message["result"].take()),
                };
            }
            self.note(&message);
        }
    }

    fn note(&mut self, event: &Value) {
        self.recorder.note(event);
        let params = &event["params"];
        let complains = match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => true,
            Some("Runtime.consoleAPICalled") => {
                matches!(params["type"].as_str(), Some("error" | "warning" | "assert"))
            }
            Some("Log.entryAdded") => {
                matches!(params["entry"]["level"].as_str(), Some("error" | "warning"))
            }
            _ => false,
        };
        if complains {
            self.complaints.push(params.to_string());
        }
    }
}

impl Page for Chromium {
    fn open(&mut self, url: &str) -> Result<()> {
        let answer = self.command("Page.navigate", json!({"url": url}))?;
        match answer["errorText"].as_str() {
            Some(error) => Err(anyhow!("opening {url}: {error}")),
            None => Ok(()),
        }
    }

    fn evaluate(&mut self, expression: &str) -> Result<Value> {
        let mut answer = self.command(
            "Runtime.evaluate",
            json!({"expression": expression, "awaitPromise": true, "returnByValue": true}),
        )?;
        if let Some(thrown) = answer.get("exceptionDetails") {
            bail!("{expression}: {thrown}");
        }
        Ok(answer["result"]["value"].take())
    }

    fn complaints(&self) -> &[String] {
        &self.complaints
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        self.session = None;
        let _ = self.command("Browser.close", json!({}));
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(5) {
            if matches!(self.process.try_wait(), Ok(Some(_))) {
                return;
            }
            sleep(POLL);
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn flags(trust: &Trust) -> Vec<String> {
    let mut flags = Vec::new();
    if !trust.quic {
        flags.push("--disable-quic".to_owned());
    }
    if !trust.hosts.is_empty() {
        let rules = trust.hosts.iter().map(|host| format!("MAP {host} 127.0.0.1"));
        flags.push(format!("--host-resolver-rules={}", Vec::from_iter(rules).join(",")));
    }
    if trust.anything {
        flags.push("--ignore-certificate-errors".to_owned());
    }
    if !trust.keys.is_empty() {
        let keys = trust.keys.iter().map(|key| data_encoding::BASE64.encode(&Sha256::digest(key)));
        let keys = Vec::from_iter(keys).join(",");
        flags.push(format!("--ignore-certificate-errors-spki-list={keys}"));
    }
    flags
}

/// Chromium writes where it listens into its profile: the port, then the path.
fn connect(process: &mut Child, profile: &Path) -> Result<WebSocket<TcpStream>> {
    let start = Instant::now();
    let written = loop {
        match fs::read_to_string(profile.join("DevToolsActivePort")) {
            Ok(text) if text.lines().count() >= 2 => break text,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        if let Some(status) = process.try_wait()? {
            bail!("the browser ended at once, {status}");
        }
        if start.elapsed() > PATIENCE {
            bail!("the browser did not say where it listens within {PATIENCE:?}");
        }
        sleep(POLL);
    };
    let mut lines = written.lines();
    let (port, path) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let address = format!("127.0.0.1:{port}");
    let stream = TcpStream::connect(&address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let (socket, _) = tungstenite::client(format!("ws://{address}{path}"), stream)
        .map_err(|error| anyhow!("talking to the browser at {address}: {error}"))?;
    Ok(socket)
}
