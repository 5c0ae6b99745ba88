//! Names that resemble each other.

/// Longer names are compared with none.
const MAX_BYTES: usize = 64;

/// The known name that was probably meant: it differs in case only, or by a few letters.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > MAX_BYTES {
        return None;
    }
    let name = name.to_ascii_lowercase();
    let distance = |candidate: &str| {
        let candidate = candidate.to_ascii_lowercase();
        let distance = strsim::damerau_levenshtein(&name, &candidate);
        let longer = name.len().max(candidate.len());
        (distance * 3 <= longer).then_some(distance)
    };
    known
        .filter_map(|candidate| Some((distance(candidate)?, candidate)))
        .min()
        .map(|(_, near)| near)
}
