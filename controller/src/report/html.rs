//! The report as one web page, without scripts and without anything to load.

use super::{
    Report,
    comparison::Comparison,
    text::{COMPARED, HEAD, NOTES, cells, compared, headline, only, period},
    units::{count, percent, some_time, time},
};
use crate::html::{BRAND, Text};
use data_encoding::BASE64;
use sha2::{Digest, Sha256};
use std::fmt::{self, Write};

/// The look of the operator's page, and what the report adds to it.
const STYLE: &str =
    concat!("\n", include_str!("../process/admin/assets/page.css"), include_str!("report.css"));

/// How many Routes are shown; JSON has all.
const MAX_SHOWN: usize = 500;

/// The page's style sheet in a `Content-Security-Policy` (CSP Level 3, "hash-source").
pub(crate) fn style_source() -> String {
    format!("'sha256-{}'", BASE64.encode(&Sha256::digest(STYLE)))
}

/// Renders a report.
pub(crate) fn html(report: &Report, baseline: Option<&Report>) -> String {
    let mut page = String::new();
    // Writing to a String can't fail.
    let _ = write(&mut page, report, baseline);
    page
}

fn write(page: &mut String, report: &Report, baseline: Option<&Report>) -> fmt::Result {
    let headline = headline(&report.total());
    write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src {}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{headline} – Portico report</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <header>\n{BRAND}\n<h1>{headline}</h1>\n<p class=\"quiet\">{}</p>\n</header>\n<main>\n",
        style_source(),
        period(report)
    )?;
    tiles(page, report)?;
    routes(page, report)?;
    if let Some(before) = baseline {
        comparison(page, before, &Comparison::of(before, report))?;
    }
    page.write_str("<section aria-label=\"Notes\">\n")?;
    for note in NOTES {
        writeln!(page, "<p>{}</p>", Text(note))?;
    }
    page.write_str("</section>\n</main>\n</body>\n</html>\n")
}

fn tiles(page: &mut String, report: &Report) -> fmt::Result {
    let total = report.total();
    let calls = format!("{} of {} calls", percent(total.avoided_share()), count(total.calls()));
    let each = format!("{} for each call", some_time(total.saved_per_call()));
    let errors = format!("{} of them failed", percent(total.error_share()));
    let came = total.preflights;
    let sent = format!(
        "{} answered, {} forwarded, {} denied",
        count(came.answered),
        count(came.forwarded),
        count(came.denied)
    );
    page.write_str("<section aria-label=\"Result\">\n<dl class=\"tiles\">\n")?;
    for (name, value, note) in [
        ("Preflights avoided", count(total.avoided), calls),
        ("Time saved", time(total.saved_seconds), each),
        ("Preflights that came", count(came.all()), sent),
        ("Requests", count(total.requests), errors),
    ] {
        writeln!(
            page,
            "<div><dt>{name}</dt><dd><span>{value}</span><small>{note}</small></dd></div>"
        )?;
    }
    page.write_str("</dl>\n</section>\n")
}

fn routes(page: &mut String, report: &Report) -> fmt::Result {
    let total = report.total();
    page.write_str("<section aria-labelledby=\"routes\">\n<h2 id=\"routes\">Routes</h2>\n")?;
    if report.routes.is_empty() {
        return page.write_str("<p>No Route had a request in this time.</p>\n</section>\n");
    }
    head(page, "Routes", &HEAD)?;
    for figures in report.routes.iter().take(MAX_SHOWN) {
        row(page, "", &HEAD, &figures.route, &cells(figures, &total))?;
    }
    row(page, " class=\"total\"", &HEAD, "Total", &cells(&total, &total))?;
    foot(page, report.routes.len())?;
    if report.unknown_routes > 0 {
        writeln!(page, "<p>{} more Routes are not in the history.</p>", report.unknown_routes)?;
    }
    page.write_str("</section>\n")
}

fn comparison(page: &mut String, before: &Report, comparison: &Comparison<'_>) -> fmt::Result {
    writeln!(
        page,
        "<section aria-labelledby=\"comparison\">\n<h2 id=\"comparison\">Before and after</h2>\n\
         <p>Before: {}</p>",
        period(before)
    )?;
    head(page, "Before and after", &COMPARED)?;
    for pair in comparison.routes.iter().take(MAX_SHOWN) {
        let only = only(pair).map(|only| format!(" ({only})")).unwrap_or_default();
        row(page, "", &COMPARED, &format!("{}{only}", pair.route), &compared(pair))?;
    }
    row(page, " class=\"total\"", &COMPARED, "Total", &compared(&comparison.total))?;
    foot(page, comparison.routes.len())?;
    page.write_str("</section>\n")
}

fn head(page: &mut String, label: &str, names: &[&str]) -> fmt::Result {
    write!(
        page,
        "<div class=\"scroll\" role=\"region\" aria-label=\"{label}\" tabindex=\"0\">\n<table>\n<thead><tr>"
    )?;
    names.iter().try_for_each(|name| write!(page, "<th scope=\"col\">{name}</th>"))?;
    page.write_str("</tr></thead>\n<tbody>\n")
}

/// A row, whose cells say what they are where there is no room for a table.
fn row(page: &mut String, class: &str, head: &[&str], name: &str, cells: &[String]) -> fmt::Result {
    write!(page, "<tr{class}><th scope=\"row\">{}</th>", Text(name))?;
    for (label, cell) in head.iter().skip(1).zip(cells) {
        write!(page, "<td data-label=\"{label}\">{}</td>", Text(cell))?;
    }
    page.write_str("</tr>\n")
}

fn foot(page: &mut String, all: usize) -> fmt::Result {
    page.write_str("</tbody>\n</table>\n</div>\n")?;
    if all > MAX_SHOWN {
        writeln!(page, "<p>And {} more, which the JSON has.</p>", count((all - MAX_SHOWN) as u64))?;
    }
    Ok(())
}
