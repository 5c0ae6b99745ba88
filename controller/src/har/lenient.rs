//! Fields of a recording, as recorders really write them: a number in quotes, `null` for what is not
//! known, a string where the specification has an object. Nothing here fails but on what is not
//! JSON, so that no error can quote a recording.

use serde::{
    Deserialize, Deserializer,
    de::{
        Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};
use std::{borrow::Cow, fmt, marker::PhantomData};

/// Skips what is left of an array.
fn drain_array<'de, A: SeqAccess<'de>>(mut array: A) -> Result<(), A::Error> {
    while array.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

/// Skips what is left of an object.
fn drain_object<'de, A: MapAccess<'de>>(mut object: A) -> Result<(), A::Error> {
    while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

/// A string, or a number as one; empty where there is neither.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text<'t>(Cow<'t, str>);

impl Text<'_> {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de: 't, 't> Deserialize<'de> for Text<'t> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Cow<'de, str>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(text))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(text.to_owned()))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Cow::Owned(number.to_string()))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Cow::Owned(number.to_string()))
            }

            fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Cow::default())
            }

            fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Cow::default())
            }

            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Cow::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, array: A) -> Result<Self::Value, A::Error> {
                drain_array(array).map(|()| Cow::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Self::Value, A::Error> {
                drain_object(object).map(|()| Cow::default())
            }
        }
        deserializer.deserialize_any(Reader).map(Self)
    }
}

/// A finite number, or one in quotes; `None` where there is neither.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Number(pub Option<f64>);

impl Number {
    /// The number, unless it is negative, which recorders write for what does not apply.
    pub fn positive(self) -> Option<f64> {
        self.0.filter(|number| *number >= 0.0)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Option<f64>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
                Ok(Some(number).filter(|number| number.is_finite()))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Some(number as f64))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Some(number as f64))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(text.trim().parse().ok().filter(|number: &f64| number.is_finite()))
            }

            fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
                Ok(None)
            }

            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(None)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, array: A) -> Result<Self::Value, A::Error> {
                drain_array(array).map(|()| None)
            }

            fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Self::Value, A::Error> {
                drain_object(object).map(|()| None)
            }
        }
        deserializer.deserialize_any(Reader).map(Self)
    }
}

/// An object or an array that `T` reads; its default where there is something else.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Part<T>(pub T);

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for Part<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for Reader<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object or an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, array: A) -> Result<T, A::Error> {
                T::deserialize(SeqAccessDeserializer::new(array))
            }

            fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(object))
            }

            fn visit_str<E: Error>(self, _: &str) -> Result<T, E> {
                Ok(T::default())
            }

            fn visit_f64<E: Error>(self, _: f64) -> Result<T, E> {
                Ok(T::default())
            }

            fn visit_u64<E: Error>(self, _: u64) -> Result<T, E> {
                Ok(T::default())
            }

            fn visit_i64<E: Error>(self, _: i64) -> Result<T, E> {
                Ok(T::default())
            }

            fn visit_bool<E: Error>(self, _: bool) -> Result<T, E> {
                Ok(T::default())
            }

            fn visit_unit<E: Error>(self) -> Result<T, E> {
                Ok(T::default())
            }
        }
        deserializer.deserialize_any(Reader(PhantomData)).map(Self)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ODD: [&str; 7] = ["null", "true", "1.5", "-3", "\"x\"", "[1,[2]]", "{\"a\":{\"b\":1}}"];

    #[test]
    fn a_text_is_a_string_or_a_whole_number() {
        let read = |json: &str| serde_json::from_str::<Text<'_>>(json).unwrap().as_str().to_owned();
        assert_eq!(ODD.map(read), ["", "", "", "-3", "x", "", ""]);
        assert_eq!(read(r#""a\u00e9""#), "aé");
    }

    #[test]
    fn a_number_may_be_in_quotes() {
        let read = |json: &str| serde_json::from_str::<Number>(json).unwrap().0;
        assert_eq!(ODD.map(read), [None, None, Some(1.5), Some(-3.0), None, None, None]);
        assert_eq!(
            (read("\" 12.5 \""), read("\"NaN\""), read("\"inf\"")),
            (Some(12.5), None, None)
        );
        assert_eq!(Number(Some(-1.0)).positive(), None);
    }

    #[test]
    fn a_part_that_is_something_else_is_empty() {
        let read =
            |json: &str| serde_json::from_str::<Part<Vec<IgnoredAny>>>(json).unwrap().0.len();
        assert_eq!(ODD[..6].iter().map(|json| read(json)).collect::<Vec<_>>(), [0, 0, 0, 0, 0, 2]);
    }
}
