//! A stand-in for the API server. It knows a handful of objects and records its requests.

use serde_json::{Value, json};
use std::{
    collections::{HashMap, HashSet},
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

/// A request to the API server, other than a watch.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) body: Value,
}

/// What an API server that is not available does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outage {
    /// It closes every connection.
    Gone,
    /// It ends watches, and answers 503, as one that starts does.
    Starting,
    /// It keeps its connections, accepts further ones, and says nothing.
    Hung,
}

#[derive(Default)]
pub(crate) struct Cluster {
    /// Objects by the path of their list. Other lists get 500.
    pub(crate) lists: HashMap<String, Vec<Value>>,
    /// Objects that are read one by one, by path.
    pub(crate) objects: HashMap<String, Value>,
    /// Paths that get 403.
    pub(crate) forbidden: HashSet<&'static str>,
    /// Paths that get no answer while they are here.
    pub(crate) silent: HashSet<&'static str>,
    outage: Option<Outage>,
    watches: HashMap<String, TcpStream>,
    pub(crate) lease: Option<Value>,
    asked: Vec<Asked>,
}

#[derive(Clone, Default)]
pub(crate) struct ApiServer(pub(crate) Arc<Mutex<Cluster>>);

pub(crate) const FRONT_DOORS: &str = "/apis/portico.dev/v1alpha1/frontdoors";
pub(crate) const ROUTES: &str = "/apis/portico.dev/v1alpha1/routes";
pub(crate) const SERVICES: &str = "/api/v1/services";
pub(crate) const ENDPOINT_SLICES: &str = "/apis/discovery.k8s.io/v1/endpointslices";
pub(crate) const NAMESPACES: &str = "/api/v1/namespaces";
pub(crate) const SECRETS: &str = "/api/v1/secrets";
pub(crate) const LATE_SECRET: &str = "/api/v1/namespaces/web/secrets/late";
pub(crate) const CONFIG_MAPS: &str = "/api/v1/configmaps";
const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/x/leases";

impl ApiServer {
    pub(crate) fn start(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = self.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = server.clone();
                thread::spawn(move || while server.exchange(&stream).is_some() {});
            }
        });
        address
    }

    /// Handles one request. Returns `None` if the connection is not reused.
    fn exchange(&self, stream: &TcpStream) -> Option<()> {
        let (asked, length) = read_head(stream)?;
        let mut body = vec![0; length];
        { stream }.read_exact(&mut body).ok()?;
        let asked = Asked { body: serde_json::from_slice(&body).unwrap_or_default(), ..asked };
        while self.0.lock().unwrap().is_silent(&asked.path) {
            thread::sleep(Duration::from_millis(50));
        }
        let mut cluster = self.0.lock().unwrap();
        if cluster.outage == Some(Outage::Gone) {
            return None;
        }
        if asked.query.contains("watch=true") && cluster.outage.is_none() {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
            { stream }.write_all(head.as_bytes()).ok()?;
            let is_of_leases = asked.path == LEASES;
            cluster.watches.insert(asked.path, stream.try_clone().ok()?);
            if is_of_leases {
                cluster.tell_of_lease();
            }
            return None;
        }
        let (code, answer) = cluster.answer(asked);
        let answer = answer.to_string();
        let head = format!(
            "HTTP/1.1 {code} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            answer.len()
        );
        { stream }.write_all((head + &answer).as_bytes()).ok()
    }

    /// Writes into the Lease, as another replica does.
    pub(crate) fn patch_lease(&self, patch: &Value) {
        self.0.lock().unwrap().lease("PATCH", patch);
    }

    pub(crate) fn begin(&self, outage: Outage) {
        let mut cluster = self.0.lock().unwrap();
        cluster.outage = Some(outage);
        if outage != Outage::Hung {
            for (_, watch) in cluster.watches.drain() {
                let _ = watch.shutdown(Shutdown::Both);
            }
        }
    }

    pub(crate) fn end_outage(&self) {
        self.0.lock().unwrap().outage = None;
    }

    pub(crate) fn is_watched(&self, list: &str) -> bool {
        self.0.lock().unwrap().watches.contains_key(list)
    }

    pub(crate) fn modified(&self, list: &str, object: &Value) {
        let event = json!({"type": "MODIFIED", "object": object}).to_string() + "\n";
        let cluster = self.0.lock().unwrap();
        cluster.watches.get(list).unwrap().write_all(event.as_bytes()).unwrap();
    }

    /// Tells a watch that its resource version has expired.
    pub(crate) fn forgot(&self, list: &str) {
        let status = json!({"kind": "Status", "status": "Failure", "reason": "Expired",
            "message": "too old resource version", "code": 410});
        let event = json!({"type": "ERROR", "object": status}).to_string() + "\n";
        let cluster = self.0.lock().unwrap();
        cluster.watches.get(list).unwrap().write_all(event.as_bytes()).unwrap();
    }

    pub(crate) fn lists(&self, list: &str, objects: Vec<Value>) {
        self.0.lock().unwrap().lists.insert(list.to_owned(), objects);
    }

    pub(crate) fn asked(&self, method: &str, part: &str) -> Vec<Asked> {
        let cluster = self.0.lock().unwrap();
        let fits = |asked: &&Asked| asked.method == method && asked.path.contains(part);
        cluster.asked.iter().filter(fits).cloned().collect()
    }
}

impl Cluster {
    fn is_silent(&self, path: &str) -> bool {
        self.outage == Some(Outage::Hung) || self.silent.contains(path)
    }

    fn answer(&mut self, asked: Asked) -> (u16, Value) {
        let Asked { method, path, body, .. } = &asked;
        let failure = |code, reason| (code, json!({"code": code, "reason": reason}));
        let answer = match (method.as_str(), path.as_str()) {
            _ if self.outage.is_some() => failure(503, "ServiceUnavailable"),
            (_, path) if self.forbidden.contains(path) => failure(403, "Forbidden"),
            ("GET", LEASES) => list(&self.lease.iter().cloned().collect()),
            (_, path) if path.contains("/leases") => self.lease(method, body),
            ("GET", "/api/v1/namespaces/web/secrets/key")
            | ("GET", LATE_SECRET)
            | ("GET", "/api/v1/namespaces/sales/secrets/key") => {
                let name = path.rsplit('/').next();
                let metadata = json!({"name": name, "namespace": "web", "resourceVersion": "5"});
                (200, json!({"metadata": metadata, "data": {"token": "c2VzYW1l"}}))
            }
            ("GET", path) if self.objects.contains_key(path) => (200, self.objects[path].clone()),
            ("GET", path) if path.contains("/pods/") => failure(404, "NotFound"),
            ("GET", path) => {
                self.lists.get(path).map_or_else(|| failure(500, "InternalError"), list)
            }
            ("PATCH" | "POST", _) => (200, body.clone()),
            (_, path) => panic!("nobody should ask for {path}"),
        };
        self.asked.push(asked);
        answer
    }

    /// Sends the Lease to who watches it.
    fn tell_of_lease(&self) {
        if let (Some(mut watch), Some(lease)) = (self.watches.get(LEASES), &self.lease) {
            let event = json!({"type": "MODIFIED", "object": lease}).to_string() + "\n";
            let _ = watch.write_all(event.as_bytes());
        }
    }

    fn lease(&mut self, method: &str, body: &Value) -> (u16, Value) {
        if method == "PATCH"
            && let Some(lease) = &mut self.lease
        {
            let version = lease["metadata"]["resourceVersion"].as_str().unwrap_or("0").to_owned();
            let expected = body["metadata"]["resourceVersion"].as_str().unwrap_or(&version);
            if expected != version {
                return (409, json!({"kind": "Status", "code": 409, "reason": "Conflict"}));
            }
            merge(&mut lease["spec"], &body["spec"]);
            merge(&mut lease["metadata"]["annotations"], &body["metadata"]["annotations"]);
            let version = version.parse::<u64>().unwrap() + 1;
            lease["metadata"]["resourceVersion"] = version.to_string().into();
            self.tell_of_lease();
        } else if method == "POST" {
            self.lease = Some(json!({"metadata": body["metadata"], "spec": {}}));
        }
        let missing = json!({"kind": "Status", "code": 404, "reason": "NotFound", "message": ""});
        self.lease.clone().map_or((404, missing), |lease| (200, lease))
    }
}

/// Merges the fields of an object, without those that are null.
fn merge(object: &mut Value, patch: &Value) {
    for (key, value) in patch.as_object().into_iter().flatten() {
        object[key] = value.clone();
    }
    if let Some(fields) = object.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
}

fn list(items: &Vec<Value>) -> (u16, Value) {
    (200, json!({"kind": "List", "metadata": {"resourceVersion": "1"}, "items": items}))
}

fn read_head(stream: &TcpStream) -> Option<(Asked, usize)> {
    // Byte by byte: what follows the head is read from the stream itself.
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        { stream }.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let mut words = head.split(' ');
    let method = words.next()?.to_owned();
    let (path, query) = words.next()?.split_once('?').map_or_else(
        || (head.split(' ').nth(1).unwrap_or_default(), ""),
        |(path, query)| (path, query),
    );
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok()
    });
    let (path, query) = (path.trim_end_matches('?').to_owned(), query.to_owned());
    Some((Asked { method, path, query, body: Value::Null }, length.unwrap_or_default()))
}
