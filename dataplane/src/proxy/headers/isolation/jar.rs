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

/// A `Set-Cookie`, taken apart (§5.6).
struct Parsed<'l> {
    name: &'l [u8],
    value: &'l [u8],
    attributes: Vec<(String, String)>,
}

impl<'l> Parsed<'l> {
    fn of(line: &'l [u8]) -> Option<Self> {
        if line.iter().any(|byte| (*byte < 0x20 && *byte != b'\t') || *byte == 0x7f) {
            return None;
        }
        let mut parts = line.split(|byte| *byte == b';');
        let pair = parts.next()?;
        let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
            Some(at) => (trim(&pair[..at]), trim(&pair[at + 1..])),
            None => (&b""[..], trim(pair)),
        };
        let attributes = parts.map(|part| {
            let text = String::from_utf8_lossy(part).into_owned();
            let (name, value) = text.split_once('=').unwrap_or((&text, ""));
            let [name, value] = [name, value].map(|text| text.trim_matches([' ', '\t']));
            (name.to_ascii_lowercase(), value.to_owned())
        });
        let attributes = attributes.filter(|(_, value)| value.len() <= 1024).collect();
        let is_short = name.len() + value.len() <= 4096;
        is_short.then_some(Self { name, value, attributes })
    }

    /// The last attribute of this name.
    fn last(&self, name: &str) -> Option<&str> {
        let mut attributes = self.attributes.iter().rev();
        attributes.find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Whether the cookie fulfils what its name promises (§5.7, steps 21 to 24).
    fn keeps_its_promises(&self, cookie: &Cookie) -> bool {
        let has = |text: &[u8], prefix: &str| {
            text.get(..prefix.len()).is_some_and(|it| it.eq_ignore_ascii_case(prefix.as_bytes()))
        };
        let is_http_only = self.last("httponly").is_some();
        let is_host = cookie.is_secure
            && cookie.domain.is_none()
            && self.last("path").is_some()
            && cookie.path == "/";
        for (prefix, is_kept) in [
            ("__Secure-", cookie.is_secure),
            ("__Host-", is_host),
            ("__Http-", cookie.is_secure && is_http_only),
            ("__Host-Http-", is_http_only),
        ] {
            let promises = has(self.name, prefix);
            let poses = self.name.is_empty() && has(self.value, prefix);
            if (promises && !is_kept) || poses {
                return false;
            }
        }
        !self.name.is_empty() || !self.value.is_empty()
    }
}

impl Cookie {
    /// The cookie that a browser stores, if it does (§5.7).
    fn parse(request: Request, line: &[u8]) -> Option<Self> {
        let parsed = Parsed::of(line)?;
        let domain = parsed.last("domain").unwrap_or_default().trim_start_matches('.');
        let domain = Some(domain.to_ascii_lowercase()).filter(|domain| !domain.is_empty());
        let is_others = |domain: &String| {
            (HOST != domain && !HOST.ends_with(&format!(".{domain}"))) || domain == "com"
        };
        let path = parsed.last("path").filter(|path| path.starts_with('/'));
        let age = parsed.attributes.iter().filter(|(name, _)| name == "max-age");
        let age = age.filter_map(|(_, age)| age.parse::<i64>().ok()).next_back();
        let expires = parsed.last("expires");
        let expires = expires.map(|date| if date.contains("1970") { 0 } else { i64::MAX });
        let cookie = Self {
            name: parsed.name.to_vec(),
            value: parsed.value.to_vec(),
            path: path.map_or_else(|| default_path(request.path), str::to_owned),
            is_secure: parsed.last("secure").is_some(),
            is_partitioned: parsed.last("partitioned").is_some(),
            created: 0,
            expires: age.map(|age| request.now + age).or(expires),
            domain,
        };
        let is_refused = cookie.domain.as_ref().is_some_and(is_others)
            || (cookie.is_secure && !request.is_secure)
            || (cookie.is_partitioned && !cookie.is_secure);
        (!is_refused && parsed.keeps_its_promises(&cookie)).then_some(cookie)
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
