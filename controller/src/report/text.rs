//! The report as text.

use super::{
    Figures, Report, Source,
    comparison::{Comparison, Pair, Rates},
    units::{change, count, minute, number, percent, some_time, time},
};
use crate::paint::{Paint, Plain, paragraph};

/// How many Routes are shown; JSON has all.
const MAX_SHOWN: usize = 50;

/// What each column of the table is.
pub(super) const HEAD: [&str; 11] = [
    "Route",
    "Requests",
    "Share",
    "Avoided",
    "Of calls",
    "Saved",
    "Per call",
    "Preflights",
    "Errors",
    "Time",
    "p50 / p99",
];

/// What each column of the comparison is.
pub(super) const COMPARED: [&str; 5] =
    ["Route", "Requests/s", "Preflights per 1,000 calls", "Time per call", "p50"];

/// What the numbers don't say by themselves.
pub(super) const NOTES: [&str; 3] = [
    "Avoided: calls for which a browser would have sent a preflight to another origin, as far as \
     their heads show. Browsers cache preflights, so some of them might not have been sent.",
    "Saved: for each of them, the shortest recent round trip on the client's connection. A new \
     connection, or a backend further away, would have cost more.",
    "Time: how long a call takes on average at the front door, with the preflights that still come \
     before it; the way to the browser is not in it. p50 and p99 are of all requests.",
];

/// Renders a report.
pub(crate) fn text(report: &Report, baseline: Option<&Report>, paint: Paint) -> String {
    let mut text = Text { out: String::new(), paint };
    text.headline(report);
    if report.routes.is_empty() {
        text.line("No Route had a request in this time.");
    } else {
        text.routes(report);
    }
    if let Some(before) = baseline {
        text.comparison(before, &Comparison::of(before, report));
    }
    text.out.push('\n');
    for line in NOTES.iter().flat_map(|note| paragraph("", note)) {
        text.line(&line);
    }
    text.out
}

/// The headline: what was saved.
pub(super) fn headline(total: &Figures) -> String {
    let avoided = if total.avoided == 1 { "preflight" } else { "preflights" };
    format!("{} {avoided} avoided, {} saved", count(total.avoided), time(total.saved_seconds))
}

/// From when until when, and where the numbers are from.
pub(super) fn period(report: &Report) -> String {
    let source = match report.source {
        Source::Process => "counted by one process",
        Source::Prometheus => "of all replicas, from Prometheus",
    };
    let (from, to) = (minute(report.from), minute(report.to));
    format!("{from} to {to} ({}), {source}", time(report.seconds()))
}

/// The cells of a Route, but for its name.
pub(super) fn cells(figures: &Figures, total: &Figures) -> [String; 10] {
    let quantiles = [figures.p50_seconds, figures.p99_seconds].map(some_time);
    [
        count(figures.requests),
        percent(figures.share(total)),
        count(figures.avoided),
        percent(figures.avoided_share()),
        time(figures.saved_seconds),
        some_time(figures.saved_per_call()),
        count(figures.preflights.all()),
        percent(figures.error_share()),
        some_time(figures.seconds_per_call()),
        if quantiles[0] == quantiles[1] { quantiles[0].clone() } else { quantiles.join(" / ") },
    ]
}

/// The cells of a Route in the comparison, but for its name.
pub(super) fn compared(pair: &Pair<'_>) -> [String; 4] {
    let of = |rate: fn(&Rates) -> Option<f64>, shown: fn(Option<f64>) -> String| {
        let [before, after] =
            [&pair.before, &pair.after].map(|rates| rates.as_ref().and_then(rate));
        change(before, after, shown)
    };
    [
        of(|rates| Some(rates.requests_per_second), number),
        of(|rates| rates.preflights_per_thousand_calls, number),
        of(|rates| rates.seconds_per_call, some_time),
        of(|rates| rates.p50_seconds, some_time),
    ]
}

/// What is to be said of a Route that one of the reports does not have.
pub(super) fn only(pair: &Pair<'_>) -> Option<&'static str> {
    match (&pair.before, &pair.after) {
        (Some(_), Some(_)) | (None, None) => None,
        (Some(_), None) => Some("only before"),
        (None, Some(_)) => Some("only after"),
    }
}

struct Text {
    out: String,
    paint: Paint,
}

impl Text {
    fn line(&mut self, line: &str) {
        self.out.push_str(&format!("{}\n", Plain(line)));
    }

    fn headline(&mut self, report: &Report) {
        let headline = self.paint.bold(&headline(&report.total()));
        self.out.push_str(&format!("{headline}\n"));
        self.line(&period(report));
        if report.unknown_routes > 0 {
            self.line(&format!("{} more Routes are not in the history", report.unknown_routes));
        }
        self.out.push('\n');
    }

    fn routes(&mut self, report: &Report) {
        let total = report.total();
        let row =
            |name: &str, figures| [vec![name.to_owned()], cells(figures, &total).to_vec()].concat();
        let mut rows = vec![HEAD.map(str::to_owned).to_vec()];
        let shown = report.routes.iter().take(MAX_SHOWN);
        rows.extend(shown.map(|figures| row(&figures.route, figures)));
        rows.push(row("Total", &total));
        self.table(&rows);
        self.more(report.routes.len());
    }

    fn comparison(&mut self, before: &Report, comparison: &Comparison<'_>) {
        let title = self.paint.bold("Before and after");
        self.out.push_str(&format!("\n{title}\n"));
        self.line(&format!("Before: {}", period(before)));
        self.out.push('\n');
        let row = |name: String, pair| [vec![name], compared(pair).to_vec()].concat();
        let name = |pair: &Pair<'_>| {
            let only = only(pair).map(|only| format!(" ({only})"));
            format!("{}{}", pair.route, only.unwrap_or_default())
        };
        let mut rows = vec![COMPARED.map(str::to_owned).to_vec()];
        let shown = comparison.routes.iter().take(MAX_SHOWN);
        rows.extend(shown.map(|pair| row(name(pair), pair)));
        rows.push(row("Total".to_owned(), &comparison.total));
        self.table(&rows);
        self.more(comparison.routes.len());
    }

    fn more(&mut self, all: usize) {
        if all > MAX_SHOWN {
            self.line(&format!("  and {} more: -o json has all", all - MAX_SHOWN));
        }
    }

    /// Rows of equally many cells, the first of them to the left.
    fn table(&mut self, rows: &[Vec<String>]) {
        let mut widths = Vec::new();
        for row in rows {
            widths.resize(row.len().max(widths.len()), 0);
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        for row in rows {
            let mut line = String::new();
            for (place, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let padding = " ".repeat(width - cell.chars().count());
                line.push_str("  ");
                let parts = if place == 0 { [cell, &padding] } else { [&padding, cell] };
                parts.iter().for_each(|part| line.push_str(part));
            }
            self.line(line.trim_end());
        }
    }
}
