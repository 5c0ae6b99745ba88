//! Classes with names: `\d`, `[:alpha:]`, `\p{Greek}`.

use super::{mistake::Mistake, reader::Reader, set::Set};
use crate::full_match::FullMatchError;
use regex_syntax::hir::{Class, ClassUnicodeRange, HirKind};

type Ranges = &'static [(char, char)];

const DIGIT: Ranges = &[('0', '9')];
const WORD: Ranges = &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];
/// Without the vertical tab, unlike `[:space:]`.
const SPACE: Ranges = &[('\t', '\n'), ('\x0C', '\r'), (' ', ' ')];

fn posix(name: &str) -> Option<Ranges> {
    Some(match name {
        "alnum" => &[('0', '9'), ('A', 'Z'), ('a', 'z')],
        "alpha" => &[('A', 'Z'), ('a', 'z')],
        "ascii" => &[('\0', '\x7F')],
        "blank" => &[('\t', '\t'), (' ', ' ')],
        "cntrl" => &[('\0', '\x1F'), ('\x7F', '\x7F')],
        "digit" => DIGIT,
        "graph" => &[('!', '~')],
        "lower" => &[('a', 'z')],
        "print" => &[(' ', '~')],
        "punct" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        "space" => &[('\t', '\r'), (' ', ' ')],
        "upper" => &[('A', 'Z')],
        "word" => WORD,
        "xdigit" => &[('0', '9'), ('A', 'F'), ('a', 'f')],
        _ => return None,
    })
}

fn ranges(ranges: Ranges) -> impl Iterator<Item = ClassUnicodeRange> {
    ranges.iter().map(|(start, end)| ClassUnicodeRange::new(*start, *end))
}

/// Adds `\d`, `\pL`, `\p{^Greek}` and the like to a set, if what follows the backslash at `start` is
/// one of them.
pub(super) fn add_escaped(
    reader: &mut Reader<'_>,
    start: usize,
    set: &mut Set<'_>,
) -> Result<bool, FullMatchError> {
    let (chars, negated) = match reader.peek() {
        Some('d') => (DIGIT, false),
        Some('D') => (DIGIT, true),
        Some('s') => (SPACE, false),
        Some('S') => (SPACE, true),
        Some('w') => (WORD, false),
        Some('W') => (WORD, true),
        Some(char @ ('p' | 'P')) => {
            reader.next();
            return add_property(reader, start, char == 'P', set).map(|()| true);
        }
        _ => return Ok(false),
    };
    reader.next();
    set.add_all(ranges(chars), negated).map(|()| true)
}

/// Adds `[:alpha:]` or `[:^alpha:]` to a set, if that is next: without a `:]` at the end it is not.
pub(super) fn add_posix(
    reader: &mut Reader<'_>,
    set: &mut Set<'_>,
) -> Result<bool, FullMatchError> {
    let (mut ahead, start) = (reader.clone(), reader.at());
    let name = if ahead.eat("[:") { ahead.eat_until(":]") } else { None };
    let Some(name) = name else { return Ok(false) };
    *reader = ahead;
    let (name, negated) = without_caret(name);
    let chars = posix(name).ok_or_else(|| reader.mistake(start, Mistake::UnknownClass))?;
    set.add_all(ranges(chars), negated).map(|()| true)
}

fn without_caret(name: &str) -> (&str, bool) {
    name.strip_prefix('^').map_or((name, false), |name| (name, true))
}

fn add_property(
    reader: &mut Reader<'_>,
    start: usize,
    negated: bool,
    set: &mut Set<'_>,
) -> Result<(), FullMatchError> {
    let after = reader.at();
    let name = match reader.next() {
        Some('{') => reader.eat_until("}").unwrap_or_default(),
        _ => reader.since(after),
    };
    let (name, has_caret) = without_caret(name);
    let chars = property(name).ok_or_else(|| reader.mistake(start, Mistake::UnknownProperty))?;
    set.add_all(chars, negated != has_caret)
}

/// The general categories that RE2 knows: those with short names.
const CATEGORIES: &str = "C Cc Cf Co Cs L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So Z Zl \
    Zp Zs";

/// The scripts that RE2 knows: those of Unicode 15.
const SCRIPTS: &str = "Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak \
    Bengali Bhaiksuki Bopomofo Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian \
    Caucasian_Albanian Chakma Cham Cherokee Chorasmian Common Coptic Cuneiform Cypriot \
    Cypro_Minoan Cyrillic Deseret Devanagari Dives_Akuru Dogra Duployan Egyptian_Hieroglyphs \
    Elbasan Elymaic Ethiopic Georgian Glagolitic Gothic Grantha Greek Gujarati Gunjala_Gondi \
    Gurmukhi Han Hangul Hanifi_Rohingya Hanunoo Hatran Hebrew Hiragana Imperial_Aramaic Inherited \
    Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada Katakana Kawi Kayah_Li \
    Kharoshthi Khitan_Small_Script Khmer Khojki Khudawadi Lao Latin Lepcha Limbu Linear_A Linear_B \
    Lisu Lycian Lydian Mahajani Makasar Malayalam Mandaic Manichaean Marchen Masaram_Gondi \
    Medefaidrin Meetei_Mayek Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi \
    Mongolian Mro Multani Myanmar Nabataean Nag_Mundari Nandinagari New_Tai_Lue Newa Nko Nushu \
    Nyiakeng_Puachue_Hmong Ogham Ol_Chiki Old_Hungarian Old_Italic Old_North_Arabian Old_Permic \
    Old_Persian Old_Sogdian Old_South_Arabian Old_Turkic Old_Uyghur Oriya Osage Osmanya \
    Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang Runic Samaritan \
    Saurashtra Sharada Shavian Siddham SignWriting Sinhala Sogdian Sora_Sompeng Soyombo Sundanese \
    Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Takri Tamil Tangsa Tangut Telugu \
    Thaana Thai Tibetan Tifinagh Tirhuta Toto Ugaritic Vai Vithkuqi Wancho Warang_Citi Yezidi Yi \
    Zanabazar_Square";

/// The characters of a general category or script. As in RE2, its name must be spelled exactly so;
/// Go and the regex crate know other names.
fn property(name: &str) -> Option<Vec<ClassUnicodeRange>> {
    let is_among = |names: &str| names.split_ascii_whitespace().any(|known| known == name);
    match name {
        "Any" => Some(vec![ClassUnicodeRange::new('\0', char::MAX)]),
        // The surrogates, which are no characters.
        "Cs" => Some(Vec::new()),
        _ if is_among(CATEGORIES) => look_up("gc", name),
        _ if is_among(SCRIPTS) => look_up("sc", name),
        _ => None,
    }
}

/// What the regex crate knows by this name.
fn look_up(property: &str, name: &str) -> Option<Vec<ClassUnicodeRange>> {
    let hir = regex_syntax::parse(&format!("\\p{{{property}={name}}}")).ok()?;
    match hir.into_kind() {
        HirKind::Class(Class::Unicode(class)) => Some(class.ranges().to_vec()),
        // Of one character.
        HirKind::Literal(text) => {
            let char = str::from_utf8(&text.0).ok()?.chars().next()?;
            Some(vec![ClassUnicodeRange::new(char, char)])
        }
        _ => None,
    }
}
