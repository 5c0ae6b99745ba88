//! A line as text or JSON: what `tracing` would write, without its cost, most of which is formatting.

use super::{
    clock::Moment,
    fields::{Fields, Syntax, name},
};
use crate::table::ObjectName;
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

/// A request that has ended. By default nothing is known of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'r> {
    pub(crate) route: Option<&'r ObjectName>,
    pub(crate) backend: Option<&'r str>,
    pub(crate) endpoint: Option<SocketAddr>,
    pub(crate) panic: bool,
    pub(crate) client: IpAddr,
    pub(crate) method: Option<&'r str>,
    pub(crate) host: Option<&'r str>,
    pub(crate) path: Option<&'r str>,
    pub(crate) version: Option<&'r str>,
    pub(crate) client_cert: Option<&'r str>,
    pub(crate) user_agent: Option<&'r str>,
    /// Without its query; only for [`Format::Combined`](super::Format::Combined).
    pub(crate) referer: Option<&'r str>,
    pub(crate) status: u16,
    pub(crate) reason: &'r str,
    /// The verdict of a CORS policy, in two parts.
    pub(crate) cors: Option<[&'r str; 5]>,
    /// The names of the rules that acted, with commas between them.
    pub(crate) rules: Option<&'r str>,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) duration: Duration,
    pub(crate) upstream: Option<Duration>,
    pub(crate) upstream_bytes_sent: u64,
    pub(crate) upstream_bytes_received: u64,
    pub(crate) tries: u32,
    pub(crate) request_id: &'r str,
}

impl Default for Entry<'_> {
    fn default() -> Self {
        Self {
            route: None,
            backend: None,
            endpoint: None,
            panic: false,
            client: Ipv4Addr::UNSPECIFIED.into(),
            method: None,
            host: None,
            path: None,
            version: None,
            client_cert: None,
            user_agent: None,
            referer: None,
            status: 0,
            reason: "",
            cors: None,
            rules: None,
            bytes_in: 0,
            bytes_out: 0,
            duration: Duration::ZERO,
            upstream: None,
            upstream_bytes_sent: 0,
            upstream_bytes_received: 0,
            tries: 0,
            request_id: "-",
        }
    }
}

impl Entry<'_> {
    /// Appends the line as text, with colours for a terminal or without.
    pub(super) fn write_text(&self, time: &Moment, colours: bool, out: &mut Vec<u8>) {
        let syntax = if colours { Syntax::Coloured } else { Syntax::Text };
        self.write(Fields::begin(syntax, time, out));
        out.push(b'\n');
    }

    /// Appends the line as JSON.
    pub(super) fn write_json(&self, time: &Moment, out: &mut Vec<u8>) {
        self.write(Fields::begin(Syntax::Json, time, out));
        out.extend_from_slice(b",\"target\":\"access\"}\n");
    }

    fn write(&self, mut fields: Fields<'_>) {
        match self.route {
            Some(ObjectName { namespace, name }) => {
                let parts: [&str; 3] = [namespace, "/", name];
                fields.text(name!("route"), &parts);
            }
            None => fields.text(name!("route"), &["-"]),
        }
        fields.text(name!("backend"), &[self.backend.unwrap_or("-")]);
        if let Some(endpoint) = self.endpoint {
            fields.endpoint(name!("endpoint"), endpoint);
        }
        if self.panic {
            fields.truth(name!("panic"));
        }
        fields.address(name!("client"), self.client);
        for (name, value) in [
            (name!("method"), self.method),
            (name!("host"), self.host),
            (name!("path"), self.path),
            (name!("version"), self.version),
        ] {
            fields.text(name, &[value.unwrap_or("-")]);
        }
        for (name, value) in
            [(name!("client_cert"), self.client_cert), (name!("user_agent"), self.user_agent)]
        {
            if let Some(value) = value {
                fields.text(name, &[value]);
            }
        }
        fields.number(name!("status"), self.status.into());
        fields.text(name!("reason"), &[self.reason]);
        if let Some(cors) = &self.cors {
            fields.word(name!("cors"), cors);
        }
        if let Some(rules) = self.rules {
            fields.text(name!("rules"), &[rules]);
        }
        fields.number(name!("bytes_in"), self.bytes_in);
        fields.number(name!("bytes_out"), self.bytes_out);
        fields.millis(name!("duration_ms"), self.duration);
        if let Some(upstream) = self.upstream {
            fields.millis(name!("upstream_ms"), upstream);
        }
        fields.number(name!("upstream_bytes_sent"), self.upstream_bytes_sent);
        fields.number(name!("upstream_bytes_received"), self.upstream_bytes_received);
        fields.number(name!("tries"), self.tries.into());
        fields.word(name!("request_id"), &[self.request_id]);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
#[cfg(test)]
pub(super) use tests::sample;
