//! A chart: CPU per request of each proxy as a share of nginx's.

use crate::{peer::Peer, speed::Comparison};
use std::fmt::{self, Write as _};

const LEFT: usize = 250;
const WIDTH: usize = 860;
const BAR: usize = 13;
/// Pixels of what nginx needs.
const UNIT: f64 = 130.0;
/// Longer bars are cut off; their number says how long they are.
const MOST: f64 = 4.2;

/// Draws the scenarios without access log.
pub(crate) fn draw(comparisons: &[Comparison]) -> Result<String, fmt::Error> {
    let mut bars = String::new();
    let mut y = 46;
    for comparison in comparisons.iter().filter(|comparison| !comparison.is_logged) {
        let nginx = comparison.sides.iter().find(|side| side.peer == Peer::Nginx);
        let Some(nginx) = nginx else { continue };
        writeln!(
            bars,
            r#"<text x="{}" y="{}" text-anchor="end">{}</text>"#,
            LEFT - 10,
            y + 24,
            comparison.title()
        )?;
        for side in &comparison.sides {
            let share = side.cpu_micros / nginx.cpu_micros;
            let width = share.min(MOST) * UNIT;
            let colour = colour(side.peer);
            writeln!(
                bars,
                r#"<rect x="{LEFT}" y="{y}" width="{width:.0}" height="{}" fill="{colour}"/><text class="small" x="{:.0}" y="{}">{share:.2}</text>"#,
                BAR - 2,
                LEFT as f64 + width + 4.0,
                y + BAR - 3,
            )?;
            y += BAR;
        }
        y += 10;
    }
    let mut legend = String::new();
    let peers = comparisons.first().map(|it| it.sides.as_slice()).unwrap_or_default();
    for (index, side) in peers.iter().enumerate() {
        let x = LEFT + index * 110;
        writeln!(
            legend,
            r#"<rect x="{x}" y="18" width="11" height="11" fill="{}"/><text x="{}" y="28">{}</text>"#,
            colour(side.peer),
            x + 16,
            side.peer.name(),
        )?;
    }
    let line = LEFT as f64 + UNIT;
    Ok(format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" font-family="sans-serif" font-size="13">
<title>CPU per request as a share of nginx's; less is better</title>
<style>.small {{ font-size: 10px }} text {{ fill: #333 }} @media (prefers-color-scheme: dark) {{ text {{ fill: #ddd }} }}</style>
{legend}<line x1="{line}" y1="40" x2="{line}" y2="{}" stroke="#999" stroke-dasharray="3 3"/>
{bars}</svg>
"##,
        y - 8,
    ))
}

fn colour(peer: Peer) -> &'static str {
    match peer {
        Peer::Portico => "#0b6e4f",
        Peer::Base => "#8fc1a9",
        Peer::Nginx => "#7a8b99",
        Peer::Haproxy => "#4a7fb5",
        Peer::Envoy => "#b5651d",
    }
}
