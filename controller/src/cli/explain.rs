//! Arguments of `portico explain`.

use super::{
    CompilingArgs, Output,
    values::{self, GivenHeader},
};
use clap::Args;
use http::{HeaderMap, HeaderValue, Method};
use portico_dataplane::explain::{Target, TargetError};
use std::path::PathBuf;

/// Arguments of `portico explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Manifest files and folders. Folders are read recursively: *.yaml, *.yml and *.json, except
    /// for dot files
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The request.
    #[command(flatten)]
    pub request: RequestArgs,
    /// The port at which clients reach HTTPS, to which plain HTTP is redirected [default: 443, or
    /// 8443 if the URL's port is 8080]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub public_https_port: Option<u16>,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
    /// What objects mean.
    #[command(flatten)]
    pub compiling: CompilingArgs,
}

/// The request to explain.
#[derive(Debug, Args)]
pub struct RequestArgs {
    /// The request's URL: absolute, http or https. Its host selects the FrontDoor; its scheme, host
    /// and port are the origin that the request is sent to
    #[arg(long, value_name = "URL")]
    pub url: Target,
    /// The request's method. As in fetch(), get, head, post, put, delete and options are converted
    /// to upper case, others are not
    #[arg(
        short = 'X',
        long,
        visible_alias = "request",
        value_name = "METHOD",
        default_value = "GET",
        value_parser = values::method
    )]
    pub method: Method,
    /// The origin of the page that sends the request: https://app.example.com, or null. Without it,
    /// whatever depends on the page's origin is left open
    #[arg(long, value_name = "ORIGIN", value_parser = values::origin)]
    origin: Option<HeaderValue>,
    /// A header set by the page's script, or by whoever sends the request; repeatable. As with curl,
    /// 'NAME;' has an empty value
    #[arg(short = 'H', long = "header", value_name = "'NAME: VALUE'", value_parser = values::header)]
    headers: Vec<GivenHeader>,
}

impl RequestArgs {
    /// Reads the arguments as the command line does, but without one: each as the flag of its name
    /// has it, and empty where the flag is not given.
    ///
    /// # Errors The first argument that is wrong, and how.
    pub fn parse(
        url: &str,
        method: &str,
        origin: &str,
        headers: &[String],
    ) -> Result<Self, RequestError> {
        let error = |argument| move |why: String| RequestError { argument, why };
        let origin = Some(origin).filter(|origin| !origin.is_empty());
        let method = if method.is_empty() { "GET" } else { method };
        let headers = headers.iter().map(|header| values::header(header));
        let request = Self {
            url: url.parse().map_err(|why: TargetError| error("url")(why.to_string()))?,
            method: values::method(method).map_err(|why| error("method")(why.to_owned()))?,
            origin: origin.map(values::origin).transpose().map_err(error("origin"))?,
            headers: headers.collect::<Result<_, _>>().map_err(error("headers"))?,
        };
        request.fit_together().map_err(error("origin"))?;
        Ok(request)
    }

    /// The page's origin, as `--origin` or a header gives it.
    pub fn origin(&self) -> Option<&HeaderValue> {
        self.origins().next()
    }

    /// The headers of the request, but for its origin.
    pub fn headers(&self) -> HeaderMap {
        let fields = self.headers.iter().filter_map(|given| match given {
            GivenHeader::Field(name, value) => Some((name, value)),
            GivenHeader::Origin(_) | GivenHeader::Nothing => None,
        });
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name, value.clone());
        }
        headers
    }

    /// Whether all that is given can be so.
    pub(super) fn fit_together(&self) -> Result<(), String> {
        match self.origins().find(|origin| Some(*origin) != self.origin()) {
            Some(other) => Err(format!(
                "a page has exactly one origin, but {:?} is a second one",
                other.to_str().unwrap_or_default()
            )),
            None => Ok(()),
        }
    }

    fn origins(&self) -> impl Iterator<Item = &HeaderValue> {
        let headers = self.headers.iter().filter_map(|given| match given {
            GivenHeader::Origin(origin) => Some(origin),
            GivenHeader::Field(..) | GivenHeader::Nothing => None,
        });
        self.origin.iter().chain(headers)
    }
}

/// An argument that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{argument}: {why}")]
pub struct RequestError {
    /// `url`, `method`, `origin` or `headers`.
    pub argument: &'static str,
    /// What is wrong with it.
    pub why: String,
}
