//! The differences between `portico check` and an API server that are meant to be, each with its
//! reason.

/// Words of a message, and why only one of the two says it.
pub(super) type Known = (&'static str, &'static str);

/// What `check` refuses and an API server takes, though with `Accepted=False`.
pub(super) const ONLY_OFFLINE: &[Known] = &[
    (
        "is the same host as",
        "hosts compare without case and a final dot, keys of a list-map do not",
    ),
    (
        "twice: keep one, or put further lines under add",
        "names of headers compare without case, keys of a list-map do not",
    ),
    (
        "is not a whole decimal number",
        "conditions in conditions have no CEL rules: its cost budget has no room for so many",
    ),
    ("is neither a CIDR", "CEL's cost budget has no room for 256 addresses"),
    (
        "which is neither a name nor an address in its usual form",
        "`80` is an address to some, and no pattern tells it from a name",
    ),
    ("is neither a DNS name nor an address", "the pattern of a server name is that of a host"),
    ("does not capture", "a template may use what every match captures, which no rule looks up"),
    ("ends in '*', but match", "the same, for the rest of the path"),
    ("more than once: give each capture", "no pattern remembers names"),
    ("is not a regular expression", "no pattern describes regular expressions"),
    (
        "with allowCredentials",
        "whether an origin admits strangers takes the list of public suffixes and a parser to tell",
    ),
    (
        "has upper case in its",
        "the pattern of an origin leaves the spelling to the compiler, which says how to write it",
    ),
];

/// What an API server refuses and `check` takes.
pub(super) const ONLY_IN_A_CLUSTER: &[Known] = &[
    (
        ": .status",
        "server-side apply wants the schema's types in a status too, which has no effect",
    ),
    ("errors:\\n  .status", "the same, if there are several"),
    (
        "unknown field \"status.observedGeneration.",
        "what is inside of a status's field of the wrong type is not looked at",
    ),
    ("unknown field \"status.conditions.", "the same, in a list of the wrong type"),
];
