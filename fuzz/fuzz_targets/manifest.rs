//! Whatever a manifest says: reading and compiling it never fails, only what is accepted is served,
//! and what was read is printed so that it is read again as the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portico::{
    compile::{Compiled, Options, compile},
    diagnostic::{Kind, ObjectRef},
    files::{Merged, read_texts},
    fuzzing::documents,
    objects::{Entry, Snapshot},
};
use portico_dataplane::table::{Action, ObjectName};
use serde::{Serialize, de::DeserializeOwned};
use std::{collections::BTreeMap, fmt::Debug};

fuzz_target!(|text: &str| {
    check_documents(text);
    let Merged { snapshot, .. } = read_texts([("fuzz.yaml", text)]);
    check_entries(Kind::FrontDoor, &snapshot.front_doors);
    check_entries(Kind::Route, &snapshot.routes);
    let compiled = compile(&snapshot, &Options::default());
    assert_eq!(compile(&snapshot, &Options::default()), compiled);
    check_served(&snapshot, &compiled);
});

/// JSON is YAML.
fn check_documents(text: &str) {
    let Ok(documents_of_text) = documents(text) else { return };
    for document in documents_of_text {
        let json = document.to_string();
        assert_eq!(documents(&json), Ok(vec![document]), "{json}");
    }
}

/// An object without problems is the same when it comes back from an API server.
fn check_entries<T>(kind: Kind, entries: &BTreeMap<ObjectName, Entry<T>>)
where
    T: Clone + Serialize + DeserializeOwned + Debug + PartialEq,
{
    for (name, entry) in entries.iter().filter(|(_, entry)| entry.problems.is_empty()) {
        let object = entry.object.as_deref().expect("what has no problems decodes");
        let manifest = serde_json::to_value(object).unwrap();
        let again = Entry::decode(&ObjectRef { kind, name: name.clone() }, manifest, []);
        assert_eq!(again, Entry { file: None, ..entry.clone() });
    }
}

/// Every object has a status, and only Routes that are accepted are served; others may hold their
/// places.
fn check_served(snapshot: &Snapshot, compiled: &Compiled) {
    assert_eq!(compiled.statuses.len(), snapshot.front_doors.len() + snapshot.routes.len());
    for host in compiled.table.hosts.iter() {
        for matched in host.routes.matches() {
            let route = ObjectRef { kind: Kind::Route, name: matched.target.name.clone() };
            let is_held = matches!(matched.target.action, Action::NotAccepted(_));
            assert_eq!(compiled.statuses[&route].is_accepted(), !is_held, "{route}");
        }
    }
}
