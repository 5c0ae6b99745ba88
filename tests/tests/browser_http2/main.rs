//! Chromium and Firefox over https and HTTP/2: calls, preflights, WebSockets, one connection for
//! several hosts, 421, and backends that fail. What counts is what the front door and the backends
//! saw of it, beside what the page did.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod backends;
mod calls;
mod connections;
mod failures;
mod relay;
mod site;
mod websockets;

/// A test in each browser of each of these functions of [`site::Site`].
macro_rules! in_each_browser {
    ($($scenario:ident),* $(,)?) => {
        mod chromium {
            $(#[test]
            fn $scenario() {
                crate::site::visit(portico_tests::browser::Kind::Chromium, super::$scenario);
            })*
        }

        mod firefox {
            $(#[test]
            fn $scenario() {
                crate::site::visit(portico_tests::browser::Kind::Firefox, super::$scenario);
            })*
        }
    };
}
pub(crate) use in_each_browser;
