//! How far the backends that share an origin are kept apart.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far the backends that share an origin are kept apart. A Route's block may only be stricter
/// than its FrontDoor's, whose fields it inherits where it has none of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Isolation {
    /// Which cookies a Route's backends get and set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookies: Option<CookieIsolation>,
    /// What happens to headers of a Route's responses that affect the whole origin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin_wide: Option<OriginWide>,
}

// The schema describes a field whose type is an enum by the type's description.
/// Which cookies a Route's backends get and set, from the weakest to the strictest. `Shared`: every
/// cookie of the origin. `Confined`: a cookie is set only for paths below the literal beginning of
/// the Route's match. `Separate`: only the Route's own, which browsers know by another name. A
/// Route's default is its FrontDoor's, whose default is `Shared`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum CookieIsolation {
    /// Every cookie of the origin.
    #[default]
    Shared,
    /// Cookies are set for paths below the literal beginning of the Route's match.
    Confined,
    /// Only the Route's own, under names of its own.
    Separate,
}

/// What happens to headers of a Route's responses that affect the whole origin, such as
/// `Clear-Site-Data`, from the weaker to the stricter. `Pass`: nothing. `Strip`: they are removed,
/// as is a `Service-Worker-Allowed` for more than the paths below the Route's match. A Route's
/// default is its FrontDoor's, whose default is `Pass`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum OriginWide {
    /// Nothing.
    #[default]
    Pass,
    /// They are removed.
    Strip,
}
