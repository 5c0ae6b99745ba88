//! A browser's cookies of one host, after RFC 6265bis §5.6 to §5.8: what the model tests compare
//! with. It shares no code with what is tested.

/// The host that all requests are for.
const HOST: &str = "www.ep.com";

/// A request, as far as cookies depend on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) path: &'static str,
    pub(super) is_secure: bool,
    /// In seconds.
    pub(super) now: i64,
}

#[derive(Clone, Debug)]
struct Cookie {
    name: Vec<u8>,
    value: Vec<u8>,
    /// Without one, the cookie is for the host alone.
    domain: Option<String>,
    path: String,
    is_secure: bool,
    is_partitioned: bool,
    created: u64,
    expires: Option<i64>,
}

/// The cookies, without a browser's limits.
#[derive(Clone, Debug, Default)]
pub(super) struct Jar {
    cookies: Vec<Cookie>,
    count: u64,
}

impl Jar {
    /// Receives a `Set-Cookie` in the response to a request.
    pub(super) fn set(&mut self, request: Request, line: &[u8]) {
        let Some(mut cookie) = Cookie::parse(request, line) else { return };
        let overlays = |old: &Cookie| {
            old.name == cookie.name && old.is_secure && path_matches(&old.path, &cookie.path)
        };
        if !cookie.is_secure && !request.is_secure && self.cookies.iter().any(overlays) {
            return;
        }
        self.count += 1;
        cookie.created = self.count;
        let is_same = |old: &Cookie| {
            (&old.name, &old.domain, &old.path, old.is_partitioned)
                == (&cookie.name, &cookie.domain, &cookie.path, cookie.is_partitioned)
        };
        if let Some(old) = self.cookies.iter().position(is_same) {
            cookie.created = self.cookies.remove(old).created;
        }
        if cookie.expires.is_none_or(|expires| expires > request.now) {
            self.cookies.push(cookie);
        }
    }

    /// The `Cookie` of a request, if it has any.
    pub(super) fn header(&self, request: Request) -> Option<Vec<u8>> {
        let is_sent = |cookie: &&Cookie| {
            path_matches(&cookie.path, request.path)
                && (!cookie.is_secure || request.is_secure)
                && cookie.expires.is_none_or(|expires| expires > request.now)
        };
        let mut sent: Vec<_> = self.cookies.iter().filter(is_sent).collect();
        sent.sort_by_key(|cookie| (std::cmp::Reverse(cookie.path.len()), cookie.created));
        let pairs = sent.iter().map(|cookie| match cookie.name.is_empty() {
            true => cookie.value.clone(),
            false => [&cookie.name, &b"="[..], &cookie.value].concat(),
        });
        let pairs: Vec<_> = pairs.collect();
        (!pairs.is_empty()).then(|| pairs.join(&b"; "[..]))
    }
}

impl Cookie {
    fn parse(request: Request, line: &[u8]) -> Option<Self> {
        if line.iter().any(|byte| (*byte < 0x20 && *byte != b'\t') || *byte == 0x7f) {
            return None;
        }
        let mut parts = line.split(|byte| *byte == b';');
        let pair = parts.next()?;
        let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
            Some(at) => (trim(&pair[..at]), trim(&pair[at + 1..])),
            None => (&b""[..], trim(pair)),
        };
        if name.len() + value.len() > 4096 {
            return None;
        }
        let mut cookie = Self {
            name: name.to_vec(),
            value: value.to_vec(),
            domain: None,
            path: default_path(request.path),
            is_secure: false,
            is_partitioned: false,
            created: 0,
            expires: None,
        };
        let (mut domain, mut has_path, mut is_http_only) = (String::new(), false, false);
        let (mut max_age, mut expires) = (None, None);
        for part in parts {
            let text = String::from_utf8_lossy(part).into_owned();
            let (name, value) = text.split_once('=').unwrap_or((&text, ""));
            let value = value.trim_matches([' ', '\t']);
            if value.len() > 1024 {
                continue;
            }
            match name.trim_matches([' ', '\t']).to_ascii_lowercase().as_str() {
                "domain" => domain = value.trim_start_matches('.').to_ascii_lowercase(),
                "path" => {
                    has_path = true;
                    let is_absolute = value.starts_with('/');
                    let path =
                        if is_absolute { value.to_owned() } else { default_path(request.path) };
                    cookie.path = path;
                }
                "secure" => cookie.is_secure = true,
                "httponly" => is_http_only = true,
                "partitioned" => cookie.is_partitioned = true,
                "max-age" => max_age = value.parse().ok().or(max_age),
                "expires" => expires = Some(if value.contains("1970") { 0 } else { i64::MAX }),
                _ => {}
            }
        }
        cookie.expires = max_age.map(|age: i64| request.now + age).or(expires);
        if !domain.is_empty() {
            let matches = HOST == domain || HOST.ends_with(&format!(".{domain}"));
            if !matches || domain == "com" {
                return None;
            }
            cookie.domain = Some(domain);
        }
        let has = |text: &[u8], prefix: &str| {
            text.get(..prefix.len()).is_some_and(|it| it.eq_ignore_ascii_case(prefix.as_bytes()))
        };
        let is_host = cookie.is_secure && cookie.domain.is_none() && has_path && cookie.path == "/";
        let is_accepted = (request.is_secure || !cookie.is_secure)
            && (cookie.is_secure || !cookie.is_partitioned)
            && (!has(name, "__Secure-") || cookie.is_secure)
            && (!has(name, "__Host-") || is_host)
            && (!has(name, "__Http-") || (cookie.is_secure && is_http_only))
            && (!has(name, "__Host-Http-") || is_http_only);
        let prefixes = ["__Secure-", "__Host-", "__Http-"];
        let poses = prefixes.into_iter().any(|prefix| has(value, prefix));
        let is_nothing = name.is_empty() && (value.is_empty() || poses);
        (is_accepted && !is_nothing).then_some(cookie)
    }
}

fn trim(text: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = text.iter().position(|byte| !is_space(byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !is_space(byte)).map_or(start, |at| at + 1);
    &text[start..end]
}

fn default_path(path: &str) -> String {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/".to_owned(),
        Some((folder, _)) => folder.to_owned(),
    }
}

fn path_matches(cookie: &str, path: &str) -> bool {
    path == cookie
        || (path.starts_with(cookie)
            && (cookie.ends_with('/') || path[cookie.len()..].starts_with('/')))
}
