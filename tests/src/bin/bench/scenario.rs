//! What is asked of both proxies.

use clap::ValueEnum;

/// How many routes both proxies have where there are many.
pub(crate) const MANY_ROUTES: usize = 1_000;

/// The origin that the CORS policy allows.
pub(crate) const ORIGIN: &str = "https://app.example.com";

/// One kind of load, always from 64 connections.
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
    /// Small GET, Connection: close
    S9,
}

impl Scenario {
    pub(crate) const ALL: &[Self] = &[Self::S1, Self::S2, Self::S3, Self::S4, Self::S5, Self::S9];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::S1 => "s1 small GET, keep-alive",
            Self::S2 => "s2 1,000 routes, CORS policy",
            Self::S3 => "s3 preflight",
            Self::S4 => "s4 POST of 4 KiB",
            Self::S5 => "s5 answers of 1 MiB",
            Self::S9 => "s9 small GET, Connection: close",
        }
    }

    pub(crate) fn routes(self) -> usize {
        match self {
            Self::S2 => MANY_ROUTES,
            Self::S1 | Self::S3 | Self::S4 | Self::S5 | Self::S9 => 1,
        }
    }

    /// Whether both proxies have a CORS policy, which allows [`ORIGIN`].
    pub(crate) fn cors(self) -> bool {
        match self {
            Self::S2 | Self::S3 => true,
            Self::S1 | Self::S4 | Self::S5 | Self::S9 => false,
        }
    }

    /// wrk's script, in Lua.
    pub(crate) fn script(self) -> String {
        match self {
            Self::S1 => r#"wrk.path = "/route-0/small""#.to_owned(),
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
