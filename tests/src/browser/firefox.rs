//! Firefox, driven over Marionette, the protocol below geckodriver: JSON over TCP, each message
//! after its length.

use super::{PATIENCE, POLL, Page, Trust};
use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Longer is no message; the longest are errors with their stack.
const LONGEST: usize = 16 << 20;

/// What Firefox asks the world for by itself, switched off.
const QUIET: &[(&str, &str)] = &[
    ("marionette.port", "0"),
    ("app.normandy.enabled", "false"),
    ("app.update.disabledForTesting", "true"),
    ("browser.aboutHomeSnippets.updateUrl", "''"),
    ("browser.newtabpage.enabled", "false"),
    ("browser.safebrowsing.downloads.enabled", "false"),
    ("browser.safebrowsing.malware.enabled", "false"),
    ("browser.safebrowsing.phishing.enabled", "false"),
    ("browser.startup.page", "0"),
    ("datareporting.policy.dataSubmissionEnabled", "false"),
    ("extensions.update.enabled", "false"),
    ("network.captive-portal-service.enabled", "false"),
    ("network.connectivity-service.enabled", "false"),
    ("network.trr.mode", "5"),
    ("services.settings.server", "''"),
];

/// Trusts an authority, as an administrator would.
const TRUST: &str = "Components.classes['@mozilla.org/security/x509certdb;1']
    .getService(Components.interfaces.nsIX509CertDB)
    .addCertFromBase64(arguments[0], 'CT,,');";

/// Opens the network monitor of the developer tools beside the page, or takes what it has recorded.
const RECORD: &str = "const [what, done] = arguments;
    (async () => {
        const { require } =
            ChromeUtils.importESModule('resource://devtools/shared/loader/Loader.sys.mjs');
        const { gDevTools } = require('devtools/client/framework/devtools');
        const tab = Services.wm.getMostRecentWindow('navigator:browser').gBrowser.selectedTab;
        const toolbox = await gDevTools.showToolboxForTab(tab, { toolId: 'netmonitor' });
        return what === 'begin' ? null : await toolbox.getHARFromNetMonitor();
    })().then((log) => done({ log }), (error) => done({ error: `${error}` }));";

/// One browser with a profile of its own and one page.
#[derive(Debug)]
pub struct Firefox {
    process: Child,
    stream: BufReader<TcpStream>,
    last_id: u64,
    _profile: TempDir,
}

impl Firefox {
    /// Starts the browser at `program` with an empty page.
    pub fn launch(program: &Path, trust: &Trust) -> Result<Self> {
        let profile = tempfile::tempdir()?;
        fs::write(profile.path().join("user.js"), preferences(trust))?;
        let mut process = Command::new(program)
            .args(["--headless", "--no-remote", "--marionette", "--remote-allow-system-access"])
            .arg("--profile")
            .arg(profile.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let stream = match connect(&mut process, profile.path()) {
            Ok(stream) => stream,
            Err(error) => {
                let _ = process.kill();
                let _ = process.wait();
                return Err(error);
            }
        };
        let mut browser = Self { process, stream, last_id: 0, _profile: profile };
        browser.begin(trust)?;
        Ok(browser)
    }

    /// Records requests from now on, until the next page is opened.
    pub fn record(&mut self) -> Result<()> {
        self.monitor("begin").map(drop)
    }

    /// The recording so far, as the developer tools save it (HAR 1.2).
    pub fn recording(&mut self) -> Result<Value> {
        self.monitor("take")
    }

    fn monitor(&mut self, what: &str) -> Result<Value> {
        self.command("Marionette:SetContext", json!({"value": "chrome"}))?;
        let script = json!({"script": RECORD, "args": [what]});
        let mut answer = self.command("WebDriver:ExecuteAsyncScript", script)?;
        self.command("Marionette:SetContext", json!({"value": "content"}))?;
        let mut recorded = answer["value"].take();
        ensure!(recorded["error"].is_null(), "the network monitor: {}", recorded["error"]);
        Ok(json!({"log": recorded["log"].take()}))
    }

    fn begin(&mut self, trust: &Trust) -> Result<()> {
        let hello = self.receive()?;
        ensure!(hello["marionetteProtocol"] == 3, "another protocol: {hello}");
        self.command("WebDriver:NewSession", json!({"acceptInsecureCerts": trust.anything}))?;
        let timeouts = json!({"script": PATIENCE.as_millis(), "pageLoad": PATIENCE.as_millis()});
        self.command("WebDriver:SetTimeouts", timeouts)?;
        if let Some(authority) = &trust.authority {
            let authority = data_encoding::BASE64.encode(authority);
            self.command("Marionette:SetContext", json!({"value": "chrome"}))?;
            let script = json!({"script": TRUST, "args": [authority]});
            self.command("WebDriver:ExecuteScript", script)?;
            self.command("Marionette:SetContext", json!({"value": "content"}))?;
        }
        self.open("about:blank")
    }

    /// Sends a command of the protocol and waits for its answer.
    fn command(&mut self, name: &str, parameters: Value) -> Result<Value> {
        self.last_id += 1;
        let message = json!([0, self.last_id, name, parameters]).to_string();
        let stream = self.stream.get_mut();
        write!(stream, "{}:{message}", message.len())?;
        stream.flush()?;
        let mut answer = self.receive().with_context(|| name.to_owned())?;
        ensure!(answer[0] == 1 && answer[1] == self.last_id, "{name}: {answer}");
        match &answer[2] {
            Value::Null => Ok(answer[3].take()),
            error => Err(anyhow!("{name}: {}: {}", error["error"], error["message"])),
        }
    }

    fn receive(&mut self) -> Result<Value> {
        let mut length = Vec::new();
        (&mut self.stream).take(20).read_until(b':', &mut length)?;
        let length = String::from_utf8(length)?.trim_end_matches(':').parse()?;
        ensure!(length <= LONGEST, "a message of {length} bytes");
        let mut message = vec![0; length];
        self.stream.read_exact(&mut message)?;
        Ok(serde_json::from_slice(&message)?)
    }
}

impl Page for Firefox {
    fn open(&mut self, url: &str) -> Result<()> {
        self.command("WebDriver:Navigate", json!({"url": url})).map(drop)
    }

    fn evaluate(&mut self, expression: &str) -> Result<Value> {
        // What it throws is told in the same way, whatever it is.
        let script = format!(
            "return (async () => {{
                try {{ return JSON.stringify({{value: await ({expression})}}); }}
                catch (error) {{ return JSON.stringify({{thrown: `${{error}}`}}); }}
            }})();"
        );
        // Without a sandbox of its own the script is one of the page's.
        let script = json!({"script": script, "args": [], "sandbox": null});
        let answer = self.command("WebDriver:ExecuteScript", script)?;
        let answer = answer["value"].as_str().context("no value")?;
        let mut answer: Value = serde_json::from_str(answer)?;
        if let Some(thrown) = answer.get("thrown") {
            bail!("{expression}: {thrown}");
        }
        Ok(answer["value"].take())
    }

    fn complaints(&self) -> &[String] {
        &[]
    }
}

impl Drop for Firefox {
    fn drop(&mut self) {
        let _ = self.command("Marionette:Quit", json!({"flags": ["eForceQuit"]}));
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(10) {
            if matches!(self.process.try_wait(), Ok(Some(_))) {
                return;
            }
            sleep(POLL);
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn preferences(trust: &Trust) -> String {
    let mut lines: String =
        QUIET.iter().map(|(name, value)| format!("user_pref('{name}', {value});\n")).collect();
    if !trust.hosts.is_empty() {
        // `network.dns.forceResolve` would do, too, but then no connection is shared by hosts.
        let hosts = trust.hosts.join(",");
        lines += &format!("user_pref('network.dns.localDomains', '{hosts}');\n");
        lines += "user_pref('network.dns.disableIPv6', true);\n";
    }
    lines
}

/// Firefox writes the port at which it listens into its profile.
fn connect(process: &mut Child, profile: &Path) -> Result<BufReader<TcpStream>> {
    let start = Instant::now();
    let port: u16 = loop {
        let written = fs::read_to_string(profile.join("MarionetteActivePort"));
        if let Some(port) = written.ok().and_then(|written| written.trim().parse().ok()) {
            break port;
        }
        if let Some(status) = process.try_wait()? {
            bail!("the browser ended at once, {status}");
        }
        if start.elapsed() > PATIENCE {
            bail!("the browser did not say where it listens within {PATIENCE:?}");
        }
        sleep(POLL);
    };
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE * 2))?;
    Ok(BufReader::new(stream))
}
