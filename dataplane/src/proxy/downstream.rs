//! The client's side of a request, whichever protocol carries it.

use super::peer::Peer;
use crate::{
    endpoint::InFlight,
    refusal::Refusal,
    request::RequestState,
    telemetry::{RequestRecord, RouteStats},
    upstream::Stream,
};
use bytes::Bytes;
use http::HeaderMap;
use std::{
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

/// What the pipeline needs of the client's side of a request. HTTP/1.1 implements it once per
/// connection, whose requests are sequential; a multiplexed protocol implements it per request.
pub(crate) trait Downstream: 'static {
    /// The other end of the connection.
    fn peer(&self) -> &Peer;

    /// State shared with the request's body and the response's.
    fn state(&self) -> &Rc<RequestState>;

    /// Called when a request is about to be served.
    fn begin(&self);

    /// Waits for the request's turn: of requests that arrive in a row on a connection, each has a
    /// turn of its own, so that other connections need not wait for all of them. Where requests
    /// have tasks of their own, that is so in any case.
    fn poll_turn(&self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    /// Called when its response has ended, successfully or not.
    fn end(&self);

    /// Whether the response must announce that the connection will close.
    fn is_closing(&self) -> bool;

    /// Why the request was refused before it reached the pipeline, if it was and the request with
    /// this Host is only its placeholder.
    fn take_refused(&self, host: Option<&[u8]>) -> Option<Refusal>;

    /// Whether the request offers to leave HTTP (RFC 9110 §7.8).
    fn offers_upgrade(&self) -> bool;

    /// Whether a 101 with these fields accepts what [`offers_upgrade`](Self::offers_upgrade) reports.
    /// Where the client made the offer, that is for it to say.
    fn is_accepted(&self, _: &HeaderMap) -> bool {
        true
    }

    /// Declines the upgrade that [`offers_upgrade`](Self::offers_upgrade) reports, if any.
    fn decline_upgrade(&self);

    /// Switches protocols with the response that is being returned.
    fn upgrade(&self, upgraded: Upgraded);

    /// Counts a saved round trip for `route` once the response leaves.
    fn record_saved_trip(&self, route: &Rc<RouteStats>);
}

/// The backend's end of an upgraded connection.
#[derive(Debug)]
pub(crate) struct Upgraded {
    /// Its stream.
    pub(crate) io: Stream,
    /// Bytes read from it after the response's head.
    pub(crate) read: Bytes,
    /// Timeout between bytes in either direction.
    pub(crate) idle: Option<Duration>,
    /// What counts the tunnel as in flight.
    #[expect(dead_code, reason = "only its end counts")]
    pub(crate) in_flight: Option<InFlight>,
    /// The request's record, which ends with the tunnel.
    pub(crate) record: Box<RequestRecord>,
}
