//! The ways in which the API server of a kind cluster goes away.

use anyhow::{Context, Error, Result, bail, ensure};
use portico_tests::cluster::{in_node, k, patience::PATIENCE};
use std::{
    fmt,
    str::FromStr,
    thread,
    time::{Duration, Instant},
};

/// Longer outages are not asked for.
const LONGEST: Duration = Duration::from_mins(10);

/// An outage to come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outage {
    kind: Kind,
    pub(super) length: Duration,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// It does not run: connections are refused.
    Refused,
    /// It is suspended: its kernel accepts connections and data, and nothing is answered.
    Hung,
    /// What is sent to it is dropped, as by a broken network, except by what runs on its node itself:
    /// the kubelet would restart it.
    Unreachable,
}

impl FromStr for Outage {
    type Err = Error;

    /// `kind:seconds`.
    fn from_str(text: &str) -> Result<Self> {
        let (kind, seconds) = text.split_once(':').context("an outage is kind:seconds")?;
        let kind = match kind {
            "refused" => Kind::Refused,
            "hung" => Kind::Hung,
            "unreachable" => Kind::Unreachable,
            _ => bail!("{kind}: an outage is refused, hung or unreachable"),
        };
        let length = Duration::from_secs(seconds.parse()?);
        ensure!(length <= LONGEST, "{text} is longer than {LONGEST:?}");
        Ok(Self { kind, length })
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Refused => "refused",
            Kind::Hung => "hung",
            Kind::Unreachable => "unreachable",
        };
        write!(f, "{kind} for {} s", self.length.as_secs())
    }
}

impl Outage {
    /// Ends when the result is dropped, at the latest.
    pub(super) fn begin(self) -> Result<Ongoing> {
        let ongoing = Ongoing { kind: self.kind, is_over: false };
        run(match self.kind {
            // Its manifest is out of the kubelet's sight.
            Kind::Refused => {
                "cd /etc/kubernetes; mv manifests/kube-apiserver.yaml .; \
                 for i in $(seq 300); do pkill -KILL -x kube-apiserver || exit 0; sleep 0.2; done; \
                 exit 1"
            }
            // `tests/kind/patches` keeps the kubelet from restarting it.
            Kind::Hung => "pkill -STOP -x kube-apiserver",
            Kind::Unreachable => "iptables -I INPUT -p tcp --dport 6443 ! -i lo -j DROP",
        })?;
        Ok(ongoing)
    }
}

/// An outage that goes on.
pub(super) struct Ongoing {
    kind: Kind,
    is_over: bool,
}

impl Ongoing {
    /// Lets the API server come back.
    pub(super) fn end(&mut self) -> Result<()> {
        run(match self.kind {
            Kind::Refused => "mv /etc/kubernetes/kube-apiserver.yaml /etc/kubernetes/manifests/",
            Kind::Hung => "pkill -CONT -x kube-apiserver",
            Kind::Unreachable => "iptables -D INPUT -p tcp --dport 6443 ! -i lo -j DROP",
        })?;
        self.is_over = true;
        Ok(())
    }
}

impl Drop for Ongoing {
    /// Waits until the API server is back: whatever became of the test, the next ones need it.
    fn drop(&mut self) {
        if !self.is_over
            && let Err(error) = self.end()
        {
            println!("the API server stays away: {error:#}");
        }
        let start = Instant::now();
        while k("get --raw /readyz --request-timeout=5s").is_err() && start.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(200));
        }
    }
}

/// Runs a script in the node.
fn run(script: &str) -> Result<()> {
    in_node(&["sh", "-c", script]).context("the node can't be reached into")?.map(drop)
}
