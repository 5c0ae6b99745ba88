//! The kinds of hostile input, and one of ordinary input to compare them with.

use super::{
    backend::Manner,
    requests::{self, get, preflight},
};
use clap::ValueEnum;

/// What one kind consists of: all of it is either valid or plainly refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Small GETs, whose responses are read: nothing hostile
    Ordinary,
    /// Heads of 60 KB that never end
    UnfinishedHeads,
    /// Connections that send one byte
    OneByte,
    /// Connections that are closed at once
    Churn,
    /// Connections whose clients close their sending side at once
    HalfClose,
    /// Heads with 99 fields
    Fields,
    /// Heads with more fields than are accepted
    TooManyFields,
    /// Heads that are larger than is accepted
    OversizeHeads,
    /// Bytes that are no HTTP
    Garbage,
    /// Requests in a row, whose responses are not read
    PipelinedUnread,
    /// Requests in a row that get a 404
    PipelinedNotFound,
    /// Responses of many MiB that are not read
    LargeUnread,
    /// Bodies of chunks of one byte
    TinyChunks,
    /// Bodies with as many bytes of chunk extensions as of data
    ChunkExtensions,
    /// Trailer sections of 16 KB and 99 fields
    Trailers,
    /// Bodies that the backend does not read
    BackendDoesNotRead,
    /// Connection with thousands of options, and Trailer with thousands of names
    ConnectionOptions,
    /// WebDAV's If with thousands of URLs
    Conditions,
    /// Preflights with a list of 16 KiB of names
    PreflightNames,
    /// Preflights with a list of 16 KiB of commas
    PreflightCommas,
    /// Preflights with a list of 16 KiB of white space
    PreflightSpaces,
    /// Preflights with one name of 16 KiB
    PreflightName,
    /// An origin of 500 bytes that none of 64 regular expressions matches
    Origin,
    /// 64 such origins in a row
    Origins,
    /// Header values of 4 KiB, 14 of them, for 160 Regex predicates
    HeaderPredicates,
    /// Thousands of cookies, for 160 predicates
    CookiePredicates,
    /// Thousands of query keys, for 160 predicates
    QueryPredicates,
    /// Paths of 4,000 segments
    Segments,
    /// Paths of 4,000 dot segments
    DotSegments,
    /// Paths of 2,600 percent-escapes
    Escapes,
    /// Paths of 4,000 parameters
    Parameters,
    /// WebSockets that flood the backend, which floods back
    Tunnels,
    /// Backends: 16 interim responses before each final one
    Interim,
    /// Backends: interim responses without end
    InterimFlood,
    /// Backends: responses that are none
    BackendGarbage,
    /// Backends: bodies of chunks of one byte
    BackendTinyChunks,
    /// Backends: heads with 99 fields and 100 KB
    BackendHeads,
    /// Backends: Connection with thousands of options, and Trailer with thousands of names
    BackendOptions,
    /// Backends: Link with 100 KB of links
    BackendLinks,
    /// Backends: Set-Cookie with 100 KB of attributes
    BackendCookies,
    /// Backends: heads of which one byte comes at a time
    BackendDrip,
    /// HTTP/2 backends: PING frames without end
    H2Pings,
    /// HTTP/2 backends: SETTINGS frames without end
    H2Settings,
    /// HTTP/2 backends: empty DATA frames without end
    H2EmptyData,
    /// HTTP/2 backends: DATA frames of one byte
    H2TinyData,
}

/// What the clients of a kind do.
pub(super) enum Client {
    /// Sends the same over and over, and reads what comes back.
    Ask(Vec<u8>),
    /// Sends the first bytes, then the second as long as they are taken; reads nothing, and keeps
    /// this many connections open.
    Hold(Vec<u8>, Vec<u8>, usize),
    /// Connects, and closes the sending side or both.
    Leave { half: bool },
}

impl Kind {
    /// Those whose requests, or the responses to them, are made to be costly one by one.
    pub(super) const COSTLY: &[Self] = &[
        Self::Fields,
        Self::ConnectionOptions,
        Self::Conditions,
        Self::PreflightNames,
        Self::PreflightCommas,
        Self::PreflightSpaces,
        Self::PreflightName,
        Self::Origin,
        Self::HeaderPredicates,
        Self::CookiePredicates,
        Self::QueryPredicates,
        Self::Segments,
        Self::DotSegments,
        Self::Escapes,
        Self::Parameters,
        Self::Interim,
        Self::BackendHeads,
        Self::BackendOptions,
        Self::BackendLinks,
        Self::BackendCookies,
    ];

    /// Whether it is a preflight, answered at the edge.
    pub(super) fn is_preflight(self) -> bool {
        matches!(
            self,
            Self::PreflightNames
                | Self::PreflightCommas
                | Self::PreflightSpaces
                | Self::PreflightName
        )
    }

    /// Its name on the command line.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// What its clients do.
    #[allow(clippy::too_many_lines, reason = "a line or two for each kind")]
    pub(super) fn client(self) -> Client {
        let bad = |fields: &str| Client::Ask(get("/bad/x", fields));
        let path = |path: &str| Client::Ask(get(path, ""));
        match self {
            Self::Ordinary => bad(""),
            Self::UnfinishedHeads => {
                let head =
                    format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}", "x".repeat(60_000));
                Client::Hold(head.into_bytes(), Vec::new(), 200)
            }
            Self::OneByte => Client::Hold(b"G".to_vec(), Vec::new(), 200),
            Self::Churn => Client::Leave { half: false },
            Self::HalfClose => Client::Leave { half: true },
            Self::Fields => bad(&requests::fields(98)),
            Self::TooManyFields => bad(&requests::fields(2_000)),
            Self::OversizeHeads => Client::Ask(get("/", &format!("X: {}\r\n", "x".repeat(80_000)))),
            Self::Garbage => Client::Ask(requests::garbage(16 * 1024)),
            Self::PipelinedUnread => Client::Hold(Vec::new(), get("/bad/x", "").repeat(100), 4),
            Self::PipelinedNotFound => Client::Ask(get("/nowhere", "").repeat(400)),
            Self::LargeUnread => Client::Hold(get("/bad/x", ""), Vec::new(), 20),
            Self::TinyChunks => Client::Ask(requests::chunked(&"1\r\nx\r\n".repeat(12_000), "")),
            Self::ChunkExtensions => Client::Ask(requests::chunk_extensions()),
            Self::Trailers => Client::Ask(requests::trailers()),
            Self::BackendDoesNotRead => {
                let head =
                    "POST /bad/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n";
                Client::Hold(head.into(), vec![b'x'; 64 * 1024], 20)
            }
            Self::ConnectionOptions => Client::Ask(requests::options()),
            Self::Conditions => Client::Ask(requests::conditions()),
            Self::PreflightNames => Client::Ask(preflight(&"a,".repeat(8 * 1024))),
            Self::PreflightCommas => Client::Ask(preflight(&",".repeat(16 * 1024))),
            Self::PreflightSpaces => Client::Ask(preflight(&" \t".repeat(8 * 1024))),
            Self::PreflightName => Client::Ask(preflight(&"x".repeat(16 * 1024))),
            Self::Origin => Client::Ask(requests::origins(1)),
            Self::Origins => Client::Ask(requests::origins(64)),
            Self::HeaderPredicates => {
                let value = format!("X: {}\r\n", "ab".repeat(2_040));
                Client::Ask(get("/headers", &value.repeat(14)))
            }
            Self::CookiePredicates => {
                Client::Ask(get("/cookies", &format!("Cookie: {}\r\n", "y=1;".repeat(15_000))))
            }
            Self::QueryPredicates => path(&format!("/query?{}", "y&".repeat(4_000))),
            Self::Segments => path(&format!("/bad{}", "/a".repeat(4_000))),
            Self::DotSegments => path(&format!("/bad{}", "/a/.././b/..".repeat(660))),
            Self::Escapes => path(&format!("/bad/{}", "%41%e9".repeat(1_300))),
            Self::Parameters => path(&format!("/bad/{}", ";a".repeat(4_000))),
            Self::Tunnels => {
                let head = get("/bad/x", requests::WEBSOCKET);
                Client::Ask([head, vec![b'x'; 1 << 20]].concat())
            }
            Self::Interim
            | Self::InterimFlood
            | Self::BackendGarbage
            | Self::BackendTinyChunks
            | Self::BackendHeads
            | Self::BackendOptions
            | Self::BackendLinks
            | Self::BackendCookies
            | Self::BackendDrip => bad(""),
            Self::H2Pings | Self::H2Settings | Self::H2EmptyData | Self::H2TinyData => {
                path("/h2/x")
            }
        }
    }

    /// What the hostile backend does with a request.
    pub(super) fn backend(self) -> Manner {
        match self {
            Self::Interim => Manner::Interim { last: true },
            Self::InterimFlood => Manner::Interim { last: false },
            Self::BackendGarbage => Manner::Answer(requests::garbage(16 * 1024)),
            Self::BackendTinyChunks => Manner::TinyChunks,
            Self::BackendHeads => Manner::Answer(requests::large_response_head()),
            Self::BackendOptions => Manner::Answer(requests::response(&[
                "Connection: ",
                &"aa,".repeat(20_000),
                "\r\nTrailer: ",
                &"te,".repeat(20_000),
            ])),
            Self::BackendLinks => {
                Manner::Answer(requests::response(&["Link: ", &"</a>,".repeat(20_000)]))
            }
            Self::BackendCookies => {
                Manner::Answer(requests::response(&["Set-Cookie: a=b", &";path=/a".repeat(12_000)]))
            }
            Self::BackendDrip => Manner::Drip(requests::large_response_head()),
            Self::LargeUnread => Manner::Large,
            Self::BackendDoesNotRead => Manner::Nothing,
            Self::Tunnels => Manner::Tunnel,
            // PING, and SETTINGS without parameters.
            Self::H2Pings => Manner::Frames([&[0, 0, 8, 6, 0, 0, 0, 0, 0][..], &[0; 8]].concat()),
            Self::H2Settings => Manner::Frames(vec![0, 0, 0, 4, 0, 0, 0, 0, 0]),
            Self::H2EmptyData => Manner::Data(0),
            Self::H2TinyData => Manner::Data(1),
            Self::Ordinary
            | Self::UnfinishedHeads
            | Self::OneByte
            | Self::Churn
            | Self::HalfClose
            | Self::Fields
            | Self::TooManyFields
            | Self::OversizeHeads
            | Self::Garbage
            | Self::PipelinedUnread
            | Self::PipelinedNotFound
            | Self::TinyChunks
            | Self::ChunkExtensions
            | Self::Trailers
            | Self::ConnectionOptions
            | Self::Conditions
            | Self::PreflightNames
            | Self::PreflightCommas
            | Self::PreflightSpaces
            | Self::PreflightName
            | Self::Origin
            | Self::Origins
            | Self::HeaderPredicates
            | Self::CookiePredicates
            | Self::QueryPredicates
            | Self::Segments
            | Self::DotSegments
            | Self::Escapes
            | Self::Parameters => Manner::Serve,
        }
    }
}
