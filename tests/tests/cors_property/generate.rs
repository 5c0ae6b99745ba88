//! Random cases. Origins of pages are those of the policy, with a twist now and then.

use super::{
    policy::{EXPRESSIONS, MAX_AGES, Policy},
    scenario::{Action, Meddling, Scenario},
};
use portico_tests::fetch_model::{Credentials, Fetch, Headers};
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select, subsequence},
};

pub(crate) fn scenario() -> impl Strategy<Value = Scenario> {
    let own = select(
        &[
            "http://www.ep.com",
            "https://www.ep.com",
            "http://www.ep.com:8080",
            "https://www.ep.com:8443",
        ][..],
    );
    let action = prop_oneof![
        8 => Just(Action::Forward),
        1 => Just(Action::Respond),
        1 => Just(Action::Fail),
    ];
    (policy(), any::<bool>(), (action, meddling()), own, vec(raw_fetch(), 1..12)).prop_map(
        |(policy, inherited, (action, backend), own, raw)| {
            let fetches = raw.into_iter().map(|raw| raw.settle(&policy, own)).collect();
            Scenario { policy, inherited, action, backend, fetches }
        },
    )
}

fn entry() -> impl Strategy<Value = String> {
    let named = (
        prop_oneof![4 => Just("https"), 1 => Just("http")],
        select(
            &[
                "app.example.com",
                "App.Example.com",
                "example.com",
                "www.ep.com",
                "localhost",
                "127.0.0.1",
                "[::1]",
                "*.example.com",
                "*.ep.com",
                "*.localhost",
            ][..],
        ),
        prop_oneof![3 => Just(""), 1 => Just(":8443"), 2 => Just(":*")],
    );
    prop_oneof![
        12 => named.prop_map(|(scheme, host, port)| format!("{scheme}://{host}{port}")),
        1 => Just("capacitor://localhost".to_owned()),
    ]
}

fn origins() -> impl Strategy<Value = (Vec<String>, Vec<&'static str>)> {
    let expressions = EXPRESSIONS.map(|known| known.text).to_vec();
    prop_oneof![
        1 => Just((vec!["*".to_owned()], vec![])),
        3 => (vec(entry(), 1..4), Just(vec![])),
        2 => (vec(entry(), 0..3), subsequence(expressions, 1..3)),
    ]
}

fn policy() -> impl Strategy<Value = Policy> {
    let methods = ["PUT", "PATCH", "patch", "DELETE", "OPTIONS", "GET"].to_vec();
    let headers = ["x-api-key", "X-Trace", "Authorization", "content-type"].to_vec();
    let exposed = ["X-Total", "etag", "x-absent"].to_vec();
    let any_or = |listed: Vec<&'static str>| {
        let most = listed.len();
        prop_oneof![
            1 => Just(vec![]),
            1 => Just(vec!["*"]),
            4 => subsequence(listed, 1..most),
        ]
    };
    let mode = prop_oneof![8 => Just("Enforce"), 1 => Just("Report"), 1 => Just("Disabled")];
    let credentials = (prop::bool::weighted(0.4), prop::bool::weighted(0.7));
    let age = select(MAX_AGES.map(|(text, _)| text).to_vec());
    let disallowed_origin = select(&["Forward", "Reject"][..]);
    let lists = (any_or(methods), any_or(headers), any_or(exposed));
    (origins(), credentials, lists, age, disallowed_origin, mode, any::<bool>()).prop_map(
        |(
            origins,
            (allow_credentials, careless),
            lists,
            max_age,
            disallowed_origin,
            mode,
            debug,
        )| {
            let switch =
                (allow_credentials && careless).then_some("CredentialsWithInsecureOrigins");
            Policy {
                allow_origins: origins.0,
                allow_origin_regex: origins.1,
                allow_credentials,
                allow_methods: lists.0,
                allow_headers: lists.1,
                expose_headers: lists.2,
                max_age,
                disallowed_origin,
                mode,
                debug,
                dangerously_allow: switch.into_iter().collect(),
            }
        },
    )
}

fn meddling() -> impl Strategy<Value = Meddling> {
    const ORIGINS: [&[(&str, &str)]; 5] = [
        &[],
        &[("Access-Control-Allow-Origin", "*")],
        &[("access-control-allow-origin", "{origin}")],
        &[("Access-Control-Allow-Origin", "*"), ("Access-Control-Allow-Origin", "{origin}")],
        &[("Access-Control-Allow-Origin", "null")],
    ];
    let further = vec![
        ("Access-Control-Allow-Credentials", "true"),
        ("Access-Control-Allow-Methods", "*, PUT, PATCH, patch, DELETE"),
        ("Access-Control-Allow-Headers", "*, authorization, x-api-key"),
        ("Access-Control-Expose-Headers", "*"),
        ("ACCESS-CONTROL-EXPOSE-HEADERS", "x-secret"),
        ("Access-Control-Max-Age", "86400"),
    ];
    const VARY: [&[&str]; 5] = [
        &[],
        &["Accept-Language"],
        &["accept-language, origin"],
        &["Accept-Encoding", "Accept-Language"],
        &["*"],
    ];
    let status = select(&[200, 200, 404, 503][..]);
    (status, select(&ORIGINS[..]), subsequence(further, 0..6), select(&VARY[..])).prop_map(
        |(status, origin, further, vary)| Meddling {
            status,
            cors: [origin, &further].concat(),
            vary: vary.to_vec(),
        },
    )
}

/// A fetch whose origin is still to be made out of the policy's.
#[derive(Clone, Debug)]
struct RawFetch {
    entry: Index,
    label: &'static str,
    port: &'static str,
    twist: Twist,
    method: &'static str,
    headers: Headers,
    credentials: Credentials,
}

/// How a page's origin differs from one that the policy admits.
#[derive(Clone, Copy, Debug)]
enum Twist {
    None,
    Own,
    Null,
    Stranger,
    OtherScheme,
    OtherPort,
    NoPort,
    WithoutFirstLabel,
    WithoutFirstDot,
    FurtherLabel,
    Longer,
    Suffixed,
    UpperCase,
    Slash,
    UserInfo,
    EmptyLabel,
    DefaultPort,
}

const TWISTS: [Twist; 15] = [
    Twist::Null,
    Twist::Stranger,
    Twist::OtherScheme,
    Twist::OtherPort,
    Twist::NoPort,
    Twist::WithoutFirstLabel,
    Twist::WithoutFirstDot,
    Twist::FurtherLabel,
    Twist::Longer,
    Twist::Suffixed,
    Twist::UpperCase,
    Twist::Slash,
    Twist::UserInfo,
    Twist::EmptyLabel,
    Twist::DefaultPort,
];

impl Twist {
    fn apply(self, origin: &str, own: &str) -> String {
        let (scheme, authority) = origin.split_once("://").unwrap();
        let portless = super::policy::without_port(origin);
        let (first, rest) = authority.split_once('.').unwrap_or(("", authority));
        match self {
            Self::None => origin.to_owned(),
            Self::Own => own.to_owned(),
            Self::Null => "null".to_owned(),
            Self::Stranger => "https://evil.test".to_owned(),
            Self::OtherScheme if scheme == "https" => format!("http://{authority}"),
            Self::OtherScheme => format!("https://{authority}"),
            Self::OtherPort => format!("{portless}:8444"),
            Self::NoPort => portless.to_owned(),
            Self::WithoutFirstLabel => format!("{scheme}://{rest}"),
            Self::WithoutFirstDot => format!("{scheme}://{first}{rest}"),
            Self::FurtherLabel => format!("{scheme}://more.{authority}"),
            Self::Longer => format!("{scheme}://x{authority}"),
            Self::Suffixed => format!("{portless}.evil.test"),
            Self::UpperCase => origin.to_ascii_uppercase(),
            Self::Slash => format!("{origin}/"),
            Self::UserInfo => format!("{scheme}://user@{authority}"),
            Self::EmptyLabel => format!("{scheme}://.{authority}"),
            Self::DefaultPort if scheme == "http" => format!("{portless}:80"),
            Self::DefaultPort => format!("{portless}:443"),
        }
    }
}

impl RawFetch {
    fn settle(self, policy: &Policy, own: &str) -> Fetch {
        let samples = EXPRESSIONS.iter().filter(|e| policy.allow_origin_regex.contains(&e.text));
        let samples = samples.flat_map(|expression| expression.samples).map(ToString::to_string);
        let entries = policy.allow_origins.iter().map(|entry| match entry.as_str() {
            "*" => "https://any.test".to_owned(),
            entry => {
                let named = entry.replace("*.", self.label).replace(":*", self.port);
                named.to_ascii_lowercase()
            }
        });
        let origins: Vec<_> = entries.chain(samples).collect();
        Fetch {
            origin: self.twist.apply(self.entry.get::<String>(&origins), own),
            target: own.to_owned(),
            path: "/api?q=1".to_owned(),
            method: self.method.to_owned(),
            headers: self.headers,
            credentials: self.credentials,
        }
    }
}

fn raw_fetch() -> impl Strategy<Value = RawFetch> {
    let twist = prop_oneof![
        6 => Just(Twist::None),
        1 => Just(Twist::Own),
        4 => select(&TWISTS[..]),
    ];
    let method = prop_oneof![
        4 => Just("GET"),
        4 => select(&["POST", "put", "PUT", "PATCH", "patch", "DELETE", "OPTIONS", "HEAD", "X-Y"][..]),
    ];
    let modes = [Credentials::Omit, Credentials::SameOrigin, Credentials::Include];
    (
        any::<Index>(),
        select(&["a.", "b.a."][..]),
        select(&["", ":8443"][..]),
        (twist, method, headers(), select(modes.to_vec())),
    )
        .prop_map(|(entry, label, port, (twist, method, headers, credentials))| RawFetch {
            entry,
            label,
            port,
            twist,
            method,
            headers,
            credentials,
        })
}

fn headers() -> impl Strategy<Value = Headers> {
    let usual = vec![
        ("Accept-Language", "de"),
        ("X-Api-Key", "k"),
        ("x-trace", "1"),
        ("Content-Type", "application/json"),
        ("Authorization", "Bearer t"),
        ("Range", "bytes=-3"),
        ("Accept", "a;b=\"c\""),
    ];
    let harmless = vec![
        ("Accept-Language", "en"),
        ("Accept", "application/json"),
        ("Content-Type", "text/plain;charset=UTF-8"),
        ("Range", "bytes=0-3"),
    ];
    let many = (62..67).prop_map(|count| {
        let mut headers = Headers::default();
        (0..count).for_each(|number| headers.append(&format!("X-{number}"), "1"));
        headers
    });
    prop_oneof![
        40 => subsequence(harmless, 0..3).prop_map(Headers::from_iter),
        40 => subsequence(usual, 0..4).prop_map(Headers::from_iter),
        1 => many,
    ]
}
