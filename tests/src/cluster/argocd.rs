//! Argo CD: its own programs, beside the cluster rather than in it, and a Git repository for it.
//!
//! `argocd` is all of them, by the name in `ARGOCD_BINARY_NAME`; the folder `ARGOCD_MANIFESTS` has its
//! definitions and its default configuration.

use super::{get, k, patience::eventually, run};
use crate::root;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::{
    env, fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;
use tokio::time::sleep;

/// The namespace of its settings and Applications.
pub const NAMESPACE: &str = "argocd";

/// A running Argo CD.
#[derive(Debug)]
pub struct ArgoCd {
    /// Its repository.
    pub repository: Repository,
    server: String,
    processes: Vec<Child>,
    folder: TempDir,
}

impl ArgoCd {
    /// With its definitions, its default configuration, and a repository that is empty.
    ///
    /// # Errors
    /// What one of its programs complained of.
    pub async fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        configure()?;
        let repository = Repository::new(folder.path())?;
        let [redis, repo_server, server, git] = free_ports()?;
        let address = |port: u16| format!("{}:{port}", Ipv4Addr::LOCALHOST);
        let mut it = Self { repository, server: address(server), processes: Vec::new(), folder };
        let mut store = Command::new("redis-server");
        store.args(["--bind", "127.0.0.1", "--save", "", "--port", &redis.to_string()]);
        it.spawn(&mut store)?;
        it.spawn(
            Command::new("git")
                .args(["daemon", "--export-all", "--listen=127.0.0.1"])
                .arg(format!("--port={git}"))
                .arg(format!("--base-path={}", it.folder.path().display())),
        )?;
        it.repository.url = format!("git://{}/repository", address(git));
        let redis = format!("--redis={}", address(redis));
        let repo_server_at = format!("--repo-server={}", address(repo_server));
        let mut repo = it.program("argocd-repo-server")?;
        repo.args([&redis, &format!("--port={repo_server}"), "--metrics-port=0"]);
        let mut controller = it.program("argocd-application-controller")?;
        controller.args([&redis, &repo_server_at, "--metrics-port=0", "-n", NAMESPACE]);
        let mut api = it.program("argocd-server")?;
        api.args([&redis, &repo_server_at, "--metrics-port=0", "--insecure", "--disable-auth"]);
        api.args([&format!("--port={server}"), "-n", NAMESPACE]);
        for mut program in [repo, controller, api] {
            it.spawn(&mut program)?;
        }
        for port in [repo_server, server] {
            let listens =
                || async move { Ok(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map(drop)?) };
            eventually(listens).await?;
        }
        Ok(it)
    }

    /// One of its programs, with folders of its own.
    fn program(&self, name: &str) -> Result<Command> {
        let mut command = Command::new("argocd");
        command.env("ARGOCD_BINARY_NAME", name).env("ARGOCD_FAKE_IN_CLUSTER", "true");
        command.env("ARGOCD_GPG_ENABLED", "false");
        for variable in ["TMPDIR", "ARGOCD_TLS_DATA_PATH", "ARGOCD_SSH_DATA_PATH"] {
            let folder = self.folder.path().join(variable);
            fs::create_dir_all(&folder)?;
            command.env(variable, folder);
        }
        Ok(command)
    }

    fn spawn(&mut self, command: &mut Command) -> Result<()> {
        let log = self.folder.path().join(format!("{}.log", self.processes.len()));
        let log = fs::File::create(log)?;
        let command = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().with_context(|| format!("{command:?}"))?;
        self.processes.push(child);
        Ok(())
    }

    /// Has an Application look at the repository now, instead of in some minutes.
    ///
    /// # Errors
    /// Where there is no such Application.
    pub fn refresh(&self, application: &str) -> Result<String> {
        let refresh = "argocd.argoproj.io/refresh=normal";
        k(&format!("annotate application {application} -n {NAMESPACE} {refresh} --overwrite"))
    }

    /// Waits until an Application is what the repository's last commit says, and is `health`; the
    /// Application.
    ///
    /// # Errors
    /// Where it does not become that.
    pub async fn settled(&self, application: &str, health: &str) -> Result<Value> {
        self.refresh(application)?;
        let head = self.repository.head()?;
        let attempt = || async {
            let found = get(&format!("application {application} -n {NAMESPACE}"))?;
            let status = &found["status"];
            let sync = &status["sync"];
            let revision = &sync["revision"];
            let revision = if revision.is_null() { &sync["revisions"][0] } else { revision };
            let is = (&sync["status"], revision, &status["health"]["status"]);
            let is_wanted = is.0 == "Synced" && *is.1 == *head && is.2 == health;
            // Each attempt starts kubectl.
            sleep(Duration::from_millis(200)).await;
            ensure!(is_wanted, "{application}: {is:?}, not {health} at {head}: {status:#}");
            Ok(found)
        };
        Ok(eventually(attempt).await?.0)
    }

    /// The health of a resource of an Application, as its page shows it.
    ///
    /// # Errors
    /// Where there is no such resource.
    pub fn health(&self, application: &str, kind: &str, name: &str) -> Result<Value> {
        let url = format!("http://{}/api/v1/applications/{application}/resource-tree", self.server);
        let tree: Value =
            serde_json::from_str(&run(Command::new("curl").args(["-sS", &url]), "")?)?;
        let mut nodes = tree["nodes"].as_array().into_iter().flatten();
        let node = nodes.find(|node| node["kind"] == kind && node["name"] == name);
        Ok(node.with_context(|| format!("no {kind} {name}: {tree:#}"))?["health"].clone())
    }

    /// What `argocd app diff` prints, which is nothing where there is no difference.
    ///
    /// # Errors
    /// What it complained of.
    pub fn diff(&self, application: &str) -> Result<String> {
        let mut argocd = self.program("argocd")?;
        argocd.args(["--server", &self.server, "--plaintext", "app", "diff", application]);
        argocd.arg("--exit-code=false").env("HOME", self.folder.path());
        run(&mut argocd, "")
    }
}

impl Drop for ArgoCd {
    #[expect(clippy::print_stderr, reason = "what a failed test looked like")]
    fn drop(&mut self) {
        for (index, process) in self.processes.iter_mut().enumerate() {
            let _ = process.kill();
            let _ = process.wait();
            if std::thread::panicking() {
                let log = self.folder.path().join(format!("{index}.log"));
                let log = fs::read_to_string(log).unwrap_or_default();
                let lines: Vec<_> = log.lines().collect();
                let last = lines.get(lines.len().saturating_sub(40)..).unwrap_or_default();
                eprintln!("process {index} of Argo CD:\n{}", last.join("\n"));
            }
        }
    }
}

/// Its namespace, definitions and default configuration.
fn configure() -> Result<()> {
    let manifests = env::var_os("ARGOCD_MANIFESTS").context("ARGOCD_MANIFESTS is not set")?;
    let manifests = PathBuf::from(manifests);
    for definition in fs::read_dir(manifests.join("crds"))? {
        let definition = definition?.path();
        if definition.to_string_lossy().ends_with("-crd.yaml") {
            k(&format!("apply --server-side -f {}", definition.display()))?;
        }
    }
    k("wait --for=condition=Established crd/applications.argoproj.io --timeout=60s")?;
    k(&format!("create namespace {NAMESPACE}"))?;
    let configuration = manifests.join("base/config");
    k(&format!("apply -n {NAMESPACE} -k {}", configuration.display())).map(drop)
}

fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut ports = [0; N];
    let mut held = Vec::new();
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}

/// A Git repository, with what there is at its branch `main`.
#[derive(Debug)]
pub struct Repository {
    /// Where Argo CD finds it.
    pub url: String,
    folder: PathBuf,
}

impl Repository {
    fn new(parent: &Path) -> Result<Self> {
        let it = Self { url: String::new(), folder: parent.join("repository") };
        fs::create_dir(&it.folder)?;
        it.git(&["init", "--quiet", "--initial-branch=main"])?;
        it.git(&["config", "user.name", "test"])?;
        it.git(&["config", "user.email", "test@example.com"])?;
        Ok(it)
    }

    /// Copies a folder of the checkout to the same place.
    ///
    /// # Errors
    /// Where it can't be copied.
    pub fn copy(&self, folder: &str) -> Result<()> {
        let to = self.folder.join(folder);
        fs::create_dir_all(to.parent().context("a folder in the checkout")?)?;
        run(Command::new("cp").arg("-r").arg(root().join(folder)).arg(to), "").map(drop)
    }

    /// A file, as its text is now.
    ///
    /// # Errors
    /// Where there is none.
    pub fn read(&self, file: &str) -> Result<String> {
        Ok(fs::read_to_string(self.folder.join(file))?)
    }

    /// Writes a file.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn write(&self, file: &str, text: &str) -> Result<()> {
        Ok(fs::write(self.folder.join(file), text)?)
    }

    /// Removes a file.
    ///
    /// # Errors
    /// Where there is none.
    pub fn remove(&self, file: &str) -> Result<()> {
        Ok(fs::remove_file(self.folder.join(file))?)
    }

    /// Commits everything.
    ///
    /// # Errors
    /// What git complained of.
    pub fn commit(&self, message: &str) -> Result<()> {
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--message", message]).map(drop)
    }

    /// Takes back the last commit by another one.
    ///
    /// # Errors
    /// What git complained of.
    pub fn revert(&self) -> Result<()> {
        self.git(&["revert", "--no-edit", "HEAD"]).map(drop)
    }

    /// The last commit.
    ///
    /// # Errors
    /// What git complained of.
    pub fn head(&self) -> Result<String> {
        Ok(self.git(&["rev-parse", "HEAD"])?.trim().to_owned())
    }

    fn git(&self, arguments: &[&str]) -> Result<String> {
        run(Command::new("git").arg("-C").arg(&self.folder).args(arguments), "")
    }
}
