//! Rules as objects have them: one form for those of FrontDoors and of Routes.

use portico_crds as crds;

/// A rule of either kind.
pub(super) struct GivenRule<'s> {
    pub(super) name: &'s str,
    pub(super) when: &'s [crds::RuleCondition],
    pub(super) actions: Option<GivenActions<'s>>,
    pub(super) stop: bool,
}

/// What a rule of either kind does. One of a FrontDoor has none of `backends`, `rewrite`, `timeouts`
/// and `retry`.
#[derive(Clone, Copy, Default)]
pub(super) struct GivenActions<'s> {
    pub(super) redirect: Option<&'s crds::RuleRedirect>,
    pub(super) respond: Option<&'s crds::Respond>,
    pub(super) backends: Option<&'s [crds::Backend]>,
    pub(super) rewrite: Option<&'s crds::RuleRewrite>,
    pub(super) request_headers: Option<&'s crds::HeaderEdits>,
    pub(super) response_headers: Option<&'s crds::HeaderEdits>,
    pub(super) timeouts: Option<&'s crds::Timeouts>,
    pub(super) retry: Option<&'s crds::Retry>,
}

impl GivenRule<'_> {
    /// Whether no rule after it is looked at where it holds.
    pub(super) fn ends_the_list(&self) -> bool {
        let is_end = |it: &GivenActions<'_>| it.redirect.is_some() || it.respond.is_some();
        self.stop || self.actions.as_ref().is_some_and(is_end)
    }
}

impl<'s> From<&'s crds::FrontDoorRule> for GivenRule<'s> {
    fn from(rule: &'s crds::FrontDoorRule) -> Self {
        let crds::FrontDoorRule { name, when, r#do, stop } = rule;
        let actions = r#do.as_deref().map(|actions| {
            let crds::FrontDoorActions { redirect, respond, request_headers, response_headers } =
                actions;
            GivenActions {
                redirect: redirect.as_ref(),
                respond: respond.as_ref(),
                request_headers: request_headers.as_ref(),
                response_headers: response_headers.as_ref(),
                ..GivenActions::default()
            }
        });
        Self { name, when, actions, stop: *stop }
    }
}

impl<'s> From<&'s crds::RouteRule> for GivenRule<'s> {
    fn from(rule: &'s crds::RouteRule) -> Self {
        let crds::RouteRule { name, when, r#do, stop } = rule;
        let actions = r#do.as_deref().map(|actions| {
            let crds::RouteActions {
                redirect,
                respond,
                backends,
                rewrite,
                request_headers,
                response_headers,
                timeouts,
                retry,
            } = actions;
            GivenActions {
                redirect: redirect.as_ref(),
                respond: respond.as_ref(),
                backends: backends.as_deref(),
                rewrite: rewrite.as_ref(),
                request_headers: request_headers.as_ref(),
                response_headers: response_headers.as_ref(),
                timeouts: timeouts.as_ref(),
                retry: retry.as_ref(),
            }
        });
        Self { name, when, actions, stop: *stop }
    }
}
