//! What a Route changes of requests and answers: Host and Origin, paths, headers, redirects, fixed
//! answers, and the way back.

mod header_edits;
mod local_replies;
mod requests;
mod reverse;
