//! The annotations of ingress-nginx, and what becomes of each.

mod access;
mod canary;
mod cors;
mod forwarding;
mod headers;
mod paths;
mod redirects;
mod snippets;
mod tls;

use super::annotation::{
    Becomes::{Closes, Dropped, DroppedWith, Is, Needless, PartOf},
    Table,
};

/// The prefix of its annotations, if it has not been changed with `--annotations-prefix`.
pub(super) const PREFIX: &str = "nginx.ingress.kubernetes.io/";

const BUFFERS: &str = "Portico streams bodies, and has no buffers to set: leave it out";
const LOGS: &str =
    "logs and traces are set for all of Portico, with --access-log: see docs/observe.md";
const RATE: &str = "Portico has no rate limits yet: keep one in front, or in the backend";
const WAF: &str = "Portico has no web application firewall: keep one in front";
const NO_MIRROR: &str = "Portico does not mirror requests: let the backend, or a mesh, do it";
const NO_ERROR_PAGES: &str =
    "Portico does not replace the backend's error pages: let the backend send them";
const CIPHERS: &str =
    "the ciphers of TLS can't be chosen; spec.tls.minVersion of the FrontDoor can";
const BACKEND_TLS: &str =
    "versions, ciphers and depth of TLS to backends can't be chosen: leave it out";
const NO_CANARY: &str = "has no effect without canary: \"true\"";
const SIGN_IN: &str = "Portico does not authenticate users yet: let the backend do it";

/// All annotations, by subject; those of one subject make rules in this order.
pub(super) const TABLE: Table = &[
    // Paths.
    ("use-regex", Is(paths::use_regex)),
    ("rewrite-target", Is(paths::rewrite_target)),
    ("x-forwarded-prefix", Is(headers::x_forwarded_prefix)),
    // Redirects.
    ("ssl-redirect", Is(redirects::ssl_redirect)),
    ("force-ssl-redirect", Is(redirects::force_ssl_redirect)),
    ("preserve-trailing-slash", Is(redirects::preserve_trailing_slash)),
    ("app-root", Is(redirects::app_root)),
    ("temporal-redirect", Is(redirects::temporal)),
    ("temporal-redirect-code", PartOf("temporal-redirect")),
    ("permanent-redirect", Is(redirects::permanent)),
    ("permanent-redirect-code", PartOf("permanent-redirect")),
    ("from-to-www-redirect", Is(redirects::from_to_www)),
    ("relative-redirects", Dropped("redirects of Portico name scheme and host: leave it out")),
    (
        "use-port-in-redirects",
        Dropped("Portico decides by the request's port: see --public-https-port"),
    ),
    // Hosts.
    ("server-alias", Is(paths::server_alias)),
    // Who may come in.
    ("denylist-source-range", Is(access::denylist)),
    ("whitelist-source-range", Is(access::allowlist)),
    ("allowlist-source-range", Is(access::allowlist)),
    ("satisfy", Is(access::satisfy)),
    ("auth-url", Closes(SIGN_IN)),
    ("auth-type", Closes(SIGN_IN)),
    ("auth-secret", DroppedWith("auth-type")),
    ("auth-secret-type", DroppedWith("auth-type")),
    ("auth-realm", DroppedWith("auth-type")),
    ("auth-method", DroppedWith("auth-url")),
    ("auth-signin", DroppedWith("auth-url")),
    ("auth-signin-redirect-param", DroppedWith("auth-url")),
    ("auth-snippet", DroppedWith("auth-url")),
    ("auth-cache-key", DroppedWith("auth-url")),
    ("auth-cache-duration", DroppedWith("auth-url")),
    ("auth-keepalive", DroppedWith("auth-url")),
    ("auth-keepalive-share-vars", DroppedWith("auth-url")),
    ("auth-keepalive-requests", DroppedWith("auth-url")),
    ("auth-keepalive-timeout", DroppedWith("auth-url")),
    ("auth-response-headers", DroppedWith("auth-url")),
    ("auth-proxy-set-headers", DroppedWith("auth-url")),
    ("auth-request-redirect", DroppedWith("auth-url")),
    ("auth-always-set-cookie", DroppedWith("auth-url")),
    ("enable-global-auth", Is(access::global_auth)),
    ("auth-tls-secret", Is(tls::client_certificates)),
    ("auth-tls-verify-client", PartOf("auth-tls-secret")),
    ("auth-tls-verify-depth", PartOf("auth-tls-secret")),
    ("auth-tls-error-page", PartOf("auth-tls-secret")),
    ("auth-tls-pass-certificate-to-upstream", PartOf("auth-tls-secret")),
    (
        "auth-tls-match-cn",
        Closes(
            "Portico does not compare the names of client certificates: let the backend do it, which gets Client-Cert",
        ),
    ),
    ("limit-connections", Dropped(RATE)),
    ("limit-rps", Dropped(RATE)),
    ("limit-rpm", Dropped(RATE)),
    ("limit-burst-multiplier", Dropped(RATE)),
    ("limit-rate", Dropped(RATE)),
    ("limit-rate-after", Dropped(RATE)),
    ("limit-whitelist", Dropped(RATE)),
    ("limit-allowlist", Dropped(RATE)),
    ("enable-modsecurity", Dropped(WAF)),
    ("enable-owasp-core-rules", Dropped(WAF)),
    ("modsecurity-snippet", Dropped(WAF)),
    ("modsecurity-transaction-id", Dropped(WAF)),
    // CORS.
    ("enable-cors", Is(cors::enable)),
    ("cors-allow-origin", PartOf("enable-cors")),
    ("cors-allow-methods", PartOf("enable-cors")),
    ("cors-allow-headers", PartOf("enable-cors")),
    ("cors-allow-credentials", PartOf("enable-cors")),
    ("cors-expose-headers", PartOf("enable-cors")),
    ("cors-max-age", PartOf("enable-cors")),
    // Canaries, if they are none.
    ("canary", Needless),
    ("canary-by-header", Dropped(NO_CANARY)),
    ("canary-by-header-value", Dropped(NO_CANARY)),
    ("canary-by-header-pattern", Dropped(NO_CANARY)),
    ("canary-by-cookie", Dropped(NO_CANARY)),
    ("canary-weight", Dropped(NO_CANARY)),
    ("canary-weight-total", Dropped(NO_CANARY)),
    // The way to the backend.
    ("proxy-connect-timeout", Is(forwarding::connect_timeout)),
    ("proxy-read-timeout", Is(forwarding::read_timeout)),
    ("proxy-send-timeout", Is(forwarding::send_timeout)),
    ("proxy-next-upstream", Is(forwarding::next_upstream)),
    ("proxy-next-upstream-tries", Is(forwarding::next_upstream_tries)),
    (
        "proxy-next-upstream-timeout",
        Dropped("tries end with timeouts.request: set it on the Route"),
    ),
    ("proxy-body-size", Is(forwarding::body_size)),
    ("backend-protocol", Is(forwarding::backend_protocol)),
    ("upstream-vhost", Is(forwarding::upstream_vhost)),
    ("service-upstream", Is(forwarding::service_upstream)),
    ("load-balance", Is(forwarding::load_balance)),
    ("upstream-hash-by", Is(forwarding::hash_by)),
    ("upstream-hash-by-subset", Dropped("a value has one endpoint, not a subset of them")),
    ("upstream-hash-by-subset-size", Dropped("a value has one endpoint, not a subset of them")),
    ("affinity", Is(forwarding::affinity)),
    ("affinity-mode", Is(forwarding::affinity_mode)),
    ("affinity-canary-behavior", Dropped("clients stay with the backend that they had")),
    ("session-cookie-name", PartOf("affinity")),
    ("session-cookie-max-age", PartOf("affinity")),
    ("session-cookie-expires", PartOf("affinity")),
    ("session-cookie-path", Is(forwarding::cookie_path)),
    ("session-cookie-samesite", Is(forwarding::cookie_same_site)),
    ("session-cookie-domain", Dropped("the cookie is for its own host alone")),
    ("session-cookie-secure", Dropped("the cookie is Secure over https, as the request is")),
    ("session-cookie-change-on-failure", Is(forwarding::cookie_change)),
    (
        "session-cookie-conditional-samesite-none",
        Dropped("the cookie is SameSite=Lax: leave it out"),
    ),
    ("proxy-ssl-secret", Is(tls::backend)),
    ("proxy-ssl-verify", Is(tls::backend_verify)),
    ("proxy-ssl-name", Is(tls::backend_name)),
    ("proxy-ssl-server-name", Is(tls::backend_server_name)),
    ("proxy-ssl-verify-depth", Dropped(BACKEND_TLS)),
    ("proxy-ssl-ciphers", Dropped(BACKEND_TLS)),
    ("proxy-ssl-protocols", Dropped(BACKEND_TLS)),
    ("proxy-http-version", Is(forwarding::http_version)),
    ("connection-proxy-header", Dropped("Connection is for each hop: Portico sets it itself")),
    ("fastcgi-index", DroppedWith("backend-protocol")),
    ("fastcgi-params-configmap", DroppedWith("backend-protocol")),
    // Headers.
    ("custom-headers", Is(headers::custom_headers)),
    ("configuration-snippet", Is(snippets::location)),
    ("server-snippet", Is(snippets::server)),
    ("stream-snippet", Dropped("Portico proxies HTTP only: expose other ports with a Service")),
    ("proxy-redirect-from", Is(headers::proxy_redirect)),
    ("proxy-redirect-to", PartOf("proxy-redirect-from")),
    ("proxy-cookie-domain", Is(headers::proxy_cookie)),
    ("proxy-cookie-path", Is(headers::proxy_cookie)),
    // Errors, copies, traces.
    ("custom-http-errors", Dropped(NO_ERROR_PAGES)),
    ("default-backend", Dropped(NO_ERROR_PAGES)),
    ("disable-proxy-intercept-errors", Needless),
    ("mirror-target", Dropped(NO_MIRROR)),
    ("mirror-request-body", Dropped(NO_MIRROR)),
    ("mirror-host", Dropped(NO_MIRROR)),
    ("enable-opentelemetry", Dropped(LOGS)),
    ("opentelemetry-trust-incoming-span", Dropped(LOGS)),
    ("opentelemetry-operation-name", Dropped(LOGS)),
    ("enable-access-log", Dropped(LOGS)),
    ("enable-rewrite-log", Dropped(LOGS)),
    // Buffers, and TLS of clients.
    ("proxy-request-buffering", Is(forwarding::buffering)),
    ("proxy-buffering", Is(forwarding::buffering)),
    ("proxy-buffers-number", Dropped(BUFFERS)),
    ("proxy-buffer-size", Dropped(BUFFERS)),
    ("proxy-busy-buffers-size", Dropped(BUFFERS)),
    ("proxy-max-temp-file-size", Dropped(BUFFERS)),
    ("client-body-buffer-size", Dropped(BUFFERS)),
    ("http2-push-preload", Dropped("browsers have given up HTTP/2 push: leave it out")),
    ("ssl-ciphers", Dropped(CIPHERS)),
    ("ssl-prefer-server-ciphers", Dropped(CIPHERS)),
    (
        "ssl-passthrough",
        Closes(
            "Portico ends TLS itself, and can't pass it through: give the FrontDoor's host a certificate",
        ),
    ),
];

/// The annotations of canaries. Of the others, ingress-nginx takes those of the main Ingress.
pub(super) const CANARY_TABLE: Table = &[
    ("canary", Is(canary::canary)),
    ("canary-by-header", PartOf("canary")),
    ("canary-by-header-value", PartOf("canary-by-header")),
    ("canary-by-header-pattern", PartOf("canary-by-header")),
    ("canary-by-cookie", PartOf("canary")),
    ("canary-weight", PartOf("canary")),
    ("canary-weight-total", PartOf("canary-weight")),
];
