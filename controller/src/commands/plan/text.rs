//! The plan as text.

use crate::{
    manifest::File,
    paint::{Paint, Plain, paragraph},
    plan::{Door, HostReport, PageReport, Plan},
    schema::count,
};
use std::path::Path;

/// How many lines of a list are shown; `-o json` has all.
const MAX_SHOWN: usize = 20;

/// How wide the longest bar is, in characters.
const BAR: f64 = 24.0;

/// Renders a plan. `written` are the manifests, if they were written to a folder; `bars` asks for
/// bars in the table.
pub(super) fn of(
    plan: &Plan,
    written: Option<(&Path, &[File])>,
    paint: Paint,
    bars: bool,
) -> String {
    let mut text = Text { out: String::new(), paint };
    text.headline(plan);
    text.pages(&plan.pages);
    text.hosts(plan, bars);
    text.held(plan);
    text.doors(&plan.doors);
    text.conflicts(plan);
    text.changed(plan);
    text.review(plan);
    text.skipped(plan);
    text.next(plan, written);
    text.out
}

struct Text {
    out: String,
    paint: Paint,
}

impl Text {
    fn line(&mut self, line: &str) {
        self.out.push_str(&format!("{}\n", Plain(line)));
    }

    fn section(&mut self, title: &str) {
        let title = self.paint.bold(title);
        self.out.push_str(&format!("\n{title}\n"));
    }

    /// A paragraph, whose first line begins with `first` and the others with as much space.
    fn prose(&mut self, first: &str, text: &str) {
        paragraph(first, text).iter().for_each(|line| self.line(line));
    }

    fn headline(&mut self, plan: &Plan) {
        let total = &plan.total;
        let line = if plan.hosts.iter().all(|host| host.third_party) {
            "No page calls another origin of its own: one origin saves nothing here".to_owned()
        } else {
            format!(
                "One origin would have saved {}, {} and {}",
                count(total.preflights, "preflight"),
                count(total.connections, "connection"),
                duration(total.milliseconds)
            )
        };
        let line = self.paint.bold(&line);
        self.out.push_str(&format!("{line}\n"));
        if total.milliseconds > 0.0 {
            let measured = (100.0 * total.measured / total.milliseconds).round();
            self.line(&format!(
                "Time that pages waited for; what overlaps counts once. {measured:.0}% is measured, {:.0}% estimated.",
                100.0 - measured
            ));
        }
        if total.handshakes > 0 {
            self.line(&format!(
                "{} with other hosts would go too.",
                count(total.handshakes, "TLS handshake")
            ));
        }
    }

    fn pages(&mut self, pages: &[PageReport]) {
        if pages.is_empty() {
            return;
        }
        self.section("Pages");
        for page in pages.iter().take(MAX_SHOWN) {
            self.line(&format!(
                "  {}: {}, {} to other origins, {}, {}",
                page.origin,
                count(page.calls, "request"),
                page.cross_origin,
                preflights(page.preflights.seen, page.preflights.inferred),
                duration(page.milliseconds),
            ));
            let why = why(page);
            if !why.is_empty() {
                self.prose("    because of ", &why);
            }
        }
        self.more(pages.len());
    }

    fn more(&mut self, all: usize) {
        if all > MAX_SHOWN {
            self.line(&format!("  and {} more: -o json has all", all - MAX_SHOWN));
        }
    }

    fn hosts(&mut self, plan: &Plan, bars: bool) {
        let (others, own): (Vec<_>, Vec<_>) = plan.hosts.iter().partition(|host| host.third_party);
        if !own.is_empty() {
            self.section("Hosts");
            let longest = own.iter().map(|host| host.milliseconds).fold(0.0, f64::max);
            let width = own.iter().take(MAX_SHOWN).map(|host| host.origin.chars().count()).max();
            let width = width.unwrap_or(0).max("Total".len());
            let head = ["calls", "preflights", "each", "connections", "saved"];
            self.row(width, "", &head.map(str::to_owned), "");
            for host in own.iter().take(MAX_SHOWN) {
                let bar = if bars { bar(host.milliseconds, longest) } else { String::new() };
                self.row(width, &host.origin, &cells(host), &bar);
            }
            self.more(own.len());
            let total = &plan.total;
            let calls: usize = own.iter().map(|host| host.calls).sum();
            let cells = [
                calls.to_string(),
                total.preflights.to_string(),
                String::new(),
                total.connections.to_string(),
                duration(total.milliseconds),
            ];
            self.row(width, "Total", &cells, "");
        }
        if !others.is_empty() {
            self.section("Third parties, which the plan leaves alone");
            for host in others.iter().take(MAX_SHOWN) {
                let calls = count(host.calls, "call");
                let preflights = preflights(host.preflights - host.inferred, host.inferred);
                self.line(&format!("  {}: {calls}, {preflights}", host.origin));
            }
            self.more(others.len());
        }
    }

    fn row(&mut self, width: usize, name: &str, cells: &[String; 5], bar: &str) {
        let [calls, preflights, each, connections, saved] = cells;
        let line = format!(
            "  {name:<width$}  {calls:>6}  {preflights:>10}  {each:>8}  {connections:>11}  {saved:>8}  {bar}"
        );
        self.line(line.trim_end());
    }

    fn held(&mut self, plan: &Plan) {
        if plan.held.is_empty() {
            return;
        }
        self.section("The longest preflights");
        for held in &plan.held {
            let reason = &held.reason;
            let mut why: Vec<&str> = reason.method.iter().map(String::as_str).collect();
            why.extend(reason.content_type.then_some("content-type"));
            why.extend(reason.headers.iter().map(String::as_str));
            let estimate = if held.is_estimate { ", estimated" } else { "" };
            let why = if why.is_empty() {
                String::new()
            } else {
                format!("  because of {}", why.join(", "))
            };
            self.line(&format!(
                "  {:>8}{estimate}  {}{why}",
                duration(held.milliseconds),
                held.call
            ));
        }
    }

    fn doors(&mut self, doors: &[Door]) {
        for door in doors {
            self.section(&format!("FrontDoor {}/{} for {}", door.namespace, door.name, door.page));
            for route in &door.routes {
                let shown: Vec<_> =
                    route.paths.iter().take(MAX_SHOWN).map(String::as_str).collect();
                let more = route.paths.len() - shown.len();
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                let rewrite = if route.prefix.is_some() { ", without the prefix" } else { "" };
                let to = format!("{}{more}  to {}{rewrite}", shown.join(" "), route.origin);
                self.prose(&format!("  Route {}  ", route.name), &to);
            }
        }
    }

    fn conflicts(&mut self, plan: &Plan) {
        if plan.conflicts.is_empty() {
            return;
        }
        self.section("Conflicts");
        for conflict in plan.conflicts.iter().take(MAX_SHOWN) {
            let hosts = conflict.hosts.join(" and ");
            self.prose(
                "  ",
                &format!("{} is used by {hosts}: {}", conflict.path, conflict.solution),
            );
        }
        self.more(plan.conflicts.len());
    }

    fn changed(&mut self, plan: &Plan) {
        let routes: Vec<_> = plan.doors.iter().flat_map(|door| &door.routes).collect();
        let changed: Vec<_> = routes.iter().flat_map(|route| &route.changed).collect();
        if !changed.is_empty() {
            self.section("Calls to change in the page");
            for (method, from, to) in changed.iter().take(MAX_SHOWN) {
                self.line(&format!("  {method} {from} → {to}"));
            }
            self.more(changed.len());
        }
    }

    fn review(&mut self, plan: &Plan) {
        if plan.review.is_empty() {
            return;
        }
        self.section("To look at");
        for review in plan.review.iter().take(2 * MAX_SHOWN) {
            let kind = self.paint.odd(review.kind);
            let host = self.paint.bold(&review.host);
            self.out.push_str(&format!("  {kind}  {host}\n"));
            self.prose("    ", &review.why);
        }
        self.more((plan.review.len() + MAX_SHOWN).saturating_sub(2 * MAX_SHOWN));
    }

    fn skipped(&mut self, plan: &Plan) {
        if plan.skipped.is_empty() {
            return;
        }
        self.section("Left out");
        for skipped in plan.skipped.iter().take(MAX_SHOWN) {
            self.prose("  ", &format!("entry {}: {}", skipped.entry, skipped.why));
        }
        self.more(plan.skipped.len());
    }

    fn next(&mut self, plan: &Plan, written: Option<(&Path, &[File])>) {
        if plan.doors.is_empty() {
            return;
        }
        self.section("Next");
        self.line(
            "  In the page, make calls to the hosts that move relative: https://HOST/… becomes /…",
        );
        match written {
            Some((folder, files)) => {
                let folder = folder.display();
                self.line(&format!("  {} written to {folder}", count(files.len(), "file")));
                self.line(&format!("  portico check {folder}"));
            }
            None => self.line("  --out DIR writes the manifests, -o yaml prints them"),
        }
    }
}

fn cells(host: &HostReport) -> [String; 5] {
    let inferred = if host.inferred > 0 { "~" } else { "" };
    [
        host.calls.to_string(),
        format!("{inferred}{}", host.preflights),
        host.median.map(duration).unwrap_or_default(),
        host.connections.to_string(),
        duration(host.milliseconds),
    ]
}

fn bar(milliseconds: f64, longest: f64) -> String {
    let length = if longest > 0.0 { (milliseconds / longest * BAR).round() } else { 0.0 };
    // At most as many as BAR says.
    "█".repeat(length as usize)
}

fn why(page: &PageReport) -> String {
    let mut parts = Vec::new();
    let methods: Vec<_> = page.methods.keys().map(String::as_str).collect();
    let headers: Vec<_> = page.headers.keys().map(String::as_str).collect();
    for (count, what) in [
        (page.why.content_type, "the content type".to_owned()),
        (page.why.header, format!("headers ({})", headers.join(", "))),
        (page.why.method, format!("the method ({})", methods.join(", "))),
    ] {
        if count > 0 {
            parts.push(format!("{what}: {count}"));
        }
    }
    parts.join("; ")
}

fn preflights(seen: usize, inferred: usize) -> String {
    match (seen, inferred) {
        (seen, 0) => count(seen, "preflight"),
        (0, inferred) => format!("{} (not recorded, inferred)", count(inferred, "preflight")),
        (seen, inferred) => {
            format!("{} ({inferred} inferred)", count(seen + inferred, "preflight"))
        }
    }
}

fn duration(milliseconds: f64) -> String {
    match milliseconds {
        long if long >= 10_000.0 => format!("{:.1} s", long / 1000.0),
        short if short > 0.0 && short < 10.0 => format!("{short:.1} ms"),
        other => format!("{other:.0} ms"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::plan::{Recordings, Services};

    #[test]
    fn bars_are_as_long_as_what_they_stand_for() {
        let call = |url: &str, start: u32| {
            format!(
                r#"{{"startedDateTime": "2024-05-01T10:00:00.{start:03}Z", "time": 40, "_resourceType": "fetch",
                "request": {{"method": "PUT", "url": "{url}", "headers": [{{"name": "origin", "value": "https://www.ep.com"}}]}},
                "timings": {{"wait": {}}}}}"#,
                if url.contains("far") { 40 } else { 10 }
            )
        };
        let calls = [call("https://far.ep.com/a", 0), call("https://near.ep.com/b", 100)];
        let mut recordings = Recordings::default();
        let text = format!(r#"{{"log": {{"entries": [{}]}}}}"#, calls.join(","));
        recordings.read("", text.as_bytes()).unwrap();
        let plan = Plan::of(recordings, &Services::new());
        let paint = Paint::of_stdout();
        let shown = of(&plan, None, paint, true);
        let bar = |host: &str| {
            let line = shown.lines().find(|line| line.starts_with(&format!("  {host}"))).unwrap();
            line.matches('█').count()
        };
        assert_eq!((bar("https://far.ep.com"), bar("https://near.ep.com")), (24, 6));
        assert!(!of(&plan, None, paint, false).contains('█'));
    }
}
