//! The memory that this process may use, by its cgroup.

use std::{fs, path::Path};

/// What client connections may hold where no cgroup limits the process's memory.
const UNLIMITED_BUDGET: usize = 1024 * 1024 * 1024;

/// Version 1 has no word for "unlimited": it reports the largest number of pages, in bytes.
const NO_LIMIT: u64 = 1 << 60;

/// What client connections may hold by default, in bytes: 70% of the cgroup's limit, which leaves
/// room for the table, connections to backends and the allocator, or 1 GiB without a limit.
pub(super) fn default_budget() -> usize {
    // No such file outside Linux.
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    budget(limit(&groups, Path::new("/sys/fs/cgroup")))
}

fn budget(limit: Option<u64>) -> usize {
    let budget = limit.and_then(|limit| usize::try_from(limit / 10 * 7).ok());
    budget.unwrap_or(UNLIMITED_BUDGET)
}

/// The tightest memory limit of a process's cgroup and its ancestors, in bytes. `groups` are the
/// lines of its `/proc/…/cgroup`, and `root` is where cgroups are mounted.
fn limit(groups: &str, root: &Path) -> Option<u64> {
    groups.lines().filter_map(|line| limit_of_line(line, root)).min()
}

/// The same of one hierarchy: `ID:CONTROLLERS:PATH`, where version 2 has no controllers.
fn limit_of_line(line: &str, root: &Path) -> Option<u64> {
    let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
    let (root, file) = match controllers {
        "" => (root.to_owned(), "memory.max"),
        _ if controllers.split(',').any(|name| name == "memory") => {
            (root.join("memory"), "memory.limit_in_bytes")
        }
        _ => return None,
    };
    // In a container the path may be the one that the host sees. Its own cgroup is then the root.
    let folder = root.join(path.trim_start_matches('/'));
    let ancestors = folder.ancestors().take_while(|folder| folder.starts_with(&root));
    let read = |folder: &Path| -> Option<u64> {
        // The root of all cgroups has no such file; `max` is no number.
        fs::read_to_string(folder.join(file)).ok()?.trim().parse().ok()
    };
    ancestors.filter_map(read).filter(|limit| *limit < NO_LIMIT).min()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_tightest_limit_of_the_cgroup_and_its_ancestors_counts() {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("kubepods/memory.max", "4000\n"),
            ("kubepods/pod/memory.max", "1000\n"),
            ("kubepods/pod/portico/memory.max", "max\n"),
            ("memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("memory/docker/memory.limit_in_bytes", "3000\n"),
        ] {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        for (groups, expected) in [
            ("0::/kubepods/pod/portico\n", Some(1000)),
            ("0::/kubepods\n", Some(4000)),
            ("0::/\n", None),
            ("0::/kubepods/gone/below\n", Some(4000)),
            ("3:cpu,cpuacct:/docker\n2:memory:/docker\n0::/\n", Some(3000)),
            ("2:memory:/\n", None),
            ("2:hugetlb:/docker\n", None),
            ("2:hugetlb,memory:/docker\n1:name=systemd:/kubepods\n", Some(3000)),
            ("", None),
            ("nonsense", None),
        ] {
            assert_eq!(limit(groups, root.path()), expected, "{groups}");
        }
    }

    #[test]
    fn in_a_container_the_cgroup_is_the_root_whatever_the_host_calls_it() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("memory.max"), "536870912").unwrap();
        for groups in ["0::/", "0::/../kubepods/pod", "0::/kubepods.slice/pod.slice"] {
            assert_eq!(limit(groups, root.path()), Some(512 << 20), "{groups}");
        }
        assert_eq!(budget(Some(512 << 20)), 375_809_637);
    }

    #[test]
    fn without_a_limit_it_is_a_gibibyte() {
        assert_eq!(budget(None), 1 << 30);
        assert!(default_budget() > 0);
    }
}
