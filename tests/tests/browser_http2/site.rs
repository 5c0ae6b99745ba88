//! A front door with hosts of one certificate and one of another, and a browser with its page.

use crate::{backends::Backends, relay::Relay};
use portico_tests::{
    backend::{route, service},
    browser::{Kind, Page, Trust},
    serve::Serve,
    tls::Authority,
};
use serde_json::Value;

/// All hosts; the certificates of both Secrets are for all of them, as wildcards are.
const FRONT_DOOR: &str = "---
apiVersion: portico.dev/v1alpha1
kind: FrontDoor
metadata: {name: ep, namespace: web}
spec:
  hosts:
  - {name: www.ep.com, tls: {secretRef: {name: one}}}
  - {name: api.ep.com, tls: {secretRef: {name: one}}}
  - {name: other.ep.com, tls: {secretRef: {name: two}}}
";

/// Pages of www.ep.com at any port, with cookies.
const CORS: &str = "{allowOriginRegex: ['https://www[.]ep[.]com:[0-9]+'], allowCredentials: true, allowMethods: [PUT], allowHeaders: [x-api-key]}";

/// The same for nobody.
const REJECT: &str = "{allowOrigins: ['https://nobody.example'], disallowedOrigin: Reject}";

pub(crate) struct Site {
    pub(crate) kind: Kind,
    pub(crate) serve: Serve,
    pub(crate) relay: Relay,
    pub(crate) backends: Backends,
    pub(crate) browser: Box<dyn Page>,
}

/// Runs a scenario on a page of www.ep.com, or skips it where there is no such browser.
pub(crate) fn visit(kind: Kind, scenario: fn(&mut Site)) {
    let authority = Authority::new("Portico's tests").unwrap();
    let [one, two] = [(); 2].map(|()| authority.issue(&["*.ep.com"]).unwrap());
    let trust = Trust {
        keys: vec![one.public_key(), two.public_key()],
        authority: Some(authority.der().to_vec()),
        hosts: &["www.ep.com", "api.ep.com", "other.ep.com"],
        ..Trust::default()
    };
    let Some(browser) = kind.launch(&trust).unwrap() else { return };
    let backends = Backends::start();
    let to = |service: &str, spec: &str| {
        format!("backends: [{{service: {{name: {service}, port: 80}}}}]\n{spec}")
    };
    let manifests = [
        FRONT_DOOR.to_owned(),
        one.secret("one"),
        two.secret("two"),
        service("app", "http", &[backends.http.address()]),
        service("socket", "http", &[backends.socket]),
        service("resets", "kubernetes.io/h2c", &[backends.resets]),
        route("app", &to("app", &format!("cors: {CORS}"))),
        route("socket", &to("socket", "matches: [{path: /socket}]")),
        route("closed", &to("socket", &format!("matches: [{{path: /closed}}]\ncors: {REJECT}"))),
        route("resets", &to("resets", "matches: [{path: /reset/*}]")),
    ];
    let serve = Serve::start(&manifests.concat(), &[]).unwrap();
    let relay = Relay::start(serve.https);
    let mut site = Site { kind, serve, relay, backends, browser };
    site.open("www.ep.com");
    scenario(&mut site);
}

impl Site {
    /// An https URL.
    pub(crate) fn url(&self, host: &str, path: &str) -> String {
        format!("https://{host}:{}{path}", self.relay.address.port())
    }

    /// Goes to the page of a host.
    fn open(&mut self, host: &str) {
        let url = self.url(host, "/");
        self.browser.open(&url).unwrap();
        let loaded =
            format!("location.host.startsWith('{host}') && document.readyState === 'complete'");
        self.browser.wait_for(&loaded).unwrap();
    }

    /// What a script finds: the body of an async function, in which `HOST(name, path)` is a URL.
    pub(crate) fn run(&mut self, script: &str) -> Value {
        let port = self.relay.address.port();
        let script = format!(
            "(async () => {{
                const HOST = (name, path) => `https://${{name}}.ep.com:{port}${{path}}`;
                {script}
            }})()"
        );
        self.browser.evaluate(&script).unwrap()
    }

    /// The version and the status of a request's line in the access log, and its reason.
    pub(crate) fn logged(&self, path: &str) -> (String, u64, String) {
        let line = self.serve.request(path).unwrap();
        assert_eq!(self.serve.access(path).len(), 1, "{path} came more than once");
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        (text("version"), line["status"].as_u64().unwrap(), text("reason"))
    }

    /// How often the backend behind most Routes got a request for this path.
    pub(crate) fn reached(&self, path: &str) -> usize {
        self.backends.http.requests().iter().filter(|request| request.target() == path).count()
    }

    /// Checks that requests for this host went over a connection that was opened for another.
    pub(crate) fn shares_the_pages_connection(&self, host: &str) {
        // Firefox opens one and gives it up, since it finds that it may use the one that there is.
        assert!(self.relay.opened(host) <= usize::from(!self.is_chromium()));
        self.relay.all_closed(host);
    }

    /// Whether this is Chromium.
    pub(crate) fn is_chromium(&self) -> bool {
        self.kind == Kind::Chromium
    }
}
