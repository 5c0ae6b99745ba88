//! How far the backends that share an origin are kept apart: `isolation` of FrontDoors and Routes,
//! and `sharedCookies`.

use super::{report::Report, selection::is_token};
use crate::diagnostic::{FieldPath, Reason};
use portico_crds as crds;
use portico_dataplane::table::{
    CookieIsolation, CookieTag, Isolation, ObjectName, OriginWide, SharedCookie,
};
use std::{fmt, sync::Arc};

/// How many cookies a FrontDoor's Routes may share: each is compared with each cookie.
const MAX_SHARED: usize = 32;

/// What the Routes of a FrontDoor inherit.
#[derive(Clone, Debug, Default)]
pub(super) struct Inherited {
    cookies: crds::CookieIsolation,
    origin_wide: crds::OriginWide,
    pub(super) shared_cookies: Arc<[SharedCookie]>,
}

impl Inherited {
    /// Compiles a FrontDoor's `spec.isolation` and `spec.sharedCookies`.
    pub(super) fn compile(spec: &crds::FrontDoorSpec, report: &mut Report) -> Self {
        let given = spec.isolation.unwrap_or_default();
        Self {
            cookies: given.cookies.unwrap_or_default(),
            origin_wide: given.origin_wide.unwrap_or_default(),
            shared_cookies: shared_cookies(&spec.shared_cookies, report),
        }
    }

    /// The isolation of a Route: what it says itself, which must be as strict as this at least, and
    /// otherwise this. `affinity` is the name of its affinity cookie.
    pub(super) fn of_route(
        &self,
        route: &ObjectName,
        spec: &crds::RouteSpec,
        affinity: Option<&str>,
        front_door: &ObjectName,
        report: &mut Report,
    ) -> Isolation {
        let given = spec.isolation.unwrap_or_default();
        let at = FieldPath::SPEC.child("isolation");
        let cookies = given.cookies.unwrap_or(self.cookies);
        let origin_wide = given.origin_wide.unwrap_or(self.origin_wide);
        if cookies < self.cookies {
            refuse_weaker(cookies, self.cookies, front_door, &at.child("cookies"), report);
        }
        if origin_wide < self.origin_wide {
            let at = at.child("originWide");
            refuse_weaker(origin_wide, self.origin_wide, front_door, &at, report);
        }
        if let Some(cookie) = affinity {
            self.check_affinity(cookie, front_door, report);
        }
        Isolation {
            // One that is refused holds its place no less strictly.
            cookies: match cookies.max(self.cookies) {
                crds::CookieIsolation::Shared => CookieIsolation::Shared,
                crds::CookieIsolation::Confined => CookieIsolation::Confined,
                crds::CookieIsolation::Separate => CookieIsolation::Separate(CookieTag::of(route)),
            },
            origin_wide: match origin_wide.max(self.origin_wide) {
                crds::OriginWide::Pass => OriginWide::Pass,
                crds::OriginWide::Strip => OriginWide::Strip,
            },
        }
    }

    /// The affinity cookie reaches no backend of any Route, so it must not be one that other Routes
    /// use.
    fn check_affinity(&self, name: &str, front_door: &ObjectName, report: &mut Report) {
        let at = FieldPath::SPEC.child("affinity");
        let at = at.child("cookie");
        if CookieTag::begins(name.as_bytes()) {
            report.invalid(
                &at,
                format!("'{name}' looks like a cookie that isolation.cookies: Separate has renamed: use another name"),
            );
        }
        if let Some(shared) = self.shared_cookies.iter().find(|it| it.is(name.as_bytes())) {
            report.invalid(
                &at,
                format!("'{name}' is one of the cookies that Routes share ('{shared}' in spec.sharedCookies of FrontDoor {front_door}), and no backend would get it any more: use another name"),
            );
        }
    }
}

fn refuse_weaker(
    own: impl fmt::Debug,
    front_doors: impl fmt::Debug,
    front_door: &ObjectName,
    at: &FieldPath<'_>,
    report: &mut Report,
) {
    report.refuse(
        at,
        Reason::Invalid,
        format!("{own:?} is weaker than {front_doors:?}, which FrontDoor {front_door} requires: leave it out, or change it there"),
    );
}

fn shared_cookies(given: &[String], report: &mut Report) -> Arc<[SharedCookie]> {
    let at = FieldPath::SPEC.child("sharedCookies");
    if given.len() > MAX_SHARED {
        report.invalid(&at, format!("has {} entries: list up to {MAX_SHARED}", given.len()));
    }
    let compiled = given.iter().enumerate().filter_map(|(index, text)| {
        let name = text.strip_suffix('*').unwrap_or(text);
        if is_token(name) && !name.contains('*') {
            let is_prefix = name.len() < text.len();
            let kind = if is_prefix { SharedCookie::Prefix } else { SharedCookie::Name };
            return Some(kind(name.into()));
        }
        let message = match &**text {
            "*" => "'*' would share every cookie: leave sharedCookies out, and set isolation.cookies: Shared".to_owned(),
            text => format!(
                "'{}' is neither a cookie's name nor the beginning of one followed by '*': use letters, digits, '-' and '_'",
                text.escape_debug()
            ),
        };
        report.invalid(&at.index(index), message);
        None
    });
    compiled.collect()
}
