//! What a condition looks at, and which key of a rule's condition that is.

use super::{
    test::{Test, checked},
    when::{When, any, not, scheme},
};
use crate::import::azure::{pattern::escaped, pool::is_name};
use portico_crds::{
    FORBIDDEN_METHODS, HttpVersion, RuleCondition, RuleMatchType, RulePredicate, RuleScheme,
    TlsVersion,
};
use portico_dataplane::path::PathPattern;

/// What a condition looks at.
pub(super) enum Subject<'h> {
    Header(String),
    Cookie(String),
    Path,
    FileName,
    FileExtension,
    Query,
    Url,
    Host(&'h [String]),
    Method,
    Scheme,
    ServerPort,
    HttpVersion,
    TlsVersion,
    Address { of_socket: bool },
    Device,
}

/// What becomes of a list of values: those that stand for something, of which one must hold.
type Listed = Vec<RuleCondition>;

impl<'h> Subject<'h> {
    /// That of a name, as classic, Standard and Premium call it; why it has no equal, otherwise.
    pub(super) fn new(
        name: &str,
        selector: Option<&str>,
        hosts: &'h [String],
    ) -> Result<Self, String> {
        let selected = || selector.ok_or_else(|| "it names none".to_owned());
        Ok(match name.to_ascii_lowercase().as_str() {
            "requestheader" => match selected()?.to_ascii_lowercase() {
                name if name == "host" => Self::Host(hosts),
                name => Self::Header(header(name)?),
            },
            "cookies" => match selected()? {
                name if name.len() > 256 => return Err("its name is too long".to_owned()),
                name => Self::Cookie(name.to_owned()),
            },
            "urlpath" | "requestpath" => Self::Path,
            "urlfilename" | "requestfilename" => Self::FileName,
            "urlfileextension" | "requestfilenameextension" => Self::FileExtension,
            "querystring" => Self::Query,
            "requesturi" => Self::Url,
            "hostname" => Self::Host(hosts),
            "requestmethod" => Self::Method,
            "requestscheme" => Self::Scheme,
            "serverport" => Self::ServerPort,
            "httpversion" => Self::HttpVersion,
            "sslprotocol" => Self::TlsVersion,
            "remoteaddress" | "remoteaddr" => Self::Address { of_socket: false },
            "socketaddr" => Self::Address { of_socket: true },
            "isdevice" | "ismobile" => Self::Device,
            "postargs" | "requestbody" => return Err("Portico reads no bodies".to_owned()),
            "clientport" => return Err("Portico does not look at the client's port".to_owned()),
            _ => return Err("it is not known".to_owned()),
        })
    }

    /// Whether its values are of a list, and compared as a whole.
    pub(super) fn is_listed(&self) -> bool {
        match self {
            Self::Header(_) | Self::Cookie(_) | Self::Path | Self::FileName => false,
            Self::FileExtension | Self::Query | Self::Url | Self::Host(_) => false,
            Self::Method | Self::Scheme | Self::ServerPort | Self::HttpVersion => true,
            Self::TlsVersion | Self::Address { .. } | Self::Device => true,
        }
    }

    /// Whether a condition on it holds for exactly the same requests, so that it may be negated.
    pub(super) fn is_exact(&self) -> bool {
        !matches!(self, Self::Query | Self::Url)
    }

    /// What is different about it.
    pub(super) fn differs(&self) -> Option<&'static str> {
        match self {
            Self::Query => {
                Some("looks for the parameter of that name whose value begins like that")
            }
            Self::ServerPort => Some("is the request's scheme here"),
            Self::Address { of_socket: true } => {
                Some("behind trusted proxies, the address is that of the client that they report")
            }
            Self::Device => Some("is guessed here by words in User-Agent"),
            _ => None,
        }
    }

    /// The transforms that matter: the others have been done, or change nothing.
    pub(super) fn needed(&self, transforms: &[String], value: &str) -> Vec<String> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~/".contains(c);
        let is_done = |transform: &str| match self {
            Self::Header(_) => transform == "trim",
            Self::Cookie(_) => transform == "urldecode",
            Self::Path | Self::FileName | Self::FileExtension => {
                transform == "urldecode" && value.chars().all(is_plain)
            }
            _ => false,
        };
        let needed = transforms.iter().filter(|it| !is_done(&it.to_ascii_lowercase()));
        needed.cloned().collect()
    }

    /// It has any value.
    pub(super) fn present(&self) -> Result<When, String> {
        let predicate = |name: &String| RulePredicate {
            name: name.clone(),
            r#type: RuleMatchType::Present,
            value: None,
        };
        Ok(When::All(match self {
            Self::Header(name) => vec![header_condition(predicate(name))],
            Self::Cookie(name) => vec![cookie_condition(predicate(name))],
            Self::FileExtension => vec![path_regex(r".*/[^/]+\.[^./]+".to_owned())],
            Self::FileName => vec![path_regex(".*/[^/]+".to_owned())],
            Self::Query => return Err("Portico looks at parameters, each by its name".to_owned()),
            Self::TlsVersion => vec![scheme(RuleScheme::Https)],
            Self::Path | Self::Url | Self::Host(_) | Self::Method | Self::Scheme => Vec::new(),
            Self::ServerPort | Self::HttpVersion | Self::Address { .. } | Self::Device => {
                Vec::new()
            }
        }))
    }

    /// It passes one of these tests.
    pub(super) fn tested(&self, tests: &[Test]) -> Result<When, String> {
        if let Self::Host(hosts) = self {
            return host(hosts, tests);
        }
        if let (Self::FileExtension, Some(extensions)) = (self, extensions(tests)) {
            let condition =
                RuleCondition { file_extension: Some(extensions), ..RuleCondition::default() };
            return Ok(When::All(vec![condition]));
        }
        if let Self::Url = self {
            let [test] = tests else {
                return Err("each part of a URL has a condition of its own".to_owned());
            };
            return url(test).map(When::All);
        }
        let one = |test: &Test| match self {
            Self::Header(name) => test.predicate(name).map(header_condition),
            Self::Cookie(name) => test.predicate(name).map(cookie_condition),
            Self::Query => query(test),
            Self::Path => path(test),
            Self::FileName => {
                let expression = test.clone().of_path().expression("[^/]*")?;
                checked(format!(".*/{expression}")).map(path_regex)
            }
            Self::FileExtension => {
                let expression = test.clone().of_path().expression("[^./]*")?;
                checked(format!(r".*/[^/]+\.{expression}")).map(path_regex)
            }
            _ => Err("it is compared as a whole".to_owned()),
        };
        any(tests.iter().map(one).collect::<Result<_, _>>()?)
    }

    /// It is one of these values.
    pub(super) fn listed(&self, operator: &str, values: &[String]) -> Result<When, String> {
        let is_address = matches!(self, Self::Address { .. });
        match operator.to_ascii_lowercase().as_str() {
            "geomatch" => {
                return Err("Portico has no database of addresses: let a load balancer in front report the country in a header".to_owned());
            }
            "ipmatch" if is_address => {}
            "equal" if !is_address => {}
            _ => return Err(format!("the operator {operator} has no equal for it")),
        }
        let upper: Vec<String> = values.iter().map(|value| value.trim().to_uppercase()).collect();
        let all: Listed = match self {
            Self::Method => methods(upper)?,
            Self::Address { .. } => addresses(values)?,
            Self::HttpVersion => versions(&upper)?,
            Self::Scheme | Self::ServerPort | Self::TlsVersion | Self::Device => {
                let known: Result<Vec<_>, _> =
                    upper.iter().map(|value| self.value(value)).collect();
                known?.into_iter().flatten().collect()
            }
            _ => return Err("it is not of a list".to_owned()),
        };
        if all.is_empty() { Ok(When::Never) } else { any(all) }
    }

    /// The condition that it is this value, in upper case; `None` if it never is.
    fn value(&self, value: &str) -> Result<Option<RuleCondition>, String> {
        let tls = |version| RuleCondition { tls_version: Some(version), ..Default::default() };
        Ok(match (self, value) {
            (Self::Scheme, "HTTP") | (Self::ServerPort, "80") => Some(scheme(RuleScheme::Http)),
            (Self::Scheme, "HTTPS") | (Self::ServerPort, "443") => Some(scheme(RuleScheme::Https)),
            (Self::TlsVersion, "TLSV1.2") => Some(tls(TlsVersion::Tls12)),
            (Self::TlsVersion, "TLSV1.3") => Some(tls(TlsVersion::Tls13)),
            (Self::TlsVersion, "TLSV1" | "TLSV1.0" | "TLSV1.1") => None,
            (Self::Device, "MOBILE") => Some(mobile()),
            (Self::Device, "DESKTOP") => Some(not(mobile())),
            _ => return Err(format!("the value {value} is not known")),
        })
    }
}

/// A header's name, unless Portico removes it from requests, so that it seems absent.
fn header(name: String) -> Result<String, String> {
    let is_removed = name.contains('_')
        || name.starts_with("x-forwarded-")
        || name.starts_with("x-azure-")
        || ["forwarded", "x-real-ip", "client-cert", "client-cert-chain"].contains(&name.as_str());
    if is_removed {
        return Err(format!("Portico removes the header {name} from requests, or sets it itself"));
    }
    match http::HeaderName::from_bytes(name.as_bytes()) {
        Ok(_) if name.len() <= 256 => Ok(name),
        _ => Err(format!("'{name}' is not the name of a header")),
    }
}

fn header_condition(header: RulePredicate) -> RuleCondition {
    RuleCondition { header: Some(header), ..RuleCondition::default() }
}

fn cookie_condition(cookie: RulePredicate) -> RuleCondition {
    RuleCondition { cookie: Some(cookie), ..RuleCondition::default() }
}

fn path_regex(expression: String) -> RuleCondition {
    RuleCondition { path_regex: Some(expression), ..RuleCondition::default() }
}

fn mobile() -> RuleCondition {
    header_condition(RulePredicate {
        name: "user-agent".to_owned(),
        r#type: RuleMatchType::Regex,
        value: Some("(?i).*(mobile|android|iphone).*".to_owned()),
    })
}

/// Azure's path has no slash in front.
fn path(test: &Test) -> Result<RuleCondition, String> {
    let test = test.clone().of_path();
    if let Some(exact) = test.exact() {
        let path = format!("/{exact}");
        PathPattern::parse(&path).map_err(|error| format!("'{path}' {error}"))?;
        return Ok(RuleCondition { path: Some(path), ..RuleCondition::default() });
    }
    checked(format!("/{}", test.expression(".*")?)).map(path_regex)
}

/// `name=value` somewhere in the query: a parameter whose value begins like that.
fn query(test: &Test) -> Result<RuleCondition, String> {
    let is_plain =
        |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-._~".contains(c));
    let pair = test.contained().and_then(|text| text.split_once('='));
    let (name, value) = pair
        .filter(|(name, value)| !name.is_empty() && is_plain(name) && is_plain(value))
        .ok_or("Portico looks at parameters, each by its name, and not at the whole query")?;
    let query = RulePredicate {
        name: name.to_owned(),
        r#type: if value.is_empty() { RuleMatchType::Present } else { RuleMatchType::Prefix },
        value: Some(value.to_owned()).filter(|value| !value.is_empty()),
    };
    Ok(RuleCondition { query: Some(query), ..RuleCondition::default() })
}

/// A URL that begins like `https://host/path`.
fn url(test: &Test) -> Result<Vec<RuleCondition>, String> {
    let none = "each part of a URL has a condition of its own";
    let (scheme_of, rest) = test.beginning().and_then(|text| text.split_once("://")).ok_or(none)?;
    let (host, path) = rest.split_once('/').ok_or(none)?;
    let scheme = match scheme_of.to_ascii_lowercase().as_str() {
        "http" => scheme(RuleScheme::Http),
        "https" => scheme(RuleScheme::Https),
        _ => return Err(none.to_owned()),
    };
    if !is_name(host) || path.contains('?') {
        return Err(none.to_owned());
    }
    let flag = if test.any_case() { "(?i)" } else { "" };
    let path = checked(format!("{flag}/{}.*", regex::escape(&escaped(path))))?;
    let host = RuleCondition { host: Some(vec![host.to_lowercase()]), ..RuleCondition::default() };
    Ok(vec![scheme, host, path_regex(path)])
}

/// Which of the front door's hosts pass.
fn host(hosts: &[String], tests: &[Test]) -> Result<When, String> {
    let exact: Option<Vec<_>> = tests.iter().map(Test::exact_in_any_case).collect();
    let passing: Vec<String> = match exact {
        Some(exact) => {
            exact.into_iter().map(str::to_lowercase).filter(|host| is_name(host)).collect()
        }
        None if hosts.iter().any(|host| host.contains('*')) => {
            return Err("it can't be compared like that with hosts that have a wildcard".to_owned());
        }
        None => {
            let mut passing = Vec::new();
            for host in hosts {
                for test in tests {
                    if test.passes(host).ok_or("it can't be compared like that")? {
                        passing.push(host.clone());
                    }
                }
            }
            passing.dedup();
            passing
        }
    };
    if passing.is_empty() {
        return Ok(When::Never);
    }
    any(passing
        .chunks(64)
        .map(|some| RuleCondition { host: Some(some.to_vec()), ..RuleCondition::default() })
        .collect())
}

/// The extensions, if they are compared as a whole and whatever their case.
fn extensions(tests: &[Test]) -> Option<Vec<String>> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_~+-".contains(c);
    let one = |test: &Test| {
        let text = test.exact_in_any_case()?.trim_start_matches('.');
        let has_case = text.chars().any(|c| c.is_ascii_alphabetic());
        let fits = (1..=32).contains(&text.len()) && text.chars().all(is_part);
        (fits && (test.any_case() || !has_case)).then(|| text.to_owned())
    };
    tests.iter().map(one).collect::<Option<Vec<_>>>().filter(|all| all.len() <= 64)
}

fn methods(values: Vec<String>) -> Result<Listed, String> {
    let is_method = |value: &String| {
        (1..=64).contains(&value.len()) && value.chars().all(|c| c.is_ascii_alphabetic())
    };
    if let Some(odd) = values.iter().find(|value| !is_method(value)) {
        return Err(format!("'{odd}' is no method"));
    }
    // Requests with the others never get as far.
    let is_forwarded = |value: &String| !FORBIDDEN_METHODS.contains(&value.as_str());
    let methods: Vec<_> = values.into_iter().filter(is_forwarded).collect();
    let some = methods.chunks(16).map(<[String]>::to_vec);
    Ok(some.map(|some| RuleCondition { method: Some(some), ..Default::default() }).collect())
}

fn addresses(values: &[String]) -> Result<Listed, String> {
    for value in values {
        let is_address = value.parse::<std::net::IpAddr>().is_ok();
        let network = value.parse::<ipnet::IpNet>().ok();
        if !is_address && network.is_none_or(|network| network != network.trunc()) {
            return Err(format!("'{value}' is no address and no network such as 192.0.2.0/24"));
        }
    }
    let networks = values.chunks(64).map(<[String]>::to_vec);
    Ok(networks
        .map(|some| RuleCondition { client_address: Some(some), ..Default::default() })
        .collect())
}

fn versions(values: &[String]) -> Result<Listed, String> {
    let mut versions = Vec::new();
    for value in values {
        match value.trim_start_matches("HTTP/") {
            "2.0" | "2" => versions.push(HttpVersion::Http2),
            "1.1" => versions.push(HttpVersion::Http11),
            "1.0" => versions.push(HttpVersion::Http10),
            "0.9" => {}
            _ => return Err(format!("the version {value} is not known")),
        }
    }
    let condition =
        RuleCondition { http_version: Some(versions.clone()), ..RuleCondition::default() };
    Ok(if versions.is_empty() { Vec::new() } else { vec![condition] })
}
