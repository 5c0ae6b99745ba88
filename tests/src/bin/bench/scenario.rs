//! What is asked of all proxies.

use crate::peer::Peer;
use clap::ValueEnum;
use http::Method;

/// How many routes the proxies have where there are many.
pub(crate) const MANY_ROUTES: usize = 1_000;

/// The origin that the CORS policy allows.
pub(crate) const ORIGIN: &str = "https://app.example.com";

/// One kind of load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// Small GET, keep-alive
    S1,
    /// Small GET over 1,000 routes, from a page on another origin
    S2,
    /// Preflight, answered at the edge
    S3,
    /// POST of 4 KiB
    S4,
    /// Answers of 1 MiB
    S5,
    /// Small GET over HTTPS, keep-alive
    S6,
    /// Small GET over HTTPS, a connection and a full handshake each
    S7,
    /// The same with resumed sessions
    S7Resumed,
    /// Small GET over HTTP/2, 16 connections of 32 streams each
    S8,
    /// Small GET, Connection: close
    S9,
}

/// What sends the requests, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    /// wrk, 64 connections.
    Wrk { is_tls: bool },
    /// h2load over TLS, 16 connections of 32 streams each.
    H2load,
    /// This program, 64 at a time, each on a connection of its own.
    Handshakes { resumes: bool },
}

/// One request of a scenario.
pub(crate) struct Sample {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) headers: &'static [(&'static str, &'static str)],
    pub(crate) body: usize,
}

impl Scenario {
    pub(crate) const ALL: &[Self] = &[
        Self::S1,
        Self::S2,
        Self::S3,
        Self::S4,
        Self::S5,
        Self::S6,
        Self::S7,
        Self::S7Resumed,
        Self::S8,
        Self::S9,
    ];

    /// Those that are run with an access log as well.
    pub(crate) const LOGGED: &[Self] = &[Self::S1, Self::S3, Self::S6, Self::S8];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::S1 => "s1 small GET, keep-alive",
            Self::S2 => "s2 1,000 routes, CORS policy",
            Self::S3 => "s3 preflight",
            Self::S4 => "s4 POST of 4 KiB",
            Self::S5 => "s5 responses of 1 MiB",
            Self::S6 => "s6 HTTPS, keep-alive",
            Self::S7 => "s7 HTTPS, full handshakes",
            Self::S7Resumed => "s7 HTTPS, resumed sessions",
            Self::S8 => "s8 HTTP/2, 16 × 32 streams",
            Self::S9 => "s9 Connection: close",
        }
    }

    /// A short name without spaces.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::S1 => "s1",
            Self::S2 => "s2",
            Self::S3 => "s3",
            Self::S4 => "s4",
            Self::S5 => "s5",
            Self::S6 => "s6",
            Self::S7 => "s7",
            Self::S7Resumed => "s7-resumed",
            Self::S8 => "s8",
            Self::S9 => "s9",
        }
    }

    pub(crate) fn load(self) -> Load {
        match self {
            Self::S1 | Self::S2 | Self::S3 | Self::S4 | Self::S5 | Self::S9 => {
                Load::Wrk { is_tls: false }
            }
            Self::S6 => Load::Wrk { is_tls: true },
            Self::S7 => Load::Handshakes { resumes: false },
            Self::S7Resumed => Load::Handshakes { resumes: true },
            Self::S8 => Load::H2load,
        }
    }

    pub(crate) fn is_tls(self) -> bool {
        match self.load() {
            Load::Wrk { is_tls } => is_tls,
            Load::H2load | Load::Handshakes { .. } => true,
        }
    }

    pub(crate) fn routes(self) -> usize {
        if self == Self::S2 { MANY_ROUTES } else { 1 }
    }

    /// Whether the proxies have a CORS policy, which allows [`ORIGIN`].
    pub(crate) fn cors(self) -> bool {
        matches!(self, Self::S2 | Self::S3)
    }

    /// What Portico's CPU per request is meant to be at most, as a share of a peer's.
    pub(crate) fn goal(self, peer: Peer) -> Option<f64> {
        let [nginx, haproxy, envoy] = match self {
            Self::S1 => [0.80, 0.75, 0.25],
            Self::S2 => [0.85, 0.75, 0.22],
            Self::S3 => [0.80, 0.70, 0.25],
            Self::S4 => [0.90, 0.90, 0.26],
            Self::S5 => [1.0, 2.0, 0.55],
            Self::S6 => [0.85, 0.70, 0.30],
            Self::S7 => [0.55, 0.46, 0.57],
            Self::S7Resumed => return None,
            Self::S8 => [0.70, 0.90, 0.30],
            Self::S9 => [1.0, 0.95, 0.36],
        };
        match peer {
            Peer::Portico | Peer::Base => None,
            Peer::Nginx => Some(nginx),
            Peer::Haproxy => Some(haproxy),
            Peer::Envoy => Some(envoy),
        }
    }

    /// One of its requests.
    pub(crate) fn sample(self) -> Sample {
        let get = |path, headers| Sample { method: Method::GET, path, headers, body: 0 };
        match self {
            Self::S1 | Self::S6 | Self::S7 | Self::S7Resumed | Self::S8 => {
                get("/route-0/small", &[])
            }
            Self::S2 => get("/route-999/small", &[("origin", ORIGIN)]),
            Self::S3 => Sample {
                method: Method::OPTIONS,
                headers: &[
                    ("origin", ORIGIN),
                    ("access-control-request-method", "PUT"),
                    ("access-control-request-headers", "content-type,x-api-key"),
                ],
                ..get("/route-0/small", &[])
            },
            Self::S4 => Sample { method: Method::POST, body: 4096, ..get("/route-0/small", &[]) },
            Self::S5 => get("/route-0/large", &[]),
            Self::S9 => get("/route-0/small", &[("connection", "close")]),
        }
    }

    /// wrk's script, in Lua, where it is wrk that sends them.
    pub(crate) fn script(self) -> String {
        match self {
            Self::S1 | Self::S6 | Self::S7 | Self::S7Resumed | Self::S8 => {
                r#"wrk.path = "/route-0/small""#.to_owned()
            }
            // Prepared, so that the load generator does as little as it can. 7 is coprime to the
            // number of routes: neighbours in time are not neighbours in the table.
            Self::S2 => format!(
                r#"
local requests, at = {{}}, 0
function init()
  local headers = {{ ["Origin"] = "{ORIGIN}" }}
  for i = 0, {last} do
    requests[i] = wrk.format("GET", "/route-" .. i * 7 % {count} .. "/small", headers)
  end
end
function request()
  at = (at + 1) % {count}
  return requests[at]
end
"#,
                last = MANY_ROUTES - 1,
                count = MANY_ROUTES,
            ),
            Self::S3 => format!(
                r#"
wrk.method, wrk.path = "OPTIONS", "/route-0/small"
wrk.headers["Origin"] = "{ORIGIN}"
wrk.headers["Access-Control-Request-Method"] = "PUT"
wrk.headers["Access-Control-Request-Headers"] = "content-type,x-api-key"
"#
            ),
            Self::S4 => r#"
wrk.method, wrk.path = "POST", "/route-0/small"
wrk.body = string.rep("x", 4096)
wrk.headers["Content-Type"] = "application/octet-stream"
"#
            .to_owned(),
            Self::S5 => r#"wrk.path = "/route-0/large""#.to_owned(),
            Self::S9 => r#"
wrk.path = "/route-0/small"
wrk.headers["Connection"] = "close"
"#
            .to_owned(),
        }
    }
}
