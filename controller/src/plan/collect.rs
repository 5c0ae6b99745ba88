//! Takes in recordings, entry by entry.

use super::{
    facts::Facts,
    intern::{Interner, NONE},
    kinds::Kind,
    reasons::{Reason, known_method},
    records::{Record, micros},
    shapes,
    target::{NoTarget, Target, origin_of},
};
use crate::har::{self, Creator, Entry, HarError, Page, header};
use k8s_openapi::jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde::Serialize;
use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    io::Read,
};

/// How many entries all recordings together may have: as many as one.
const MAX_RECORDS: usize = har::MAX_ENTRIES;
/// How many origins, visits, shapes of paths, reasons and methods.
const MAX_ORIGINS: usize = 10_000;
const MAX_VISITS: usize = 100_000;
const MAX_SHAPES: usize = 20_000;
const MAX_REASONS: usize = 4096;
const MAX_METHODS: usize = 64;
/// How many notes of what was left out are kept.
const MAX_SKIPPED: usize = 1000;

/// Recorders that see every request, so that a preflight that they don't show was not sent.
const SEE_PREFLIGHTS: [&str; 6] =
    ["firefox", "charles", "fiddler", "mitmproxy", "http toolkit", "proxyman"];

/// What was left out of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The entry, from 1, or the first of several.
    pub entry: usize,
    /// Why, as a clause; with the file, if there are several.
    pub why: String,
}

/// What recordings have shown.
#[derive(Debug)]
pub struct Recordings {
    pub(super) records: Vec<Record>,
    pub(super) origins: Interner<String>,
    pub(super) shapes: Interner<String>,
    pub(super) reasons: Interner<Reason>,
    pub(super) methods: Interner<String>,
    visits: Interner<(u32, String)>,
    /// The origin of the document of each visit.
    pub(super) documents: HashMap<u32, u32>,
    /// What is known of each origin, by its number.
    pub(super) facts: HashMap<u32, Facts>,
    /// Whether each file shows preflights.
    pub(super) shows_preflights: Vec<bool>,
    pub(super) skipped: Vec<Skipped>,
    pub(super) hasher: RandomState,
    /// What the file is called in notes; empty if there is only one.
    name: String,
    is_full: bool,
    unrouted: usize,
}

impl Default for Recordings {
    fn default() -> Self {
        Self {
            records: Vec::new(),
            origins: Interner::new(MAX_ORIGINS),
            shapes: Interner::new(MAX_SHAPES),
            reasons: Interner::new(MAX_REASONS),
            methods: Interner::new(MAX_METHODS),
            visits: Interner::new(MAX_VISITS),
            documents: HashMap::new(),
            facts: HashMap::new(),
            shows_preflights: Vec::new(),
            skipped: Vec::new(),
            hasher: RandomState::new(),
            name: String::new(),
            is_full: false,
            unrouted: 0,
        }
    }
}

impl Recordings {
    /// Reads a recording. `name` stands for it in notes; it may be empty.
    ///
    /// # Errors
    /// If nothing of it can be read.
    pub fn read(&mut self, name: &str, input: impl Read) -> Result<(), HarError> {
        name.clone_into(&mut self.name);
        self.shows_preflights.push(false);
        har::read(input, self)
    }

    fn file(&self) -> u32 {
        u32::try_from(self.shows_preflights.len().saturating_sub(1)).unwrap_or(NONE)
    }

    fn shows_preflights(&mut self) {
        if let Some(shows) = self.shows_preflights.last_mut() {
            *shows = true;
        }
    }

    fn skip(&mut self, entry: usize, why: &str) {
        if self.skipped.len() < MAX_SKIPPED {
            let name =
                if self.name.is_empty() { String::new() } else { format!("{}: ", self.name) };
            self.skipped.push(Skipped { entry, why: format!("{name}{why}") });
        } else if self.skipped.len() == MAX_SKIPPED {
            let why = format!("more than {MAX_SKIPPED} notes; the others are left out");
            self.skipped.push(Skipped { entry, why });
        }
    }

    /// The number of the origin of a URL, or of an `Origin` header; [`NONE`] if it is neither.
    fn origin_number(&mut self, url: Option<&str>) -> u32 {
        match url.filter(|url| !url.is_empty()).and_then(origin_of) {
            Some(origin) => self.origins.number(origin.as_str()),
            None => NONE,
        }
    }

    fn visit(&mut self, pageref: &str) -> u32 {
        self.visits.number(&(self.file(), pageref.to_owned()))
    }

    /// The shape of a path; [`NONE`] if there is no room for it.
    fn shape(&mut self, number: usize, path: Option<&str>) -> u32 {
        let shape = path.map_or(NONE, |path| self.shapes.number(shapes::of(path).as_str()));
        if shape == NONE {
            self.unrouted += 1;
            if self.unrouted == 1 {
                let why = match path {
                    None => {
                        "counted but not routed: its path is too long, or one that no server should accept"
                    }
                    Some(_) => {
                        "counted but not routed, as are later new paths: there are too many different ones"
                    }
                };
                self.skip(number, why);
            }
        }
        shape
    }

    fn reason(&mut self, entry: &Entry<'_>, kind: Kind) -> u32 {
        let request = &entry.request.0;
        let reason = match kind {
            Kind::Preflight => Reason::of_preflight(&request.headers),
            Kind::Data => Reason::of_call(request.method.as_str(), &request.headers),
            // No script can give them a head that needs one.
            Kind::Document
            | Kind::Stream
            | Kind::Style
            | Kind::Script
            | Kind::Font
            | Kind::Media
            | Kind::Beacon => return NONE,
        };
        if reason.is_empty() { NONE } else { self.reasons.number(&reason) }
    }

    fn start(&mut self, number: usize, text: &str) -> Option<i64> {
        let time = text.parse::<Timestamp>().ok().or_else(|| {
            // Some recorders leave the time zone out. One for all is enough.
            text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|time| time.timestamp())
        });
        if time.is_none() {
            self.skip(number, "counted but not timed: startedDateTime is missing or not a date");
        }
        time.map(|time| time.as_microsecond())
    }

    fn add(&mut self, number: usize, entry: &Entry<'_>, target: &Target) {
        let request = &entry.request.0;
        let origin = self.origins.number(target.origin.as_str());
        if origin == NONE {
            return self.skip(number, "left out: there are too many different hosts");
        }
        let kind = Kind::of(entry, target.is_socket);
        if kind == Kind::Preflight {
            self.shows_preflights();
        }
        let visit = self.visit(entry.pageref.as_str());
        let is_redirect =
            entry.response.0.status.0.is_some_and(|status| (300.0..400.0).contains(&status));
        if kind == Kind::Document && !is_redirect {
            self.documents.entry(visit).or_insert(origin);
        }
        let location = Some(entry.response.0.redirect_url.as_str()).filter(|url| !url.is_empty());
        let location = location.or_else(|| header(&entry.response.0.headers, "location"));
        let redirect = self.origin_number(location.filter(|_| is_redirect));
        let facts = self.facts.entry(origin).or_default();
        facts.note(entry, kind, if redirect == origin { NONE } else { redirect }, &self.hasher);

        let time = entry.time.0;
        if time.is_some_and(|time| time < 0.0) {
            self.skip(number, "counted, but as if it took no time: its time is negative");
        }
        let timings = entry.timings.0;
        let phase = |phase: har::Number| phase.positive().map_or(0, micros);
        // Firefox leaves the handshake out of the connect phase; the specification puts it in.
        let (connect, tls) = (phase(timings.connect), phase(timings.ssl));
        let connect = if tls > connect { connect + tls } else { connect };
        let url = request.url.as_str();
        let record = Record {
            start: self.start(number, entry.started_date_time.as_str()),
            duration: entry.time.positive().map_or(0, micros),
            setup: phase(timings.dns) + connect,
            wait: timings.wait.positive().map(micros).and_then(|wait| u32::try_from(wait).ok()),
            url: self.hasher.hash_one(url.split('#').next().unwrap_or_default()),
            visit,
            origin,
            shape: self.shape(number, target.path.as_deref()),
            reason: self.reason(entry, kind),
            asked_by: self.origin_number(header(&request.headers, "origin")),
            referrer: self.origin_number(header(&request.headers, "referer")),
            method: self.methods.number(known_method(request.method.as_str())),
            file: self.file(),
            kind,
            connected: connect > 0,
            secured: tls > 0 || connect > 0 && target.origin.starts_with("https:"),
        };
        self.records.push(record);
    }
}

impl har::Visitor for Recordings {
    fn creator(&mut self, creator: &Creator<'_>) {
        let name = creator.name.as_str().to_ascii_lowercase();
        if SEE_PREFLIGHTS.iter().any(|known| name.contains(known)) {
            self.shows_preflights();
        }
    }

    fn page(&mut self, page: &Page<'_>) {
        let visit = self.visit(page.id.as_str());
        // Chromium's titles are URLs. A document among the entries is as good.
        let origin = self.origin_number(Some(page.title.as_str()));
        if origin != NONE {
            self.documents.entry(visit).or_insert(origin);
        }
    }

    fn entry(&mut self, number: usize, entry: &Entry<'_>) {
        if self.records.len() >= MAX_RECORDS {
            if !self.is_full {
                self.is_full = true;
                self.skip(number, "left out, with all that follows: there are too many entries");
            }
            return;
        }
        match Target::parse(entry.request.0.url.as_str()) {
            Ok(target) => self.add(number, entry, &target),
            // Nothing is sent for it.
            Err(NoTarget::Local) => {}
            Err(NoTarget::Invalid) => {
                self.skip(number, "left out: its request.url is not an absolute URL")
            }
        }
    }

    fn skipped(&mut self, number: usize, why: String) {
        self.skip(number, &format!("left out: {why}"));
    }
}
