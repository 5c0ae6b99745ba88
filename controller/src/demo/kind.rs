//! The services of the demo.

/// A service of the demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// The web app: the page.
    App,
    /// Sales reports and orders.
    Sales,
    /// User profiles; requires an API key.
    Profiles,
}

impl Kind {
    /// All services.
    pub const ALL: [Self; 3] = [Self::App, Self::Sales, Self::Profiles];

    /// The name of its Service and Route in `examples/ep`.
    pub fn name(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Sales => "sales",
            Self::Profiles => "profiles",
        }
    }

    /// Its port in `examples/ep`.
    pub fn port(self) -> u16 {
        match self {
            Self::App => 9101,
            Self::Sales => 9102,
            Self::Profiles => 9103,
        }
    }
}
