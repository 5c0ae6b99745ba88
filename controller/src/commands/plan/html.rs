//! The plan as one web page, without scripts and without anything to load.

use crate::{
    html::{BRAND, Text},
    manifest::File,
    plan::{Bar, HostReport, Plan, Waterfall},
};
use std::fmt::{self, Write};

/// The look of the demo's page.
const LOOK: &str = include_str!("../../demo/assets/demo.css");
const OWN: &str = include_str!("assets/plan.css");

/// Renders a plan with its manifests.
pub(super) fn of(plan: &Plan, files: &[File]) -> String {
    let mut page = String::new();
    // Writing to a String can't fail.
    let _ = write(&mut page, plan, files);
    page
}

fn write(page: &mut String, plan: &Plan, files: &[File]) -> fmt::Result {
    let total = &plan.total;
    let title = format!("{} fewer preflights", total.preflights);
    write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title} – Portico plan</title>\n<style>\n{LOOK}{OWN}</style>\n</head>\n<body>\n\
         <header>\n{BRAND}\n<h1>What one origin would save</h1>\n"
    )?;
    let visited = plan.pages.first().map_or("no page", |page| &page.origin);
    writeln!(
        page,
        "<p class=\"lead\">From recorded visits of {}. No values of headers, cookies, queries or bodies are shown.</p>\n</header>\n<main>",
        Text(visited)
    )?;
    tiles(page, plan)?;
    if let Some(waterfall) = &plan.waterfall {
        drawn(page, waterfall)?;
    }
    hosts(page, &plan.hosts)?;
    reasons(page, plan)?;
    notes(page, plan)?;
    manifests(page, files)?;
    page.write_str("</main>\n</body>\n</html>\n")
}

fn tiles(page: &mut String, plan: &Plan) -> fmt::Result {
    let total = &plan.total;
    let measured = if total.milliseconds > 0.0 {
        format!("{:.0}% measured, the rest estimated", 100.0 * total.measured / total.milliseconds)
    } else {
        "nothing waited".to_owned()
    };
    page.write_str("<section aria-label=\"Result\">\n<dl class=\"tiles\">\n")?;
    for (name, value, note) in [
        ("Preflights", total.preflights.to_string(), "that browsers would no longer send"),
        ("Time", ms(total.milliseconds), measured.as_str()),
        ("Connections", total.connections.to_string(), "to other hosts"),
        ("TLS handshakes", total.handshakes.to_string(), "with other hosts"),
    ] {
        writeln!(
            page,
            "<div><dt>{name}</dt><dd><span>{}</span><small>{}</small></dd></div>",
            Text(value),
            Text(note)
        )?;
    }
    page.write_str("</dl>\n<p>The time is what pages waited for: preflights that overlap count once, and those beside something longer not at all.</p>\n</section>\n")
}

fn drawn(page: &mut String, waterfall: &Waterfall) -> fmt::Result {
    let Waterfall { page: origin, bars, omitted, before, after } = waterfall;
    write!(
        page,
        "<section aria-labelledby=\"drawn\">\n<h2 id=\"drawn\">A visit, before and after</h2>\n\
         <p>The visit of {} that would save most: {} before, about {} after.</p>\n<ul class=\"legend\">\n\
         <li><span class=\"swatch direct\"></span>Preflight or connecting, which would go (striped)</li>\n\
         <li><span class=\"swatch front-door\"></span>The call itself (solid)</li>\n\
         <li><span class=\"swatch elsewhere\"></span>Other requests</li>\n</ul>\n<div class=\"chart\">\n",
        Text(origin),
        ms(*before),
        ms(*after)
    )?;
    for bar in bars {
        row(page, bar, *before)?;
    }
    page.write_str("</div>\n")?;
    if *omitted > 0 {
        writeln!(page, "<p>And {omitted} more.</p>")?;
    }
    page.write_str("</section>\n")
}

/// A request's two lines.
fn row(page: &mut String, bar: &Bar, whole: f64) -> fmt::Result {
    let percent =
        |time: f64| if whole > 0.0 { (100.0 * time / whole).clamp(0.0, 100.0) } else { 0.0 };
    let part = |from: f64, until: f64, class: &str| {
        format!(
            "<div class=\"bar {class}\" style=\"left:{:.2}%;width:{:.2}%\"></div>",
            percent(from),
            percent(until - from)
        )
    };
    let class = if bar.spared > 0.0 { "front-door" } else { "elsewhere" };
    let called = bar.start + bar.spared;
    let spared = if bar.spared > 0.0 { part(bar.start, called, "direct") } else { String::new() };
    write!(
        page,
        "<div class=\"call\"><div class=\"name\"><b>{}</b><code>{}</code></div><div class=\"bars\">",
        Text(&bar.call),
        Text(&bar.origin)
    )?;
    for (way, track, length) in [
        ("before", spared + &part(called, bar.end, class), bar.end - bar.start),
        ("after", part(bar.moved_start, bar.moved_end, class), bar.moved_end - bar.moved_start),
    ] {
        write!(
            page,
            "<div class=\"row\"><div class=\"way\">{way}</div><div class=\"track\">{track}</div><div class=\"value\">{}</div></div>",
            ms(length)
        )?;
    }
    page.write_str("</div></div>\n")
}

fn hosts(page: &mut String, hosts: &[HostReport]) -> fmt::Result {
    if hosts.is_empty() {
        return Ok(());
    }
    page.write_str(
        "<section aria-labelledby=\"hosts\">\n<h2 id=\"hosts\">Hosts</h2>\n<div class=\"scroll\" role=\"region\" aria-label=\"Hosts\" tabindex=\"0\">\n<table>\n\
         <thead><tr><th scope=\"col\">Host</th><th scope=\"col\">Calls</th><th scope=\"col\">Preflights</th><th scope=\"col\">Each</th><th scope=\"col\">Connections</th><th scope=\"col\">Saved</th></tr></thead>\n<tbody>\n",
    )?;
    for host in hosts {
        let third = if host.third_party { " (third party, left alone)" } else { "" };
        let inferred = if host.inferred > 0 {
            format!(" ({} inferred)", host.inferred)
        } else {
            String::new()
        };
        writeln!(
            page,
            "<tr><th scope=\"row\">{}{third}</th><td>{}</td><td>{}{inferred}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            Text(&host.origin),
            host.calls,
            host.preflights,
            host.median.map(ms).unwrap_or_default(),
            host.connections,
            ms(host.milliseconds)
        )?;
    }
    page.write_str("</tbody>\n</table>\n</div>\n</section>\n")
}

fn reasons(page: &mut String, plan: &Plan) -> fmt::Result {
    page.write_str(
        "<section aria-labelledby=\"pages\">\n<h2 id=\"pages\">Pages, and why they sent preflights</h2>\n<div class=\"scroll\" role=\"region\" aria-label=\"Pages\" tabindex=\"0\">\n<table>\n\
         <thead><tr><th scope=\"col\">Page</th><th scope=\"col\">Requests</th><th scope=\"col\">To other origins</th><th scope=\"col\">Preflights</th><th scope=\"col\">Content type</th><th scope=\"col\">Header</th><th scope=\"col\">Method</th></tr></thead>\n<tbody>\n",
    )?;
    for one in &plan.pages {
        writeln!(
            page,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            Text(&one.origin),
            one.calls,
            one.cross_origin,
            one.preflights.all(),
            one.why.content_type,
            one.why.header,
            one.why.method
        )?;
    }
    page.write_str("</tbody>\n</table>\n</div>\n</section>\n")
}

/// Conflicts, what to look at, and what was left out.
fn notes(page: &mut String, plan: &Plan) -> fmt::Result {
    let conflicts = plan.conflicts.iter().map(|conflict| {
        (conflict.path.clone(), conflict.hosts.join(", "), conflict.solution.clone())
    });
    list(page, "Paths that several hosts use", conflicts)?;
    let review = plan
        .review
        .iter()
        .map(|review| (review.kind.to_owned(), review.host.clone(), review.why.clone()));
    list(page, "To look at before", review)?;
    let skipped = plan
        .skipped
        .iter()
        .map(|skipped| (format!("entry {}", skipped.entry), String::new(), skipped.why.clone()));
    list(page, "Left out", skipped)
}

fn list(
    page: &mut String,
    title: &str,
    items: impl ExactSizeIterator<Item = (String, String, String)>,
) -> fmt::Result {
    if items.len() == 0 {
        return Ok(());
    }
    writeln!(page, "<section>\n<h2>{title}</h2>\n<table>\n<tbody>")?;
    for (what, host, why) in items {
        writeln!(
            page,
            "<tr><th scope=\"row\">{}</th><td class=\"prose\">{}</td><td class=\"prose\">{}</td></tr>",
            Text(what),
            Text(host),
            Text(why)
        )?;
    }
    page.write_str("</tbody>\n</table>\n</section>\n")
}

fn manifests(page: &mut String, files: &[File]) -> fmt::Result {
    if files.is_empty() {
        return Ok(());
    }
    page.write_str("<section>\n<h2>The front door</h2>\n<p>Portico serves these manifests, in a cluster or with <code>portico serve</code>.</p>\n")?;
    for file in files {
        writeln!(
            page,
            "<details><summary>{}</summary><pre>{}</pre></details>",
            Text(&file.name),
            Text(&file.text)
        )?;
    }
    page.write_str("</section>\n")
}

fn ms(milliseconds: f64) -> String {
    if milliseconds > 0.0 && milliseconds < 10.0 {
        format!("{milliseconds:.1} ms")
    } else {
        format!("{milliseconds:.0} ms")
    }
}
