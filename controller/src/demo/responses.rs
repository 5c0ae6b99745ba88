//! The responses of the demo's three services. Nothing is stored, so that the same request gets the
//! same response, both directly and through the front door.

use super::kind::Kind;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use serde_json::{Value, json};

/// The `x-api-key` that the profiles service requires: the value in `examples/ep/profiles.yaml`.
pub(super) const API_KEY: &str = "demo-key-that-protects-nothing";

/// What the page may load: what it is served with, and calls to anywhere.
const PAGE_POLICY: &str =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src *";

/// The response of a service. `page_config` is what the page needs to know about this run.
pub(super) fn response(
    kind: Kind,
    request: &Request<Bytes>,
    page_config: &Value,
) -> Response<Bytes> {
    match kind {
        Kind::App => app(request, page_config),
        Kind::Sales => sales(request),
        Kind::Profiles => profiles(request),
    }
}

fn app(request: &Request<Bytes>, page_config: &Value) -> Response<Bytes> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return error(StatusCode::METHOD_NOT_ALLOWED, "the web app only serves its page");
    }
    match request.uri().path() {
        "/" => {
            let mut page = text("text/html", include_str!("assets/demo.html"));
            page.headers_mut()
                .insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
            page
        }
        "/demo.css" => text("text/css", include_str!("assets/demo.css")),
        "/demo.js" => text("text/javascript", include_str!("assets/demo.js")),
        "/demo.json" => json(StatusCode::OK, page_config),
        _ => error(StatusCode::NOT_FOUND, "the web app has no such page"),
    }
}

fn sales(request: &Request<Bytes>) -> Response<Bytes> {
    let path: Vec<_> = request.uri().path().split('/').skip(1).collect();
    match (request.method().as_str(), path.as_slice()) {
        ("GET", ["sales", year, "report"]) => json(
            StatusCode::OK,
            &json!({
                "year": year,
                "currency": "EUR",
                "regions": [{"name": "north", "total": 41_200}, {"name": "south", "total": 38_750}],
                "total": 79_950,
            }),
        ),
        ("POST", ["sales", year, "orders"]) => with_json_body(request, |order| {
            json(StatusCode::CREATED, &json!({"id": 17, "year": year, "order": order}))
        }),
        ("DELETE", ["sales", _, "orders", _]) => {
            let mut done = Response::new(Bytes::new());
            *done.status_mut() = StatusCode::NO_CONTENT;
            done
        }
        _ => error(StatusCode::NOT_FOUND, "the sales service has no such resource"),
    }
}

fn profiles(request: &Request<Bytes>) -> Response<Bytes> {
    if request.headers().get("x-api-key").is_none_or(|key| key != API_KEY) {
        return error(StatusCode::UNAUTHORIZED, "the profiles service needs its x-api-key");
    }
    let path: Vec<_> = request.uri().path().split('/').skip(1).collect();
    match (request.method().as_str(), path.as_slice()) {
        ("GET", ["users", name]) => json(
            StatusCode::OK,
            &json!({"name": name, "team": "engines", "languages": ["en", "fr"]}),
        ),
        ("PUT", ["users", name]) => with_json_body(request, |profile| {
            json(StatusCode::OK, &json!({"name": name, "saved": profile}))
        }),
        _ => error(StatusCode::NOT_FOUND, "the profiles service has no such resource"),
    }
}

/// Responds to a JSON body. Like most APIs, this one requires a JSON content type, which is what
/// causes the preflight.
fn with_json_body(
    request: &Request<Bytes>,
    response: impl FnOnce(Value) -> Response<Bytes>,
) -> Response<Bytes> {
    let declared = request.headers().get(header::CONTENT_TYPE);
    if declared.is_none_or(|kind| kind != "application/json") {
        let why = "send the body as application/json";
        return error(StatusCode::UNSUPPORTED_MEDIA_TYPE, why);
    }
    match serde_json::from_slice(request.body()) {
        Ok(body) => response(body),
        Err(_) => error(StatusCode::BAD_REQUEST, "the body is not JSON"),
    }
}

fn text(kind: &str, body: &'static str) -> Response<Bytes> {
    typed(&format!("{kind}; charset=utf-8"), Bytes::from_static(body.as_bytes()))
}

/// A JSON response.
pub(super) fn json(status: StatusCode, body: &Value) -> Response<Bytes> {
    let mut response = typed("application/json", Bytes::from(body.to_string()));
    *response.status_mut() = status;
    response
}

/// An error response that explains itself.
pub(super) fn error(status: StatusCode, why: &str) -> Response<Bytes> {
    json(status, &json!({"error": why}))
}

fn typed(kind: &str, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    if let Ok(kind) = HeaderValue::from_str(kind) {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn ask(
        kind: Kind,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
        body: &str,
    ) -> (u16, Value) {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let request = request.body(Bytes::from(body.to_owned())).unwrap();
        let response = response(kind, &request, &Value::Null);
        let body = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
        (response.status().as_u16(), body)
    }

    const JSON: (&str, &str) = ("content-type", "application/json");
    const KEY: (&str, &str) = ("x-api-key", API_KEY);

    #[test]
    fn sales_answers_its_three_calls() {
        assert_eq!(ask(Kind::Sales, "GET", "/sales/2021/report", &[], "").1["total"], 79_950);
        let (status, body) =
            ask(Kind::Sales, "POST", "/sales/2021/orders", &[JSON], r#"{"item":"lamp"}"#);
        assert_eq!((status, &body["order"]["item"]), (201, &json!("lamp")));
        assert_eq!(
            ask(Kind::Sales, "DELETE", "/sales/2021/orders/17", &[], ""),
            (204, Value::Null)
        );
    }

    #[test]
    fn profiles_wants_its_key() {
        assert_eq!(ask(Kind::Profiles, "GET", "/users/ada", &[], "").0, 401);
        assert_eq!(ask(Kind::Profiles, "GET", "/users/ada", &[("x-api-key", "x")], "").0, 401);
        assert_eq!(ask(Kind::Profiles, "GET", "/users/ada", &[KEY], "").1["name"], "ada");
        let (status, body) = ask(Kind::Profiles, "PUT", "/users/ada", &[KEY, JSON], "[1]");
        assert_eq!((status, &body["saved"]), (200, &json!([1])));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let put = |fields: &[_], body| ask(Kind::Profiles, "PUT", "/users/ada", fields, body).0;
        assert_eq!(put(&[KEY], "{}"), 415);
        assert_eq!(put(&[KEY, JSON], "{"), 400);
        assert_eq!(ask(Kind::Sales, "GET", "/users/ada", &[], "").0, 404);
        assert_eq!(ask(Kind::App, "GET", "/sales/2021/report", &[], "").0, 404);
        assert_eq!(ask(Kind::App, "POST", "/", &[], "").0, 405);
        assert_eq!(ask(Kind::App, "GET", "/", &[], "").0, 200);
    }
}
