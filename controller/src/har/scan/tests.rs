use super::*;
use proptest::prelude::*;
use serde_json::Value;

/// Gives a few bytes at a time, so that every place is a border.
struct Slow<'t>(&'t [u8], usize);

impl Read for Slow<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.1.min(self.0.len()).min(into.len());
        let (now, later) = self.0.split_at(count);
        into[..count].copy_from_slice(now);
        self.0 = later;
        Ok(count)
    }
}

fn kept(text: &[u8], step: usize) -> Result<(Vec<u8>, u64), ScanError> {
    let mut scanner = Scanner::new(Slow(text, step));
    let mut kept = Kept::default();
    kept.restart();
    scanner.value(&mut kept)?;
    Ok((kept.value().unwrap_or(b"too long").to_vec(), scanner.offset()))
}

/// Any JSON.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-c\"\\\\{}\\[\\]é\u{1f600}\n]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        let object = proptest::collection::btree_map("[a-c\"{\\]]{0,3}", inner.clone(), 0..4);
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(Value::from),
            object.prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_short_value_is_kept(value in json(), is_pretty: bool, step in 1..9_usize) {
        let print = if is_pretty { serde_json::to_string_pretty } else { serde_json::to_string };
        let text = print(&value).unwrap();
        let after = format!("{text}, 7");
        let (kept, offset) = kept(after.as_bytes(), step).unwrap();
        prop_assert_eq!(serde_json::from_slice::<Value>(&kept).unwrap(), value);
        prop_assert_eq!(offset, text.len() as u64);
    }

    #[test]
    fn nothing_panics(text: Vec<u8>, step in 1..9_usize) {
        let _ = kept(&text, step);
    }
}

#[test]
fn a_long_string_is_cut_and_stays_one() {
    for unit in ["x", "\\\"", "\\u00e9", "é", "\\\\", "a\\n"] {
        let text = format!("[\"{}\",1]", unit.repeat(MAX_STRING));
        let (value, offset) = kept(text.as_bytes(), 1000).unwrap();
        assert!(value.len() <= MAX_STRING + 10, "{unit}: {}", value.len());
        assert_eq!(offset, text.len() as u64);
        let value: Value =
            serde_json::from_slice(&String::from_utf8_lossy(&value).into_owned().into_bytes())
                .unwrap();
        assert_eq!(value[1], 1, "{unit}");
    }
}

#[test]
fn a_value_has_its_limit() {
    let text = format!("[{}1]", "1,".repeat(MAX_VALUE));
    assert_eq!(kept(text.as_bytes(), CHUNK).unwrap().0, b"too long");
}

#[test]
fn half_a_pair_is_replaced() {
    let (value, _) = kept(br#""\ud83d \uDC00 \ud7ff \ue000""#, 3).unwrap();
    assert_eq!(value, br#""\ufffd \ufffd \ud7ff \ue000""#);
}

#[test]
fn depth_costs_nothing() {
    let deep = [vec![b'['; 1_000_000], vec![b']'; 1_000_000]].concat();
    assert_eq!(kept(&deep, CHUNK).unwrap().0.len(), 2_000_000);
    assert!(matches!(kept(&deep[..1_500_000], CHUNK), Err(ScanError::CutOff)));
}
