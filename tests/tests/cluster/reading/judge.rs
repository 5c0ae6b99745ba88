//! What becomes of an object: offline, as `portico check` reads it, and in a cluster.

use anyhow::{Context, Result, bail};
use http::Request;
use http_body_util::BodyExt;
use kube::{Client, Config, client::Body};
use portico::{
    compile::{Options, compile},
    diagnostic::{ConditionType, Kind, ObjectRef, Reason, Severity},
    files,
};
use portico_crds::{FrontDoor, Route};
use portico_dataplane::table::ObjectName;
use serde_json::{Value, json};

/// The namespace of all objects, which are never stored.
pub(super) const NAMESPACE: &str = "default";

/// The FrontDoor of the Routes. It has what they may name.
const FRONT_DOOR: &str = r#"{
    "apiVersion": "portico.dev/v1alpha1", "kind": "FrontDoor",
    "metadata": {"name": "ep", "namespace": "default"},
    "spec": {"hosts": [{"name": "*"}, {"name": "www.ep.com"}, {"name": "*.ep.com"}, {"name": "localhost"}]}
}"#;

/// What becomes of an object.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    /// It is taken, and its `spec` is stored like this.
    Taken(Value),
    /// It is refused, for these reasons.
    Refused(Vec<String>),
}

/// What `check` makes of an object. Only what is wrong with the object by itself counts.
pub(super) fn offline(kind: Kind, object: &Value) -> Verdict {
    let text = object.to_string();
    let context = match kind {
        Kind::FrontDoor => None,
        Kind::Route => Some(("front-door.yaml", FRONT_DOOR)),
    };
    let merged = files::read_texts(context.into_iter().chain([("object.yaml", text.as_str())]));
    let mut reasons: Vec<String> =
        merged.problems.values().flatten().map(ToString::to_string).collect();
    let compiled =
        compile(&merged.snapshot, &Options { loopback_endpoints: true, ..Options::default() });
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let name = ObjectName::new(NAMESPACE, name);
    let status = compiled.statuses.get(&ObjectRef { kind, name: name.clone() });
    for problem in status.into_iter().flat_map(|status| &status.problems) {
        let is_of_status = problem.field.starts_with("status.");
        let is_error = problem.severity == Severity::Error
            && problem.condition == ConditionType::Accepted
            && matches!(problem.reason, Reason::Invalid | Reason::DuplicateField);
        if is_error || is_of_status {
            reasons.push(format!("{}: {}", problem.field, problem.message));
        }
    }
    if !reasons.is_empty() {
        return Verdict::Refused(reasons);
    }
    let spec = match kind {
        Kind::FrontDoor => merged
            .snapshot
            .front_doors
            .get(&name)
            .and_then(|it| it.object.clone())
            .map(|it| json!(it.spec)),
        Kind::Route => merged
            .snapshot
            .routes
            .get(&name)
            .and_then(|it| it.object.clone())
            .map(|it| json!(it.spec)),
    };
    spec.map_or_else(|| Verdict::Refused(vec!["nothing was read".to_owned()]), Verdict::Taken)
}

/// How an object is given to the API server.
#[derive(Clone, Copy, Debug)]
pub(super) enum How {
    /// As `kubectl apply` and `kubectl create` do what is new.
    Create,
    /// As `kubectl apply --server-side`.
    Apply,
}

/// An API server that judges objects and keeps none.
#[derive(Clone)]
pub(super) struct ApiServer(Client);

impl ApiServer {
    pub(super) async fn connect() -> Result<Self> {
        let config = Config::infer().await?;
        Ok(Self(Client::try_from(config)?))
    }

    /// What the API server makes of an object, strictly.
    pub(super) async fn judge(&self, kind: Kind, how: How, object: &Value) -> Result<Verdict> {
        let plural = match kind {
            Kind::FrontDoor => "frontdoors",
            Kind::Route => "routes",
        };
        let all = format!("/apis/portico.dev/v1alpha1/namespaces/{NAMESPACE}/{plural}");
        let strict = "dryRun=All&fieldValidation=Strict";
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let request = match how {
            How::Create => {
                Request::post(format!("{all}?{strict}")).header("content-type", "application/json")
            }
            How::Apply => {
                Request::patch(format!("{all}/{name}?{strict}&fieldManager=reading&force=true"))
                    .header("content-type", "application/apply-patch+yaml")
            }
        };
        let request = request.body(Body::from(serde_json::to_vec(object)?))?;
        let response = self.0.send(request).await?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await?.to_bytes();
        let answer: Value =
            serde_json::from_slice(&body).with_context(|| format!("{status} {body:?}"))?;
        match status {
            200 | 201 => Ok(Verdict::Taken(stored(kind, answer)?)),
            400 | 422 => Ok(Verdict::Refused(vec![
                answer["message"].as_str().unwrap_or_default().to_owned(),
            ])),
            // A decoder of the API server has no better word for it.
            500 if answer["message"].as_str().is_some_and(|it| {
                it.contains("unable to decode") || it.contains("typed patch")
            }) =>
            {
                Ok(Verdict::Refused(vec![answer["message"].to_string()]))
            }
            _ => bail!("{how:?}: {status} {answer}: {object}"),
        }
    }
}

/// A stored `spec` as Portico reads it.
fn stored(kind: Kind, answer: Value) -> Result<Value> {
    let shown = answer.to_string();
    let spec = match kind {
        Kind::FrontDoor => serde_json::from_value::<FrontDoor>(answer).map(|it| json!(it.spec)),
        Kind::Route => serde_json::from_value::<Route>(answer).map(|it| json!(it.spec)),
    };
    spec.with_context(|| format!("what is stored does not decode: {shown}"))
}
