#![allow(clippy::unwrap_used, clippy::panic)]

use super::Watch;
use crate::{
    files::{Files, cache::REMOVAL_DELAY},
    objects::{LastGood, Snapshot},
    publish::{Debouncer, Source, debouncer},
};
use prometheus_client::registry::Registry;
use std::{
    fs,
    io::Write,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Far longer than anything takes.
const DEADLINE: Duration = Duration::from_secs(30);

struct Watched {
    folder: tempfile::TempDir,
    files: Files,
    debouncer: Debouncer,
}

impl Watched {
    /// Watches `paths` inside a folder that `prepare` has filled.
    fn new(paths: &[&str], prepare: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path());
        let paths: Vec<PathBuf> = paths.iter().map(|path| folder.path().join(path)).collect();
        let (trigger, debouncer) = debouncer();
        let mut files = Files::new(paths, trigger.clone(), &mut Registry::default());
        files.watch = Watch::new(trigger, DEADLINE);
        files.snapshot(&LastGood::default()).unwrap();
        Self { folder, files, debouncer }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Follows events, without ever polling, until there are exactly these Routes.
    fn await_routes(&mut self, expected: &str) {
        let begin = Instant::now();
        let mut last = None;
        while let Some(left) = DEADLINE.checked_sub(begin.elapsed()) {
            let max_wait = if self.files.cache.lingers() { REMOVAL_DELAY } else { left };
            assert!(self.debouncer.next(max_wait));
            if let Some(snapshot) = self.files.snapshot(&LastGood::default()) {
                let found = routes(&snapshot);
                if found == expected {
                    return;
                }
                last = Some(found);
            }
        }
        panic!("no sign led to '{expected}'; last seen: {last:?}");
    }
}

fn routes(snapshot: &Snapshot) -> String {
    let names: Vec<_> = snapshot.routes.keys().map(|name| name.name.as_ref()).collect();
    names.join(" ")
}

fn route(name: &str) -> String {
    format!(
        "apiVersion: portico.dev/v1alpha1\nkind: Route\nmetadata: {{name: {name}}}\n\
         spec: {{frontDoorRef: {{name: ep}}, respond: {{status: 200}}}}\n"
    )
}

#[test]
fn files_in_a_folder_are_edited_replaced_and_removed() {
    let mut watched = Watched::new(&["."], |folder| {
        fs::write(folder.join("a.yaml"), route("a")).unwrap();
    });
    fs::write(watched.path("a.yaml"), route("edited")).unwrap();
    watched.await_routes("edited");
    fs::write(watched.path(".a.yaml.new"), route("replaced")).unwrap();
    fs::rename(watched.path(".a.yaml.new"), watched.path("a.yaml")).unwrap();
    watched.await_routes("replaced");
    fs::write(watched.path("b.yaml"), route("b")).unwrap();
    watched.await_routes("b replaced");
    fs::remove_file(watched.path("a.yaml")).unwrap();
    watched.await_routes("b");
    fs::write(watched.path("b.yaml"), "").unwrap();
    watched.await_routes("");
}

#[test]
fn new_folders_are_watched_too_and_so_are_those_that_come_back() {
    let mut watched = Watched::new(&["."], |_| {});
    for round in ["one", "two"] {
        fs::create_dir_all(watched.path("sub/deep")).unwrap();
        fs::write(watched.path("sub/deep/a.yaml"), route(round)).unwrap();
        watched.await_routes(round);
        fs::write(watched.path("sub/deep/a.yaml"), route("edited")).unwrap();
        watched.await_routes("edited");
        fs::rename(watched.path("sub"), watched.path(".away")).unwrap();
        watched.await_routes("");
        fs::rename(watched.path(".away"), watched.path("sub")).unwrap();
        watched.await_routes("edited");
        fs::write(watched.path("sub/deep/a.yaml"), route("again")).unwrap();
        watched.await_routes("again");
        fs::remove_dir_all(watched.path("sub")).unwrap();
        watched.await_routes("");
    }
}

#[test]
fn a_configmap_mount_changes_by_its_data_link() {
    let mut watched = Watched::new(&["mount"], |folder| {
        let mount = folder.join("mount");
        fs::create_dir_all(mount.join("..1")).unwrap();
        fs::write(mount.join("..1/a.yaml"), route("a")).unwrap();
        symlink("..1", mount.join("..data")).unwrap();
        symlink("..data/a.yaml", mount.join("a.yaml")).unwrap();
    });
    for round in 2..5 {
        let name = format!("round-{round}");
        let mount = watched.path("mount");
        let new = mount.join(format!("..{round}"));
        fs::create_dir(&new).unwrap();
        fs::write(new.join("a.yaml"), route(&name)).unwrap();
        symlink(format!("..{round}"), mount.join("..data_tmp")).unwrap();
        fs::rename(mount.join("..data_tmp"), mount.join("..data")).unwrap();
        fs::remove_dir_all(mount.join(format!("..{}", round - 1))).unwrap();
        watched.await_routes(&name);
    }
}

#[test]
fn a_file_that_is_named_is_watched_through_its_folder_and_its_links() {
    let mut watched = Watched::new(&["here/link.yaml", "plain.yaml"], |folder| {
        for sub in ["here", "there"] {
            fs::create_dir(folder.join(sub)).unwrap();
        }
        fs::write(folder.join("there/a.yaml"), route("a")).unwrap();
        symlink("../there/a.yaml", folder.join("here/link.yaml")).unwrap();
        fs::write(folder.join("plain.yaml"), route("p")).unwrap();
    });
    fs::write(watched.path("there/a.yaml"), route("b")).unwrap();
    watched.await_routes("b p");
    fs::write(watched.path("there/c.yaml"), route("c")).unwrap();
    symlink("../there/c.yaml", watched.path("here/new")).unwrap();
    fs::rename(watched.path("here/new"), watched.path("here/link.yaml")).unwrap();
    watched.await_routes("c p");
    fs::remove_file(watched.path("plain.yaml")).unwrap();
    watched.await_routes("c");
    fs::write(watched.path("plain.yaml"), route("back")).unwrap();
    watched.await_routes("back c");
}

#[test]
fn a_file_is_not_empty_while_it_is_written_in_place() {
    let mut watched = Watched::new(&["."], |folder| {
        fs::write(folder.join("a.yaml"), route("a")).unwrap();
    });
    let mut file = fs::File::create(watched.path("a.yaml")).unwrap();
    // A change to another file makes it read the folder in the midst of this.
    fs::write(watched.path("b.yaml"), route("b")).unwrap();
    watched.await_routes("a b");
    file.write_all(route("c").as_bytes()).unwrap();
    drop(file);
    watched.await_routes("b c");
}

#[test]
fn a_file_is_not_gone_while_an_editor_replaces_it() {
    let mut watched = Watched::new(&["."], |folder| {
        fs::write(folder.join("a.yaml"), route("a")).unwrap();
    });
    fs::rename(watched.path("a.yaml"), watched.path("a.yaml~")).unwrap();
    let mut file = fs::File::create(watched.path("a.yaml")).unwrap();
    fs::write(watched.path("b.yaml"), route("b")).unwrap();
    watched.await_routes("a b");
    file.write_all(route("c").as_bytes()).unwrap();
    drop(file);
    watched.await_routes("b c");
}

#[test]
fn a_file_that_is_never_closed_counts_after_a_while() {
    let mut watched = Watched::new(&["."], |folder| {
        fs::write(folder.join("a.yaml"), route("a")).unwrap();
    });
    watched.files.watch = Watch::new(debouncer().0, Duration::ZERO);
    let mut file = fs::File::create(watched.path("a.yaml")).unwrap();
    file.write_all(route("b").as_bytes()).unwrap();
    let snapshot = watched.files.snapshot(&LastGood::default()).unwrap();
    assert_eq!(routes(&snapshot), "a b", "what it had may have moved");
}

#[test]
fn without_signs_looking_again_finds_what_changed() {
    let mut watched = Watched::new(&["."], |_| {});
    watched.files.watch.watcher = None;
    fs::write(watched.path("a.yaml"), route("a")).unwrap();
    assert_eq!(routes(&watched.files.snapshot(&LastGood::default()).unwrap()), "a");
    assert!(watched.files.snapshot(&LastGood::default()).is_none());
    assert!(watched.files.poll_interval() <= Duration::from_secs(60));
}
