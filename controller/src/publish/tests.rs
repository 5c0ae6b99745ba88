#![allow(clippy::unwrap_used)]

use super::*;
use crate::objects::Entry;
use portico_crds::FrontDoor;
use portico_dataplane::table::ObjectName;
use std::{
    io::{Read, Seek},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{Receiver, Sender, channel},
};

/// Provides the snapshots that are sent to it.
struct Sent(Receiver<Snapshot>);

impl Source for Sent {
    fn snapshot(&mut self, _: &LastGood) -> Option<Arc<Snapshot>> {
        self.0.try_recv().ok().map(Arc::new)
    }

    fn poll_interval(&self) -> Duration {
        Duration::MAX
    }
}

fn publisher() -> (Sender<Snapshot>, Publisher<Sent>, Registry) {
    let (sender, sent) = channel();
    let mut registry = Registry::default();
    let publisher = Publisher::new(Sent(sent), Options::default(), &mut registry);
    (sender, publisher, registry)
}

fn snapshot(host: &str) -> Snapshot {
    let spec = serde_json::from_value(serde_json::json!({"hosts": [{"name": host}]})).unwrap();
    let front_door = FrontDoor::new("ep", spec);
    let entry = Entry::good(Arc::new(front_door));
    let front_doors = [(ObjectName::new("web", "ep"), entry)].into();
    Snapshot { front_doors, ..Snapshot::default() }
}

fn scrape(registry: &Registry) -> String {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, registry).unwrap();
    text
}

#[test]
fn the_first_table_is_published_even_if_it_is_empty() {
    let (sender, mut publisher, _) = publisher();
    let tables = publisher.tables();
    publisher.publish();
    assert_eq!(tables.borrow().generation, 0, "nothing was read yet");
    sender.send(Snapshot::default()).unwrap();
    publisher.publish();
    assert_eq!(tables.borrow().generation, 1);
}

#[test]
fn only_a_different_table_is_published() {
    let (sender, mut publisher, registry) = publisher();
    let tables = publisher.tables();
    let mut generations = Vec::new();
    for host in ["a.example", "a.example", "b.example", "*"] {
        sender.send(snapshot(host)).unwrap();
        publisher.publish();
        generations.push(tables.borrow().generation);
    }
    assert_eq!(generations, [1, 1, 2, 3]);
    let text = scrape(&registry);
    for line in [
        "portico_table_generation 3\n",
        "portico_table_hosts 1\n",
        "portico_table_routes 0\n",
        "portico_table_compile_duration_seconds_count 4\n",
        "portico_objects{kind=\"FrontDoor\",accepted=\"true\"} 1\n",
        "portico_objects{kind=\"Route\",accepted=\"false\"} 0\n",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
}

#[test]
fn verdicts_come_after_the_table_of_the_same_objects() {
    let (sender, mut publisher, _) = publisher();
    let (tables, status_updates) = (publisher.tables(), publisher.status_updates());
    let mut said: Vec<(u64, usize)> = Vec::new();
    let unlike = snapshot("b.example");
    let mut unclear = snapshot("a.example");
    for entry in unclear.front_doors.values_mut() {
        entry.problems.push(warning());
    }
    for snapshot in [snapshot("a.example"), unclear, unlike] {
        sender.send(snapshot).unwrap();
        publisher.publish();
        let status_updates = status_updates.borrow().clone();
        assert_eq!(status_updates.generation, tables.borrow().generation);
        let problems = status_updates.statuses.values().map(|status| status.problems.len()).sum();
        said.push((status_updates.generation, problems));
    }
    assert_eq!(said, [(1, 0), (1, 1), (2, 0)], "a problem alone makes no table");
}

/// A problem that does not affect the table.
fn warning() -> Problem {
    use crate::diagnostic::{ConditionType, Kind, Reason, Severity};
    Problem {
        object: ObjectRef { kind: Kind::FrontDoor, name: ObjectName::new("web", "ep") },
        severity: Severity::Warning,
        condition: ConditionType::Accepted,
        field: "spec.attach".to_owned(),
        reason: Reason::NoEffect,
        message: "selects nothing".to_owned(),
    }
}

#[test]
fn tables_are_freed_by_the_publisher_once_nobody_holds_them() {
    let (sender, publisher, _) = publisher();
    let mut tables = publisher.tables();
    let (trigger, debouncer) = debouncer();
    let publisher = std::thread::spawn(move || publisher.run(debouncer));
    let mut published = |host| {
        sender.send(snapshot(host)).unwrap();
        trigger.fire();
        while tables.has_changed().is_ok_and(|changed| !changed) {
            std::thread::yield_now();
        }
        tables.borrow_and_update().clone()
    };
    let old = published("a.example");
    published("b.example");
    let freed = Arc::downgrade(&old);
    drop(old);
    published("c.example");
    while freed.strong_count() > 0 {
        std::thread::yield_now();
    }
    drop((trigger, tables));
    publisher.join().unwrap();
}

/// What a loop over `source` logs by the time it has ended.
fn last_words(source: impl Source, trigger: Option<Trigger>, debouncer: Debouncer) -> String {
    let mut log = tempfile::tempfile().unwrap();
    let writer = Arc::new(log.try_clone().unwrap());
    let subscriber = tracing_subscriber::fmt().with_writer(writer).finish();
    tracing::subscriber::with_default(subscriber, || {
        let publisher = Publisher::new(source, Options::default(), &mut Registry::default());
        // A panic is one of the ends under test.
        let _ = catch_unwind(AssertUnwindSafe(|| publisher.run(debouncer)));
    });
    drop(trigger);
    let mut text = String::new();
    log.rewind().unwrap();
    log.read_to_string(&mut text).unwrap();
    text
}

/// A FrontDoor whose certificate expires in 2030.
fn with_certificate() -> Snapshot {
    let mut params = rcgen::CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2030, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    let spec =
        serde_json::json!({"hosts": [{"name": "a.example", "tls": {"secretRef": {"name": "s"}}}]});
    let front_door = FrontDoor::new("ep", serde_json::from_value(spec).unwrap());
    let secret = serde_json::json!({
        "metadata": {},
        "type": "kubernetes.io/tls",
        "stringData": {"tls.crt": certificate, "tls.key": key.serialize_pem()},
    });
    let secret = Arc::new(serde_json::from_value(secret).unwrap());
    Snapshot {
        front_doors: [(ObjectName::new("web", "ep"), Entry::good(Arc::new(front_door)))].into(),
        secrets: [(ObjectName::new("web", "s"), secret)].into(),
        ..Snapshot::default()
    }
}

#[test]
fn a_status_changes_with_the_date_though_no_object_does() {
    let (sender, mut publisher, _) = publisher();
    let updates = publisher.status_updates();
    let warnings = || {
        let update = updates.borrow();
        update.statuses.values().map(|status| status.problems.len()).sum::<usize>()
    };
    publisher.clock = || "2029-12-17T23:59:00Z".parse().unwrap();
    sender.send(with_certificate()).unwrap();
    publisher.publish();
    publisher.retired.clear();
    assert_eq!((warnings(), publisher.max_wait()), (0, Duration::from_mins(1)));
    publisher.publish();
    assert_eq!(warnings(), 0, "the date has not come");
    publisher.clock = || "2029-12-18T00:00:00Z".parse().unwrap();
    assert_eq!(publisher.max_wait(), Duration::ZERO);
    publisher.publish();
    assert_eq!((warnings(), publisher.max_wait()), (1, MAX_WAIT_FOR_DATE));
    publisher.clock = || "2031-01-01T00:00:00Z".parse().unwrap();
    publisher.publish();
    assert_eq!((warnings(), publisher.max_wait()), (1, Duration::MAX), "it has expired");
}

#[test]
fn only_a_panic_of_the_loop_is_an_error() {
    struct Broken;
    impl Source for Broken {
        #[allow(clippy::panic)]
        fn snapshot(&mut self, _: &LastGood) -> Option<Arc<Snapshot>> {
            panic!("a bug")
        }

        fn poll_interval(&self) -> Duration {
            Duration::ZERO
        }
    }
    let (_sender, sent) = channel();
    let (trigger, signs) = debouncer();
    drop(trigger);
    assert_eq!(last_words(Sent(sent), None, signs), "", "the process ends");
    let (trigger, signs) = debouncer();
    let logged = last_words(Broken, Some(trigger), signs);
    assert!(logged.contains("ERROR") && logged.contains("restart"), "{logged}");
}
