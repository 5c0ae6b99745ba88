//! Metrics of the process itself, named as Prometheus' client libraries name them.

use crate::version;
use std::fmt::{self, Write};

/// Writes which build this is and, on Linux, what the process uses. What can't be read is left out.
pub(super) fn encode(out: &mut String) -> fmt::Result {
    let (name, version, commit) = ("portico_build_info", version::VERSION, version::COMMIT);
    header(out, name, "gauge", "Always 1; the labels describe this build of Portico.")?;
    writeln!(out, "{name}{{version=\"{version}\",commit=\"{commit}\"}} 1")?;
    #[cfg(target_os = "linux")]
    if let Ok(usage) = linux::Usage::read() {
        usage.encode(out)?;
    }
    Ok(())
}

fn header(out: &mut String, name: &str, kind: &str, help: &str) -> fmt::Result {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}")
}

#[cfg(target_os = "linux")]
mod linux {
    use super::header;
    use procfs::{ProcResult, process::LimitValue, process::Process};
    use std::{
        fmt::{self, Write},
        sync::OnceLock,
    };

    /// What the process uses, from /proc.
    pub(super) struct Usage {
        cpu_seconds: f64,
        start_seconds: f64,
        resident_bytes: u64,
        virtual_bytes: u64,
        threads: i64,
        open_files: usize,
        /// `None`: as many as there can be.
        max_open_files: Option<u64>,
        max_virtual_bytes: Option<u64>,
    }

    impl Usage {
        pub(super) fn read() -> ProcResult<Self> {
            let process = Process::myself()?;
            let (stat, limits) = (process.stat()?, process.limits()?);
            let ticks = procfs::ticks_per_second() as f64;
            let max = |limit: LimitValue| match limit {
                LimitValue::Unlimited => None,
                LimitValue::Value(value) => Some(value),
            };
            Ok(Self {
                cpu_seconds: (stat.utime + stat.stime) as f64 / ticks,
                start_seconds: boot_seconds()? as f64 + stat.starttime as f64 / ticks,
                resident_bytes: stat.rss * procfs::page_size(),
                virtual_bytes: stat.vsize,
                threads: stat.num_threads,
                open_files: process.fd_count()?,
                max_open_files: max(limits.max_open_files.soft_limit),
                max_virtual_bytes: max(limits.max_address_space.soft_limit),
            })
        }

        pub(super) fn encode(&self, out: &mut String) -> fmt::Result {
            let name = "process_cpu_seconds_total";
            header(out, name, "counter", "User and system CPU time spent, in seconds.")?;
            writeln!(out, "{name} {}", self.cpu_seconds)?;
            let bytes = |bytes: u64| bytes as f64;
            for (name, help, value) in [
                (
                    "process_start_time_seconds",
                    "When the process started, in seconds since 1970.",
                    Some(self.start_seconds),
                ),
                (
                    "process_resident_memory_bytes",
                    "Resident memory, in bytes.",
                    Some(bytes(self.resident_bytes)),
                ),
                (
                    "process_virtual_memory_bytes",
                    "Virtual memory, in bytes.",
                    Some(bytes(self.virtual_bytes)),
                ),
                (
                    "process_virtual_memory_max_bytes",
                    "Limit of virtual memory, in bytes.",
                    self.max_virtual_bytes.map(bytes),
                ),
                ("process_open_fds", "Open file descriptors.", Some(self.open_files as f64)),
                (
                    "process_max_fds",
                    "Limit of open file descriptors.",
                    self.max_open_files.map(bytes),
                ),
                ("process_threads", "Threads.", Some(self.threads as f64)),
            ] {
                if let Some(value) = value {
                    header(out, name, "gauge", help)?;
                    writeln!(out, "{name} {value}")?;
                }
            }
            Ok(())
        }
    }

    /// When the system started, in seconds since 1970; read once, for its file is long.
    fn boot_seconds() -> ProcResult<u64> {
        static BOOT: OnceLock<u64> = OnceLock::new();
        match BOOT.get() {
            Some(boot) => Ok(*boot),
            None => procfs::boot_time_secs().map(|boot| *BOOT.get_or_init(|| boot)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::{collections::BTreeMap, fs::File, time::SystemTime};

    fn samples() -> BTreeMap<String, f64> {
        let mut out = String::new();
        encode(&mut out).unwrap();
        let samples = out.lines().filter(|line| !line.starts_with('#'));
        let samples = samples.map(|line| line.rsplit_once(' ').unwrap());
        samples.map(|(name, value)| (name.to_owned(), value.parse().unwrap())).collect()
    }

    #[test]
    fn the_build_has_its_labels() {
        let (version, commit) = (version::VERSION, version::COMMIT);
        let build = format!("portico_build_info{{version=\"{version}\",commit=\"{commit}\"}}");
        assert_eq!(samples()[&build], 1.0);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_process_has_the_metrics_of_prometheus_clients() {
        let before = samples();
        let files: Vec<_> = (0..50).map(|_| File::open("/proc/self/stat").unwrap()).collect();
        let mut work = 0_u64;
        while samples()["process_cpu_seconds_total"] <= before["process_cpu_seconds_total"] {
            work = std::hint::black_box(work.wrapping_add(1));
        }
        let after = samples();
        // Other tests open and close files meanwhile.
        assert!(after["process_open_fds"] > before["process_open_fds"] + 20.0);
        drop(files);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let age = now.as_secs_f64() - after["process_start_time_seconds"];
        assert!((-2.0..3_600.0).contains(&age), "{age}");
        let (resident, all) =
            (after["process_resident_memory_bytes"], after["process_virtual_memory_bytes"]);
        assert!((1e6..all).contains(&resident), "{resident} of {all}");
        assert!(after["process_max_fds"] > after["process_open_fds"]);
        assert!(after["process_threads"] >= 2.0);
    }
}
