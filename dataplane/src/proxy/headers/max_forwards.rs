//! `Max-Forwards`: how many times OPTIONS may still be forwarded (RFC 9110 §7.6.2).

use http::{HeaderMap, HeaderValue, header};

/// The remaining number of hops: of several values the smallest, a huge one being cut off;
/// `None` if there is no valid one.
pub(in crate::proxy) fn remaining_hops(headers: &HeaderMap) -> Option<u64> {
    let lines = headers.get_all(header::MAX_FORWARDS).iter();
    let values = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    values.filter_map(|value| number(value.trim_ascii())).min()
}

/// Counts this hop. A field without a valid value is removed, since the next hop could read it
/// differently.
pub(in crate::proxy) fn count_hop(headers: &mut HeaderMap) {
    if !headers.contains_key(header::MAX_FORWARDS) {
        return;
    }
    match remaining_hops(headers) {
        Some(hops) => {
            let value = HeaderValue::from(hops.saturating_sub(1));
            headers.insert(header::MAX_FORWARDS, value);
        }
        None => drop(headers.remove(header::MAX_FORWARDS)),
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let text = std::str::from_utf8(digits).ok()?;
    Some(text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hop_counts_one_down() {
        for (lines, remaining, after) in [
            (&[][..], None, None),
            (&["0"], Some(0), Some("0")),
            (&["10"], Some(10), Some("9")),
            (&[" 007 "], Some(7), Some("6")),
            (&["5", "3"], Some(3), Some("2")),
            (&["5, 0"], Some(0), Some("0")),
            (&["99999999999999999999999"], Some(u64::MAX), Some("18446744073709551614")),
            (&[""], None, None),
            (&["-1"], None, None),
            (&["+1"], None, None),
            (&["0x5"], None, None),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::MAX_FORWARDS, HeaderValue::from_static(line));
            }
            assert_eq!(remaining_hops(&headers), remaining, "{lines:?}");
            count_hop(&mut headers);
            let left: Vec<_> = headers.get_all(header::MAX_FORWARDS).iter().collect();
            assert_eq!(left, after.into_iter().collect::<Vec<_>>(), "{lines:?}");
        }
    }
}
