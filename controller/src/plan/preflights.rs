//! Which calls were held back by a preflight, and for how long: as recorded or, where the recorder
//! leaves preflights out, by Fetch's rules and an estimate.

use super::{Recordings, intern::NONE, kinds::Kind, pages::Pages, records::Record};
use std::collections::{HashMap, VecDeque};

/// How long browsers keep a preflight's result if its response does not say so (Fetch, "CORS
/// protocol": 5 seconds), in microseconds. Where preflights are left out, so is what they said.
const CACHED: i64 = 5_000_000;

/// Clocks of recorders count in milliseconds; two times may be apart by this and mean the same.
pub(super) const TOLERANCE: i64 = 2_000;

/// How many calls to one URL are compared with a preflight.
const MAX_COMPARED: usize = 64;

/// A request other than a preflight, or a preflight whose request was not sent.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// Its number among the records.
    pub(super) record: usize,
    /// The origin of its page.
    pub(super) page: Option<u32>,
    pub(super) preflight: Preflight,
}

/// The preflight of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Preflight {
    /// None.
    None,
    /// The record with this number.
    Seen(usize),
    /// One that the recorder leaves out, and its estimated time in microseconds; `None` if there is
    /// nothing to estimate it by.
    Inferred(Option<i64>),
}

impl Call {
    /// Whether its page is on another origin.
    pub(super) fn crosses(&self, recordings: &Recordings) -> bool {
        let origin = recordings.records.get(self.record).map(|record| record.origin);
        self.page.is_some() && self.page != origin
    }
}

/// All calls, in the order in which they started.
pub(super) fn calls(recordings: &Recordings, pages: &Pages<'_>) -> Vec<Call> {
    let records = &recordings.records;
    let mut order: Vec<usize> = (0..records.len()).collect();
    order.sort_by_key(|at| records[*at].start);
    let paired = pair(recordings, &order, pages);
    let estimates = Estimates::new(records);
    let mut cached = HashMap::new();
    let mut calls = Vec::new();
    for at in order {
        let record = &records[at];
        let page = pages.of(record);
        let preflight = match (record.kind, paired.get(&at)) {
            (Kind::Preflight, Some(_)) => continue,
            // Nothing followed.
            (Kind::Preflight, None) => Preflight::Seen(at),
            (_, Some(preflight)) => Preflight::Seen(*preflight),
            (_, None) if is_inferred(recordings, record, page, &mut cached) => {
                Preflight::Inferred(estimates.of(record.origin))
            }
            (_, None) => Preflight::None,
        };
        calls.push(Call { record: at, page, preflight });
    }
    calls
}

/// How long before its preflight a browser dates a call, at most, in microseconds.
const HEAD_START: i64 = 100_000;

/// Whether a call starts as one does of which this is the preflight, in a browser's recording.
fn starts_with(call: &Record, preflight: &Record) -> bool {
    match (call.start, preflight.start) {
        (Some(call), Some(preflight)) => (0..=HEAD_START).contains(&(preflight - call)),
        (_, _) => false,
    }
}

/// Finds the call of each preflight: the first that goes to the same URL, for the same page, with
/// the method that was asked for, and did not end before. The result leads both ways.
///
/// Proxies start a call when its preflight has ended, browsers before; Firefox leaves the preflight out
/// of its time, so that it may seem to end first.
fn pair(recordings: &Recordings, order: &[usize], pages: &Pages<'_>) -> HashMap<usize, usize> {
    let records = &recordings.records;
    let mut waiting: HashMap<u64, VecDeque<usize>> = HashMap::new();
    for at in order.iter().filter(|at| records[**at].kind == Kind::Preflight) {
        waiting.entry(records[*at].url).or_default();
    }
    for at in order.iter().filter(|at| records[**at].kind != Kind::Preflight) {
        if let Some(calls) = waiting.get_mut(&records[*at].url) {
            calls.push_back(*at);
        }
    }
    let mut pairs = HashMap::new();
    for at in order.iter().copied().filter(|at| records[*at].kind == Kind::Preflight) {
        let preflight = &records[at];
        let Some(calls) = waiting.get_mut(&preflight.url) else { continue };
        let ended = |call: usize| match (records[call].end(), preflight.end()) {
            (Some(end), Some(preflight_end)) => {
                end + TOLERANCE < preflight_end && !starts_with(&records[call], preflight)
            }
            (_, _) => false,
        };
        while calls.front().is_some_and(|call| ended(*call)) {
            calls.pop_front();
        }
        let fits = |call: &usize| {
            let call = &records[*call];
            call.file == preflight.file
                && pages.of(call) == pages.of(preflight)
                && asks_for(recordings, preflight, call)
        };
        let is_free = |call: &usize| !ended(*call) && fits(call);
        let Some(place) = calls.iter().take(MAX_COMPARED).position(is_free) else { continue };
        if let Some(call) = calls.remove(place) {
            pairs.insert(at, call);
            pairs.insert(call, at);
        }
    }
    pairs
}

/// Whether a preflight asks for the method of a call. Where its head was not recorded, it may.
fn asks_for(recordings: &Recordings, preflight: &Record, call: &Record) -> bool {
    let Some(reason) = recordings.reasons.get(preflight.reason) else { return true };
    match (&reason.method, recordings.methods.get(call.method).map(String::as_str)) {
        (Some(asked), Some(method)) => asked == method,
        (None, Some(method)) => ["GET", "HEAD", "POST"].contains(&method),
        (_, None) => true,
    }
}

/// Whether a browser sent a preflight that the recorder leaves out. At most one within the time for
/// which its result is kept: more can't be told.
fn is_inferred(
    recordings: &Recordings,
    record: &Record,
    page: Option<u32>,
    cached: &mut HashMap<(u64, u32, u32), i64>,
) -> bool {
    let file = usize::try_from(record.file).ok();
    let shows = file.and_then(|file| recordings.shows_preflights.get(file));
    if shows.copied().unwrap_or(true)
        || record.reason == NONE
        || page.is_none_or(|page| page == record.origin)
    {
        return false;
    }
    let key = (record.url, record.reason, page.unwrap_or(NONE));
    match (cached.get(&key), record.start) {
        (Some(until), Some(start)) if start < *until => false,
        (_, start) => {
            cached.insert(key, start.unwrap_or(i64::MIN).saturating_add(CACHED));
            true
        }
    }
}

/// How long preflights that were left out may have taken.
struct Estimates(HashMap<u32, i64>);

impl Estimates {
    /// A preflight takes a round trip, and what the server needs to answer it: about as long as the
    /// fastest call to the same host took to be answered.
    fn new(records: &[Record]) -> Self {
        let mut fastest: HashMap<u32, i64> = HashMap::new();
        for record in records {
            if let Some(wait) = record.wait.map(i64::from).filter(|wait| *wait > 0) {
                fastest.entry(record.origin).and_modify(|it| *it = wait.min(*it)).or_insert(wait);
            }
        }
        Self(fastest)
    }

    fn of(&self, origin: u32) -> Option<i64> {
        self.0.get(&origin).copied()
    }
}
