//! Real browsers, driven over the protocols that they offer for it: just what the tests need.

mod chromium;
mod firefox;
mod recorder;

pub use chromium::Chromium;
pub use firefox::Firefox;

use anyhow::{Result, bail};
use serde_json::Value;
use std::{
    env,
    path::PathBuf,
    thread::sleep,
    time::{Duration, Instant},
};

/// No answer of a browser should ever take this long.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

/// Which browser.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Chromium, or Chrome.
    Chromium,
    /// Firefox.
    Firefox,
}

impl Kind {
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Chromium => &["chromium", "chromium-browser", "google-chrome"],
            Self::Firefox => &["firefox", "firefox-esr"],
        }
    }

    /// The Debian package, and what names another program in the environment.
    fn package(self) -> (&'static str, &'static str) {
        match self {
            Self::Chromium => ("chromium", "CHROMIUM"),
            Self::Firefox => ("firefox-esr", "FIREFOX"),
        }
    }

    /// Where it is: `$CHROMIUM` or `$FIREFOX`, or one of the usual names on the `PATH`.
    pub fn find(self) -> Option<PathBuf> {
        if let Some(path) = env::var_os(self.package().1) {
            return Some(path.into());
        }
        let path = env::var_os("PATH")?;
        env::split_paths(&path)
            .flat_map(|folder| self.names().iter().map(move |name| folder.join(name)))
            .find(|candidate| candidate.is_file())
    }

    /// The same, for a test that is skipped where there is none; in CI that is a failure.
    #[expect(clippy::print_stderr, reason = "a skipped test says so")]
    pub fn find_or_skip(self) -> Option<PathBuf> {
        let (found, package) = (self.find(), self.package().0);
        if found.is_none() {
            assert!(env::var_os("CI").is_none(), "no {self:?}: apt-get install {package}");
            eprintln!("skipped, no {self:?}: apt-get install {package}");
        }
        found
    }

    /// A browser with the page `about:blank`, or none where there is none and that is all right.
    pub fn launch(self, trust: &Trust) -> Result<Option<Box<dyn Page>>> {
        let Some(program) = self.find_or_skip() else { return Ok(None) };
        Ok(Some(match self {
            Self::Chromium => Box::new(Chromium::launch_with(&program, trust)?),
            Self::Firefox => Box::new(Firefox::launch(&program, trust)?),
        }))
    }
}

/// Which certificates a browser trusts, and which names are on this machine.
#[derive(Default)]
pub struct Trust {
    /// The public keys, as `SubjectPublicKeyInfo` in DER, whose certificates Chromium accepts.
    pub keys: Vec<Vec<u8>>,
    /// The certificate of the authority that Firefox trusts, in DER.
    pub authority: Option<Vec<u8>>,
    /// Whether every certificate is accepted.
    pub anything: bool,
    /// The names that are at 127.0.0.1.
    pub hosts: &'static [&'static str],
    /// Whether Chromium may use QUIC.
    pub quic: bool,
}

/// A page in a browser.
pub trait Page {
    /// Goes to `url`.
    fn open(&mut self, url: &str) -> Result<()>;

    /// The value of a JavaScript expression, awaited where it is a promise.
    fn evaluate(&mut self, expression: &str) -> Result<Value>;

    /// Errors on the page's console so far, where the browser tells them.
    fn complaints(&self) -> &[String];

    /// Polls until `expression` is true. While a page loads it may throw.
    fn wait_for(&mut self, expression: &str) -> Result<()> {
        let start = Instant::now();
        loop {
            let last = self.evaluate(expression);
            if matches!(last, Ok(Value::Bool(true))) {
                return Ok(());
            }
            if start.elapsed() > PATIENCE {
                let console = self.complaints();
                bail!("not true within {PATIENCE:?}: {expression}: {last:?}; console: {console:?}");
            }
            sleep(POLL);
        }
    }
}
