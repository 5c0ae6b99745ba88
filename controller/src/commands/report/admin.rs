//! The report of a process that serves.

use super::fetch::{Client, FetchError, excuse};
use crate::report::Report;
use anyhow::{Context, bail};
use http::{StatusCode, Uri, uri::Authority};
use std::time::Duration;

/// What the list of pages of an admin port has, since there is one.
const PAGES: &str = "/readyz  ";

/// Asks for the report on the time `since` until now.
///
/// # Errors
/// With what to do, if there is none.
pub(super) async fn ask(admin: &Authority, since: Duration) -> anyhow::Result<Report> {
    let uri = Uri::builder()
        .scheme("http")
        .authority(admin.clone())
        .path_and_query(format!("/report?format=json&since={}ms", since.as_millis()))
        .build()
        .context("--admin")?;
    let response = Client::plain().get(uri).await.map_err(|error| match error {
        FetchError::Refused => anyhow::anyhow!(
            "--admin {admin}: nobody listens there. Start portico serve or portico demo on this \
             machine; in a cluster, forward the port first: kubectl port-forward -n portico-system \
             service/portico-admin 9090"
        ),
        other => anyhow::anyhow!("--admin {admin}: {other}"),
    })?;
    let (status, body) = (response.status(), response.body());
    if status == StatusCode::NOT_FOUND && String::from_utf8_lossy(body).contains(PAGES) {
        bail!("--admin {admin}: that Portico is too old to have a report: upgrade it");
    }
    if status == StatusCode::BAD_REQUEST || status == StatusCode::FORBIDDEN {
        bail!("--admin {admin}: {}", excuse(status, body));
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        bail!("--admin {admin}: {}; try again once /readyz says ok", excuse(status, body));
    }
    let report = (status == StatusCode::OK).then(|| serde_json::from_slice(body));
    match report {
        Some(Ok(report)) => Ok(report),
        Some(Err(_)) | None => bail!(
            "--admin {admin}: {status}, but no report: this is not the admin port of a Portico; \
             see the flag --admin of the process that serves"
        ),
    }
}
