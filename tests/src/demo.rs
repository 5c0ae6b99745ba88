//! `portico demo`, started for a test.

use crate::{binary, serve::signal};
use anyhow::{Context, Result, ensure};
use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
};

/// A running `portico demo`.
#[derive(Debug)]
pub struct Demo {
    process: Child,
    /// The page, or the service's root.
    pub url: String,
    /// Kept open: the demo may print more.
    output: BufReader<ChildStdout>,
}

impl Demo {
    /// Starts it on free ports, with further arguments.
    pub fn start(arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(binary::portico()?);
        command
            .env("RUST_LOG", "warn")
            .args(["demo", "--http", "127.0.0.1:0", "--https", "127.0.0.1:0"])
            .args(["--admin", "127.0.0.1:0"])
            .args(arguments);
        Self::launch(&mut command, |line| Some(line.split_once("Open ")?.1))
    }

    /// One of its services on its own, as the Deployments of the example run it.
    pub fn service(name: &str) -> Result<Self> {
        let mut command = Command::new(binary::portico()?);
        command.args(["demo", "--service", name, "--http", "127.0.0.1:0", "--latency", "0ms"]);
        Self::launch(&mut command, |line| line.rsplit(' ').next())
    }

    /// Waits until a line names the address.
    fn launch(command: &mut Command, address: fn(&str) -> Option<&str>) -> Result<Self> {
        let mut process = command.stdout(Stdio::piped()).spawn()?;
        let output = BufReader::new(process.stdout.take().context("no standard output")?);
        let mut demo = Self { process, url: String::new(), output };
        while demo.url.is_empty() {
            let mut line = String::new();
            ensure!(demo.output.read_line(&mut line)? > 0, "the demo named no address");
            address(line.trim()).unwrap_or_default().clone_into(&mut demo.url);
        }
        Ok(demo)
    }

    /// The port of its address.
    ///
    /// # Errors
    /// If the address has none.
    pub fn port(&self) -> Result<u16> {
        let port = self.url.trim_end_matches('/').rsplit(':').next();
        Ok(port.context("no port")?.parse()?)
    }

    /// Ctrl-C, and how the demo takes it; what it has printed since its start.
    pub fn interrupt(mut self) -> Result<(ExitStatus, String)> {
        signal(self.process.id(), "INT")?;
        let mut printed = String::new();
        self.output.read_to_string(&mut printed)?;
        Ok((self.process.wait()?, printed))
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
