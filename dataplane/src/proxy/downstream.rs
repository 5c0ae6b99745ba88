//! The client's side of a request, whichever protocol carries it.

use super::peer::Peer;
use crate::{
    refusal::Refusal,
    request::RequestState,
    telemetry::{RequestRecord, RouteStats},
    upstream::Stream,
};
use bytes::Bytes;
use std::{rc::Rc, time::Duration};

/// What the pipeline needs of the client's side of a request. HTTP/1.1 implements it once for a
/// connection, whose requests come one after the other; a protocol with many requests at a time
/// implements it for each of them.
pub(crate) trait Downstream: 'static {
    /// The other end of the connection.
    fn peer(&self) -> &Peer;

    /// What the request shares with its body and its response's.
    fn state(&self) -> &Rc<RequestState>;

    /// A request is about to be served.
    fn begin(&self);

    /// Its response has ended, however it ended.
    fn end(&self);

    /// Whether the response must say that the connection closes after it.
    fn is_closing(&self) -> bool;

    /// Why the request was refused before it reached the pipeline, where the one with this Host only
    /// stands in for it.
    fn take_refused(&self, host: Option<&[u8]>) -> Option<Refusal>;

    /// Whether the request offers to leave HTTP (RFC 9110 §7.8).
    fn offers_upgrade(&self) -> bool;

    /// Declines what [`offers_upgrade`](Self::offers_upgrade) says, if anything.
    fn decline_upgrade(&self);

    /// Leaves HTTP with the response that is being returned.
    fn upgrade(&self, upgraded: Upgraded);

    /// The response comes a round trip sooner than it might: counted for `route`, once the response
    /// leaves.
    fn record_saved_trip(&self, route: &Rc<RouteStats>);
}

/// The backend's end of an upgraded connection.
#[derive(Debug)]
pub(crate) struct Upgraded {
    /// Its stream.
    pub(crate) io: Stream,
    /// What was read from it beyond the response's head.
    pub(crate) read: Bytes,
    /// How long no byte may pass.
    pub(crate) idle: Option<Duration>,
    /// The request's record, which ends when the tunnel does.
    pub(crate) record: Box<RequestRecord>,
}
