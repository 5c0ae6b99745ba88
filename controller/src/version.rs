//! Which build this is.

/// The version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that was built; `unknown` outside of git, and in debug builds.
pub const COMMIT: &str = env!("PORTICO_COMMIT");

/// The version, and the commit if it is known.
pub const SHORT: &str = env!("PORTICO_VERSION");

/// All that is known of the build.
pub const LONG: &str = concat!(
    env!("PORTICO_VERSION"),
    "\ncommit:   ",
    env!("PORTICO_COMMIT"),
    "\nfeatures: http/1.1, http/2, websocket, tls 1.2 and 1.3 (rustls with aws-lc-rs), kubernetes",
    "\nbuild:    ",
    env!("PORTICO_PROFILE"),
    ", ",
    env!("PORTICO_TARGET"),
    ", ",
    env!("PORTICO_LINKED"),
);
