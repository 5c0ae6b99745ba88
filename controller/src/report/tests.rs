use super::*;
use crate::paint::Paint;
use proptest::prelude::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A Route with so many requests, preflights among them, each of which took 10 ms; and with so many
/// preflights avoided, of 20 ms each.
fn route(name: &str, requests: u64, preflights: u64, avoided: u64) -> Figures {
    Figures {
        route: name.to_owned(),
        requests,
        preflights: Preflights { answered: preflights, ..Preflights::default() },
        avoided,
        saved_seconds: avoided as f64 * 0.02,
        response_seconds: requests as f64 * 0.01,
        ..Figures::default()
    }
}

fn report(day: u8, routes: impl IntoIterator<Item = Figures>) -> Report {
    let (from, to) = (format!("2026-11-{day}T06:00:00Z"), format!("2026-11-{day}T07:00:00Z"));
    Report::new(at(&from), at(&to), Source::Process, routes.into_iter())
}

fn value(report: &Report, baseline: Option<&Report>) -> serde_json::Value {
    serde_json::from_str(&json(report, baseline).unwrap()).unwrap()
}

#[test]
fn routes_are_sorted_by_what_they_saved() {
    let routes = [
        route("web/quiet", 0, 0, 0),
        route("web/busy", 900, 0, 0),
        route("web/less", 10, 0, 3),
        route("web/most", 10, 0, 4),
    ];
    let names: Vec<_> = report(10, routes).routes.into_iter().map(|route| route.route).collect();
    assert_eq!(names, ["web/most", "web/less", "web/busy"], "one had no request");
}

#[test]
fn the_json_has_what_follows_from_the_numbers() {
    let shown = value(&report(10, [route("web/a", 60, 20, 10), route("web/b", 40, 0, 0)]), None);
    let a = &shown["routes"][0];
    assert_eq!(
        (&a["route"], &a["requests"], &a["calls"]),
        (&"web/a".into(), &60.into(), &40.into())
    );
    assert_eq!((&a["share"], &a["avoidedShare"]), (&0.6.into(), &0.25.into()));
    assert_eq!((&a["savedSeconds"], &a["savedSecondsPerCall"]), (&0.2.into(), &0.005.into()));
    assert_eq!(a["secondsPerCall"], 0.015, "20 preflights came before 40 calls");
    assert_eq!(a["preflights"], serde_json::json!({"answered": 20, "forwarded": 0, "denied": 0}));
    assert_eq!((&shown["total"]["requests"], &shown["total"]["calls"]), (&100.into(), &80.into()));
    assert_eq!(shown["from"], "2026-11-10T06:00:00Z");
    assert_eq!(shown.get("comparison"), None);
}

#[test]
fn what_is_printed_can_be_read_again() {
    let mut before = report(10, [route("web/a", 60, 20, 10), route("web/b", 40, 0, 0)]);
    before.routes[0].p50_seconds = Some(0.0123);
    before.unknown_routes = 3;
    for text in [json(&before, None), json(&before, Some(&report(12, [])))] {
        assert_eq!(serde_json::from_str::<Report>(&text.unwrap()).unwrap(), before);
    }
}

#[test]
fn before_and_after_are_compared_by_route() {
    let before = report(10, [route("web/a", 7_200, 3_600, 0), route("web/gone", 36, 0, 0)]);
    let after = report(20, [route("web/a", 3_600, 0, 3_600), route("web/new", 36, 0, 0)]);
    let shown = value(&after, Some(&before));
    let compared = &shown["comparison"];
    assert_eq!(compared["from"], "2026-11-10T06:00:00Z");
    let [a, new, gone] = [0, 1, 2].map(|place| &compared["routes"][place]);
    assert_eq!(a["before"]["preflightsPerThousandCalls"], 1000.0);
    assert_eq!(a["after"]["preflightsPerThousandCalls"], 0.0);
    assert_eq!(a["difference"]["preflightsPerThousandCalls"], -1000.0);
    assert_eq!(a["difference"]["requestsPerSecond"], -1.0);
    assert_eq!(a["difference"]["secondsPerCall"], -0.01);
    assert_eq!((&new["route"], new.get("before")), (&"web/new".into(), None));
    assert_eq!((&gone["route"], gone.get("after")), (&"web/gone".into(), None));
    assert_eq!(compared["total"]["before"]["requestsPerSecond"], 2.01);

    let shown = text(&after, Some(&before), Paint::none());
    let line = |name: &str| shown.lines().rfind(|line| line.starts_with(&format!("  {name}")));
    let a = line("web/a").unwrap();
    assert!(a.contains("1,000 → 0 (-100%)") && a.contains("20 ms → 10 ms (-50%)"), "{shown}");
    assert!(line("web/gone (only before)").is_some(), "{shown}");
    assert!(line("web/new (only after)").is_some(), "{shown}");
}

#[test]
fn a_text_has_a_line_for_each_route_and_one_for_all() {
    let long = "web/a-route-with-a-rather-long-name";
    let shown = text(&report(10, [route(long, 1_234, 4, 1_000)]), None, Paint::none());
    assert!(shown.starts_with("1,000 preflights avoided, 20.0 s saved\n"), "{shown}");
    assert!(shown.contains("2026-11-10 06:00 UTC to 2026-11-10 07:00 UTC (60.0 min)"), "{shown}");
    let cells: Vec<_> =
        shown.lines().find(|line| line.contains(long)).unwrap().split("  ").collect();
    let cells: Vec<_> = cells.into_iter().map(str::trim).filter(|cell| !cell.is_empty()).collect();
    let wanted =
        [long, "1,234", "100%", "1,000", "81%", "20.0 s", "16 ms", "4", "0%", "10 ms", "–"];
    assert_eq!(cells, wanted);
    let many = (0..60).map(|number| route(&format!("web/route-{number}"), 1, 0, 0));
    assert!(text(&report(10, many), None, Paint::none()).contains("and 10 more"));
    assert!(text(&report(10, []), None, Paint::none()).contains("No Route had a request"));
}

#[test]
fn the_page_loads_nothing_and_escapes_what_it_shows() {
    let mut before = report(10, [route("web/a", 10, 5, 0)]);
    before.routes.push(route("<script>", 1, 0, 0));
    let page = html(&report(20, [route("web/a", 10, 0, 5)]), Some(&before));
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script"), "{page}");
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains(" style="));
    let style = page.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
    let hash = data_encoding::BASE64.encode(&<sha2::Sha256 as sha2::Digest>::digest(style));
    assert_eq!(style_source(), format!("'sha256-{hash}'"));
    assert!(page.contains(&style_source()), "in its own policy, too");
}

#[test]
fn a_report_that_can_t_be_is_told() {
    let good = report(10, [route("web/a", 1, 0, 0), route("web/b", 1, 0, 0)]);
    assert_eq!(good.mistake(), None);
    let twice =
        Report { routes: [good.routes.clone(), good.routes.clone()].concat(), ..good.clone() };
    assert_eq!(twice.mistake().unwrap().0, "routes[2].route");
    let backwards = Report { to: good.from, ..good };
    assert_eq!(backwards.mistake().unwrap().0, "to");
}

proptest! {
    #[test]
    fn shares_add_up_and_are_shares(
        counts in prop::collection::vec((1_u64..1 << 40, any::<[u64; 3]>(), any::<u64>()), 1..8),
    ) {
        let routes = counts.iter().enumerate().map(|(number, (requests, came, avoided))| Figures {
            preflights: Preflights { answered: came[0], forwarded: came[1], denied: came[2] },
            errors: requests / 2,
            avoided: *avoided,
            ..route(&number.to_string(), *requests, 0, 0)
        });
        let report = report(10, routes);
        let total = report.total();
        let shares = report.routes.iter().map(|route| route.share(&total).unwrap());
        prop_assert!((shares.sum::<f64>() - 1.0).abs() < 1e-9);
        for figures in report.routes.iter().chain([&total]) {
            for share in [figures.avoided_share(), figures.error_share()].into_iter().flatten() {
                prop_assert!((0.0..=1.0).contains(&share));
            }
        }
        prop_assert!(!text(&report, Some(&report), Paint::none()).contains("NaN"));
        prop_assert!(!html(&report, Some(&report)).contains("inf"));
        let read: Report = serde_json::from_str(&json(&report, None).unwrap()).unwrap();
        prop_assert_eq!(read.total().requests, total.requests);
    }
}
