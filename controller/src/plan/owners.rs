//! Which hosts are a page's own: those that can move behind its front door.

use super::{Recordings, kinds::Kind, preflights::Call, target::Authority};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Sites that serve many pages, none of which own them: fonts, libraries, analytics, payment, maps,
/// identity. Hosts below them are theirs too.
const SHARED: [&str; 66] = [
    "adnxs.com",
    "adobedtm.com",
    "algolia.net",
    "algolianet.com",
    "amplitude.com",
    "app-measurement.com",
    "appdynamics.com",
    "auth0.com",
    "bing.com",
    "bootstrapcdn.com",
    "branch.io",
    "browser-intake-datadoghq.com",
    "bugsnag.com",
    "cdnjs.cloudflare.com",
    "clarity.ms",
    "cloudflareinsights.com",
    "contentsquare.net",
    "cookielaw.org",
    "criteo.com",
    "datadoghq.com",
    "datadoghq.eu",
    "demdex.net",
    "doubleclick.net",
    "esm.sh",
    "facebook.com",
    "facebook.net",
    "fontawesome.com",
    "fullstory.com",
    "google-analytics.com",
    "google.com",
    "googleadservices.com",
    "googleapis.com",
    "googlesyndication.com",
    "googletagmanager.com",
    "gravatar.com",
    "gstatic.com",
    "heapanalytics.com",
    "hotjar.com",
    "hotjar.io",
    "intercom.io",
    "intercomcdn.com",
    "jsdelivr.net",
    "launchdarkly.com",
    "linkedin.com",
    "mapbox.com",
    "matomo.cloud",
    "mixpanel.com",
    "mouseflow.com",
    "newrelic.com",
    "nr-data.net",
    "omtrdc.net",
    "onetrust.com",
    "openstreetmap.org",
    "optimizely.com",
    "paypal.com",
    "plausible.io",
    "posthog.com",
    "segment.com",
    "segment.io",
    "sentry.io",
    "stripe.com",
    "twitter.com",
    "typekit.net",
    "unpkg.com",
    "usercentrics.eu",
    "youtube.com",
];

/// What a host is to a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    /// It belongs to the page's site.
    Same,
    /// It belongs to another site, and answers the page's scripts: it may be somebody's own.
    Other,
    /// It is better left alone.
    ThirdParty,
}

/// Judges a host by the site that it belongs to and by what it serves.
pub(super) fn owner(page: &Authority, host: &Authority, kinds: &HashSet<Kind>) -> Owner {
    let below = |known: &&str| {
        host.host.strip_suffix(*known).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let is_local = |authority: &Authority| authority.address.is_some_and(|it| it.is_loopback());
    if page.site() == host.site() || is_local(page) && is_local(host) {
        Owner::Same
    } else if SHARED.iter().any(below) {
        Owner::ThirdParty
    } else if kinds.iter().any(|kind| matches!(kind, Kind::Data | Kind::Stream | Kind::Preflight)) {
        Owner::Other
    } else {
        Owner::ThirdParty
    }
}

/// The owner of each origin that pages on other origins call. What is one page's own is nobody's
/// third party.
pub(super) fn owners<'c>(
    recordings: &Recordings,
    calls: impl Iterator<Item = &'c Call>,
) -> BTreeMap<u32, Owner> {
    let crossing = calls.filter(|call| call.crosses(recordings));
    let pairs: BTreeSet<_> = crossing
        .filter_map(|call| Some((call.page?, recordings.records.get(call.record)?.origin)))
        .collect();
    let authority = |number: u32| recordings.origins.get(number).and_then(|it| Authority::of(it));
    let mut owners = BTreeMap::new();
    for (page, host) in pairs {
        let kinds = recordings.facts.get(&host).map(|facts| &facts.kinds);
        let (Some(page), Some(at), Some(kinds)) = (authority(page), authority(host), kinds) else {
            continue;
        };
        let owner = owner(&page, &at, kinds);
        owners.entry(host).and_modify(|it: &mut Owner| *it = owner.min(*it)).or_insert(owner);
    }
    owners
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_host_is_judged_by_its_site_and_by_what_it_serves() {
        for (page, host, kinds, expected) in [
            ("https://www.ep.com", "https://api.ep.com", &[Kind::Font][..], Owner::Same),
            ("https://www.ep.com", "https://ep.azurewebsites.net", &[Kind::Data], Owner::Other),
            (
                "https://a.azurewebsites.net",
                "https://b.azurewebsites.net",
                &[Kind::Data],
                Owner::Other,
            ),
            (
                "https://www.ep.com",
                "https://cdn.example",
                &[Kind::Script, Kind::Media],
                Owner::ThirdParty,
            ),
            (
                "https://www.ep.com",
                "https://fonts.googleapis.com",
                &[Kind::Data],
                Owner::ThirdParty,
            ),
            ("https://www.google.com", "https://apis.google.com", &[Kind::Data], Owner::Same),
            ("https://www.ep.com", "https://notgoogle.com", &[Kind::Data], Owner::Other),
            ("http://localhost:8080", "http://127.0.0.1:9102", &[Kind::Media], Owner::Same),
        ] {
            let [page, at] = [page, host].map(|origin| Authority::of(origin).unwrap());
            let kinds = kinds.iter().copied().collect();
            assert_eq!(owner(&page, &at, &kinds), expected, "{host}");
        }
    }

    #[test]
    fn the_list_is_sorted_and_has_nothing_twice() {
        assert!(SHARED.is_sorted_by(|a, b| a < b));
    }
}
