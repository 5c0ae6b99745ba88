//! Which backend of a Route gets a request: of the available, those of the lowest priority; of
//! these, those within the latency band of the fastest; of these one by weight.

use std::time::Duration;

/// A backend as the choice sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct View {
    /// Lower numbers are preferred.
    pub(crate) priority: u32,
    /// Its weight among those that are left; 0 gets no traffic.
    pub(crate) weight: u32,
    /// Whether one of its endpoints may be taken.
    pub(crate) available: bool,
    /// Its latency; `None`: never measured, and so within the band.
    pub(crate) latency: Option<Duration>,
}

/// The index of the backend at `point`, a fraction of the weights in [0, 1) scaled to the whole
/// range of `u64`. `None` if none is available.
pub(crate) fn choose(views: &[View], band: Option<Duration>, point: u64) -> Option<usize> {
    let is_within = within(views, band)?;
    let within = || views.iter().enumerate().filter(|(_, view)| is_within(view));
    let total: u64 = within().map(|(_, view)| u64::from(view.weight)).sum();
    let mut left = ((u128::from(point) * u128::from(total)) >> 64) as u64;
    for (index, view) in within() {
        match left.checked_sub(view.weight.into()) {
            Some(rest) => left = rest,
            None => return Some(index),
        }
    }
    None
}

/// The indices of the backends that only their latency keeps from getting requests.
pub(crate) fn too_slow(views: &[View], band: Option<Duration>) -> impl Iterator<Item = usize> {
    let in_band = within(views, band);
    let lowest = lowest_priority(views);
    views.iter().enumerate().filter_map(move |(index, view)| {
        let is_eligible = is_eligible(view) && Some(view.priority) == lowest;
        let is_within = in_band.as_ref().is_none_or(|is_within| is_within(view));
        (is_eligible && !is_within).then_some(index)
    })
}

fn is_eligible(view: &View) -> bool {
    view.available && view.weight > 0
}

fn lowest_priority(views: &[View]) -> Option<u32> {
    views.iter().filter(|view| is_eligible(view)).map(|view| view.priority).min()
}

/// Tells of a backend whether it may get requests; `None` if none may.
fn within(views: &[View], band: Option<Duration>) -> Option<impl Fn(&View) -> bool + use<>> {
    let lowest = lowest_priority(views)?;
    let is_left = move |view: &View| is_eligible(view) && view.priority == lowest;
    let latencies = views.iter().filter(|view| is_left(view)).filter_map(|view| view.latency);
    let limit = band.and_then(|band| latencies.min()?.checked_add(band));
    let is_fast = move |latency| limit.is_none_or(|limit| latency <= limit);
    Some(move |view: &View| is_left(view) && view.latency.is_none_or(is_fast))
}
