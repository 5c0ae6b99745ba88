#![allow(clippy::unwrap_used)]

mod patched;

use super::*;
use crate::diagnostic::{Reason, Severity};
use crate::files::walk;
use portico_dataplane::table::ObjectName;
use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
};

struct Folder {
    folder: tempfile::TempDir,
    cache: Cache,
    linger: Duration,
}

impl Folder {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            cache: Cache::default(),
            linger: Duration::ZERO,
        }
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.folder.path().join(name)).unwrap();
    }

    fn refresh(&mut self) -> bool {
        self.refresh_but(&|_| false)
    }

    fn refresh_but(&mut self, hold: &dyn Fn(&Path) -> bool) -> bool {
        let roots = [self.folder.path().to_owned()];
        self.cache.refresh(walk::walk(&roots, &mut |_| {}), hold, self.linger)
    }

    /// Refreshes, and returns the names of all Routes.
    fn routes(&mut self) -> String {
        self.refresh();
        let merged = self.cache.merge();
        let names: Vec<_> = merged.snapshot.routes.keys().map(|name| name.name.as_ref()).collect();
        names.join(" ")
    }

    /// The problems of files, with relative paths.
    fn problems(&mut self) -> Vec<String> {
        let merged = self.cache.merge();
        let relative = |path: &Path| path.strip_prefix(self.folder.path()).unwrap().to_owned();
        let of_file = |(path, problems): (&std::sync::Arc<Path>, &Vec<decode::FileProblem>)| {
            let path = relative(path).display().to_string();
            problems.iter().map(|problem| format!("{path}: {problem}")).collect::<Vec<_>>()
        };
        merged.problems.iter().flat_map(of_file).collect()
    }
}

fn route(name: &str) -> String {
    format!(
        "apiVersion: portico.dev/v1alpha1\nkind: Route\nmetadata: {{name: {name}}}\n\
         spec: {{frontDoorRef: {{name: ep}}, respond: {{status: 200}}}}\n---\n"
    )
}

fn service(port: u16) -> String {
    format!(
        "{{apiVersion: v1, kind: Service, metadata: {{name: s}}, spec: {{ports: [{{port: {port}}}]}}}}\n---\n"
    )
}

#[test]
fn a_broken_file_keeps_what_it_last_gave_and_the_others_count() {
    let mut folder = Folder::new();
    folder.write("a.yaml", &route("a"));
    folder.write("b.yaml", &route("b"));
    assert_eq!(folder.routes(), "a b");
    folder.write("a.yaml", "spec: [");
    folder.write("b.yaml", &(route("b") + &route("c")));
    assert_eq!(folder.routes(), "a b c");
    let problems = folder.problems();
    assert!(problems[0].starts_with("a.yaml: line "), "{problems:?}");
    assert_eq!((folder.cache.merge().files, folder.cache.merge().broken), (1, 1));
    folder.write("a.yaml", &route("d"));
    assert_eq!(folder.routes(), "b c d");
    assert_eq!(folder.problems(), Vec::<String>::new());
}

#[test]
fn a_file_broken_from_the_start_gives_nothing() {
    let mut folder = Folder::new();
    folder.write("a.yaml", "spec: [");
    assert_eq!(folder.routes(), "");
    assert_eq!(folder.problems().len(), 1);
}

#[test]
fn emptied_and_removed_files_withdraw_their_objects() {
    let mut folder = Folder::new();
    for name in ["a", "b", "c"] {
        folder.write(&format!("sub/{name}.yaml"), &route(name));
    }
    assert_eq!(folder.routes(), "a b c");
    folder.write("sub/a.yaml", "");
    folder.remove("sub/b.yaml");
    assert_eq!(folder.routes(), "c");
    fs::remove_dir_all(folder.folder.path().join("sub")).unwrap();
    assert_eq!(folder.routes(), "");
}

#[test]
fn a_file_that_is_gone_lingers_and_may_have_moved() {
    let mut folder = Folder::new();
    folder.linger = Duration::MAX;
    folder.write("b.yaml", &(route("a") + &route("b")));
    assert_eq!(folder.routes(), "a b");
    folder.remove("b.yaml");
    assert_eq!(folder.routes(), "a b");
    folder.write("moved.yaml", &route("a"));
    assert_eq!(folder.routes(), "a b");
    let merged = folder.cache.merge();
    assert_eq!(merged.snapshot.routes[&ObjectName::new("default", "a")].problems, []);
    assert_eq!(merged.files, 1);
    folder.linger = Duration::ZERO;
    assert!(folder.cache.lingers());
    assert_eq!(folder.routes(), "a");
    assert!(!folder.cache.lingers());
}

#[test]
fn an_invalid_object_is_there_with_its_problems() {
    let mut folder = Folder::new();
    folder.write("a.yaml", &route("a").replace("status", "statuz"));
    assert_eq!(folder.routes(), "a");
    let merged = folder.cache.merge();
    let entry = &merged.snapshot.routes[&ObjectName::new("default", "a")];
    assert_eq!(entry.problems[0].reason, Reason::Invalid);
}

#[test]
fn unchanged_files_are_no_change() {
    let mut folder = Folder::new();
    folder.write("a.yaml", &route("a"));
    assert!(folder.refresh());
    assert!(!folder.refresh());
    folder.write("a.yaml", &route("a"));
    assert!(!folder.refresh(), "written again with the same text");
    folder.write("a.yaml", &route("b"));
    assert!(folder.refresh(), "of the same size, and perhaps within one tick of the clock");
}

#[test]
fn a_file_being_written_stays_as_it_was() {
    let mut folder = Folder::new();
    folder.write("a.yaml", &route("a"));
    folder.refresh();
    folder.write("a.yaml", "");
    assert!(!folder.refresh_but(&|path| path.ends_with("a.yaml")));
    assert_eq!(folder.cache.merge().snapshot.routes.len(), 1);
    assert!(folder.refresh());
}

#[test]
fn one_object_in_two_places_is_one_if_both_are_the_same() {
    let mut folder = Folder::new();
    folder.write("shop.yaml", &(route("a") + &service(1)));
    folder.write("shop-backup.yaml", &(route("a") + &service(1)));
    folder.write("shop-third.yaml", &route("a"));
    assert_eq!(folder.routes(), "a");
    let merged = folder.cache.merge();
    let problems = &merged.snapshot.routes[&ObjectName::new("default", "a")].problems;
    assert_eq!(problems.len(), 2);
    for problem in problems {
        assert_eq!(problem.reason, Reason::DuplicateObject);
        assert_eq!(problem.severity, Severity::Warning);
        assert!(problem.message.contains("shop-backup.yaml"), "{}", problem.message);
    }
    let of_files: Vec<_> = merged.problems.values().flatten().collect();
    assert_eq!(of_files.len(), 1);
    assert_eq!(of_files[0].severity, Severity::Warning);
}

#[test]
fn one_object_in_two_places_is_refused_until_it_is_in_one() {
    let mut folder = Folder::new();
    folder.write("a.yaml", &route("a").replace("200", "204"));
    folder.write("b.yaml", &(route("b") + &route("a")));
    assert_eq!(folder.routes(), "a b");
    let merged = folder.cache.merge();
    let problems = &merged.snapshot.routes[&ObjectName::new("default", "a")].problems;
    assert_eq!(problems[0].reason, Reason::DuplicateObject);
    assert_eq!(problems[0].severity, Severity::Error);
    let message = &problems[0].message;
    assert!(message.contains("a.yaml:1 and, with different content, in "), "{message}");
    assert!(message.contains("b.yaml:"), "{message}");
    folder.remove("a.yaml");
    assert_eq!(folder.routes(), "a b");
    let merged = folder.cache.merge();
    assert_eq!(merged.snapshot.routes[&ObjectName::new("default", "a")].problems, []);
}

#[test]
fn an_object_whose_other_place_is_gone_is_one_at_once() {
    let mut folder = Folder::new();
    folder.linger = Duration::MAX;
    folder.write("a.yaml", &route("a").replace("200", "204"));
    folder.write("b.yaml", &route("a"));
    assert!(folder.refresh());
    let problems = |folder: &mut Folder| {
        let merged = folder.cache.merge();
        merged.snapshot.routes[&ObjectName::new("default", "a")].problems.len()
    };
    assert_eq!(problems(&mut folder), 1);
    folder.remove("a.yaml");
    assert!(folder.refresh());
    assert_eq!(problems(&mut folder), 0, "the file that is gone has no say while it lingers");
    assert!(!folder.refresh());
    folder.write("a.yaml", &route("a"));
    assert!(folder.refresh());
    assert_eq!(problems(&mut folder), 1);
}

#[test]
fn of_a_core_object_in_two_files_the_first_counts() {
    let mut folder = Folder::new();
    folder.write("a.yaml", &service(1));
    folder.write("b.yaml", &service(2));
    folder.refresh();
    let merged = folder.cache.merge();
    let service = merged.snapshot.services.values().next().unwrap();
    assert_eq!(service.spec.as_ref().unwrap().ports.as_ref().unwrap()[0].port, 1);
    let problems = folder.problems();
    assert!(
        problems[0].starts_with(
            "b.yaml: document 1: Service default/s is ignored: it is already defined, with different content, in"
        ),
        "{problems:?}"
    );
}

/// A copy sorts before the original: `-` comes before `.`.
#[test]
fn of_a_core_object_in_two_files_the_one_in_use_counts() {
    let mut folder = Folder::new();
    let port = |folder: &mut Folder| {
        folder.refresh();
        let merged = folder.cache.merge();
        let snapshot = folder.cache.remember(merged);
        let service = snapshot.services.values().next().unwrap();
        service.spec.as_ref().unwrap().ports.as_ref().unwrap()[0].port
    };
    folder.write("shop.yaml", &service(1));
    assert_eq!(port(&mut folder), 1);
    folder.write("shop-backup.yaml", &service(2));
    assert_eq!(port(&mut folder), 1);
    assert_eq!(port(&mut folder), 1);
    folder.remove("shop.yaml");
    assert_eq!(port(&mut folder), 2);
    folder.write("shop.yaml", &service(1));
    assert_eq!(port(&mut folder), 2);
}

#[test]
fn an_object_that_moves_to_another_file_is_there_all_the_time_and_once() {
    let mut folder = Folder::new();
    folder.linger = Duration::MAX;
    folder.write("a.yaml", &(route("a") + &route("b")));
    assert_eq!(folder.routes(), "a b");
    folder.write("a.yaml", &route("a"));
    assert_eq!(folder.routes(), "a b", "it may appear elsewhere");
    assert!(folder.cache.lingers());
    folder.write("b.yaml", &route("b").replace("200", "204"));
    assert_eq!(folder.routes(), "a b");
    let merged = folder.cache.merge();
    let moved = &merged.snapshot.routes[&ObjectName::new("default", "b")];
    assert_eq!(moved.problems, []);
    assert!(moved.file.as_ref().unwrap().ends_with("b.yaml"));
    folder.linger = Duration::ZERO;
    assert_eq!(folder.routes(), "a b");
    assert!(!folder.cache.lingers());
    folder.write("b.yaml", "");
    assert_eq!(folder.routes(), "a");
}

#[test]
fn a_document_that_can_no_longer_be_read_keeps_what_it_gave() {
    let mut folder = Folder::new();
    folder.write("a.yaml", &(route("a") + &route("b") + &route("c")));
    assert_eq!(folder.routes(), "a b c");
    for misspelt in ["kind: Rout\n", "kind: Route\nmetadata: {nam: b}\n#"] {
        let text = route("a") + &route("b").replace("kind: Route\n", misspelt) + &route("c");
        folder.write("a.yaml", &text);
        assert_eq!(folder.routes(), "a b c", "{misspelt}");
        assert_eq!(folder.problems().len(), 1);
        folder.write("a.yaml", &text.replace(&route("c"), ""));
        assert_eq!(folder.routes(), "a b", "{misspelt}: what is removed is withdrawn");
        folder.write("a.yaml", &(route("a") + &route("c")));
        assert_eq!(folder.routes(), "a c", "{misspelt}");
        folder.write("a.yaml", &(route("a") + &route("b") + &route("c")));
        assert_eq!(folder.routes(), "a b c");
    }
}

#[test]
fn correcting_one_document_withdraws_no_other() {
    let mut folder = Folder::new();
    let all = route("a") + &route("b") + &route("c");
    folder.write("a.yaml", &(all.clone() + "kind: Route\n---\n"));
    assert_eq!(folder.routes(), "a b c");
    let misspelt = |name: &str, text: &str| {
        text.replace(&route(name), &route(name).replace("portico.dev", "portico.dve"))
    };
    let both = misspelt("b", &misspelt("c", &all));
    folder.write("a.yaml", &(both.clone() + "kind: Route\n---\n"));
    assert_eq!(folder.routes(), "a b c");
    folder.write("a.yaml", &both);
    assert_eq!(folder.routes(), "a b c", "what was wrong before is nothing of theirs");
    folder.write("a.yaml", &misspelt("c", &all));
    assert_eq!(folder.routes(), "a b c");
    folder.write("a.yaml", &misspelt("c", &all).replace("dve", "dove"));
    assert_eq!(folder.routes(), "a b c", "it is still not corrected");
    folder.write("a.yaml", &(route("a") + &route("b")));
    assert_eq!(folder.routes(), "a b");
}

#[test]
fn warnings_keep_nothing() {
    let mut folder = Folder::new();
    folder.write("a.yaml", &(route("a") + &route("b")));
    assert_eq!(folder.routes(), "a b");
    let endpoints = "{apiVersion: v1, kind: Endpoints, metadata: {name: s}}";
    folder.write("a.yaml", &(route("a") + endpoints));
    assert_eq!(folder.routes(), "a");
    assert_eq!(folder.problems().len(), 1);
}

#[test]
fn what_can_not_be_read_keeps_what_it_gave() {
    let mut folder = Folder::new();
    folder.write("sub/a.yaml", &route("a"));
    folder.write("b.yaml", &route("b"));
    assert_eq!(folder.routes(), "a b");
    folder.write("b.yaml", "\u{0}");
    fs::write(folder.folder.path().join("b.yaml"), b"a: \xff").unwrap();
    let sub = folder.folder.path().join("sub");
    fs::set_permissions(&sub, Permissions::from_mode(0o000)).unwrap();
    let is_root = fs::read_dir(&sub).is_ok();
    assert_eq!(folder.routes(), "a b");
    let problems = folder.problems();
    assert_eq!(problems[0], "b.yaml: can't be read: not UTF-8 from byte 3 on");
    assert_eq!(problems.len(), if is_root { 1 } else { 2 }, "{problems:?}");
    fs::set_permissions(&sub, Permissions::from_mode(0o700)).unwrap();
}
