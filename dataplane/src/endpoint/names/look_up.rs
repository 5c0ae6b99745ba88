//! Asking the name servers.

use super::record::Answer;
use futures_util::future::{Either, select};
use hickory_resolver::{
    Resolver, TokioResolver,
    config::{NameServerConfig, ResolverConfig},
    net::{NetError, runtime::TokioRuntimeProvider},
    proto::rr::RecordType,
};
use std::{future::Future, net::SocketAddr, pin::pin, time::Duration};
use tokio::time::timeout;

/// How long a look-up may take, whatever the system's settings.
const LIMIT: Duration = Duration::from_secs(10);

/// How long the records of one family are waited for once those of the other are there (RFC 8305
/// §3, though nobody waits for them here but the first request).
const GRACE: Duration = Duration::from_millis(500);

/// A resolver that asks `name_servers`, or without any those of the system. It remembers nothing:
/// whoever asks does.
pub(super) fn resolver(name_servers: &[SocketAddr]) -> Result<TokioResolver, NetError> {
    let mut builder = if name_servers.is_empty() {
        TokioResolver::builder_tokio()?
    } else {
        let servers = name_servers.iter().map(|address| {
            let mut server = NameServerConfig::udp_and_tcp(address.ip());
            server.connections.iter_mut().for_each(|way| way.port = address.port());
            server
        });
        let config = ResolverConfig::from_name_servers(servers.collect());
        Resolver::builder_with_config(config, TokioRuntimeProvider::default())
    };
    builder.options_mut().cache_size = 0;
    builder.build()
}

/// Looks up a name's records for IPv6 and IPv4 at the same time.
pub(super) async fn look_up(resolver: &TokioResolver, host: &str) -> [Answer; 2] {
    let v6 = pin!(family(resolver, host, RecordType::AAAA));
    let v4 = pin!(family(resolver, host, RecordType::A));
    match select(v6, v4).await {
        Either::Left((v6, v4)) => {
            let v4 = rest(&v6, v4).await;
            [v6, v4]
        }
        Either::Right((v4, v6)) => {
            let v6 = rest(&v4, v6).await;
            [v6, v4]
        }
    }
}

/// The second answer, for which nobody waits long once the first has found something.
async fn rest(first: &Answer, second: impl Future<Output = Answer>) -> Answer {
    let limit = if first.ttl().is_some() { GRACE } else { LIMIT };
    timeout(limit, second).await.unwrap_or(Answer::Failed)
}

async fn family(resolver: &TokioResolver, host: &str, kind: RecordType) -> Answer {
    // The trailing dot prevents search domains: an external host is fully qualified.
    let asked = timeout(LIMIT, resolver.lookup(format!("{host}."), kind)).await;
    let found = match asked {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => {
            tracing::debug!(host, %kind, %error, "a lookup found nothing");
            let is_answer = error.is_no_records_found();
            return if is_answer { Answer::Nothing } else { Answer::Failed };
        }
        Err(_) => {
            tracing::debug!(host, %kind, "a lookup timed out");
            return Answer::Failed;
        }
    };
    let records = found.answers();
    let addresses: Vec<_> = records.iter().filter_map(|record| record.data.ip_addr()).collect();
    // A chain of aliases holds for as long as each of its links.
    let ttl = records.iter().map(|record| record.ttl).min().unwrap_or(0);
    match addresses.is_empty() {
        true => Answer::Nothing,
        false => Answer::Found(addresses, Duration::from_secs(ttl.into())),
    }
}
