//! What a release is made of.

use portico_tests::helm::{Objects, render, render_as};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn pod(objects: &Objects, kind: &str) -> Value {
    objects.one(kind, "").unwrap()["spec"]["template"].clone()
}

#[test]
fn a_pod_passes_the_level_restricted() {
    let Some(objects) = render(&[]) else { return };
    let pod = pod(&objects.unwrap(), "Deployment");
    let spec = &pod["spec"];
    assert_eq!(spec["securityContext"]["runAsNonRoot"], true);
    assert_eq!(spec["securityContext"]["runAsUser"], 65532);
    assert_eq!(spec["securityContext"]["seccompProfile"], json!({"type": "RuntimeDefault"}));
    let container = &spec["containers"][0];
    let expected = json!({
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        "capabilities": {"drop": ["ALL"]},
    });
    assert_eq!(container["securityContext"], expected);
    assert!(spec.get("volumes").is_none() && container["ports"][0].get("hostPort").is_none());
}

#[test]
fn a_container_knows_its_pod() {
    let Some(objects) = render(&["log.filter=debug", "extraEnv[0].name=MORE"]) else { return };
    let env = &pod(&objects.unwrap(), "Deployment")["spec"]["containers"][0]["env"];
    let field = |path: &str| json!({"fieldRef": {"fieldPath": path}});
    let expected = json!([
        {"name": "POD_NAME", "valueFrom": field("metadata.name")},
        {"name": "POD_UID", "valueFrom": field("metadata.uid")},
        {"name": "RUST_LOG", "value": "debug"},
        {"name": "MORE"},
    ]);
    assert_eq!(*env, expected);
}

#[test]
fn a_pod_is_not_killed_before_its_requests_are_answered() {
    for values in [&["drainTimeoutSeconds=120"][..], &["preStopSleepSeconds=20"], &[]] {
        let Some(objects) = render(values) else { return };
        let spec = &pod(&objects.unwrap(), "Deployment")["spec"];
        let container = &spec["containers"][0];
        let sleep = container["lifecycle"]["preStop"]["sleep"]["seconds"].as_u64().unwrap();
        let arguments = container["args"].as_array().unwrap().iter();
        let drain = arguments
            .filter_map(|argument| argument.as_str()?.strip_prefix("--drain-timeout="))
            .find_map(|time| time.strip_suffix('s')?.parse::<u64>().ok())
            .unwrap();
        let grace = spec["terminationGracePeriodSeconds"].as_u64().unwrap();
        assert!(grace > sleep + drain, "{grace} after {sleep} and {drain}");
    }
}

#[test]
fn a_hook_of_ones_own_is_beside_the_sleep_or_in_place_of_it() {
    let hooks = |values: &[&str]| {
        let pod = pod(&render(values)?.unwrap(), "Deployment");
        Some(pod["spec"]["containers"][0]["lifecycle"].clone())
    };
    let sleep = |seconds: u64| json!({"sleep": {"seconds": seconds}});
    let Some(beside) = hooks(&["lifecycle.postStart.sleep.seconds=1"]) else { return };
    assert_eq!(beside, json!({"postStart": sleep(1), "preStop": sleep(5)}));
    assert_eq!(
        hooks(&["lifecycle.preStop.sleep.seconds=9"]).unwrap(),
        json!({"preStop": sleep(9)})
    );
    assert_eq!(hooks(&["preStopSleepSeconds=0"]).unwrap(), Value::Null);
}

#[test]
fn containers_and_volumes_of_ones_own_are_in_the_pod() {
    let values = [
        "initContainers[0].name=first",
        "extraContainers[0].name=beside",
        "extraContainers[0].image=example.com/beside:1",
        "extraVolumes[0].name=scratch",
        "extraVolumes[0].emptyDir.medium=Memory",
        "extraVolumeMounts[0].name=scratch",
        "extraVolumeMounts[0].mountPath=/scratch",
    ];
    let Some(objects) = render(&values) else { return };
    let spec = &pod(&objects.unwrap(), "Deployment")["spec"];
    let names = |list: &Value| -> Vec<String> {
        let list = list.as_array().unwrap().iter();
        list.map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&spec["initContainers"]), ["first"]);
    assert_eq!(names(&spec["containers"]), ["portico", "beside"]);
    assert_eq!(spec["volumes"], json!([{"name": "scratch", "emptyDir": {"medium": "Memory"}}]));
    let mounts = json!([{"name": "scratch", "mountPath": "/scratch"}]);
    assert_eq!(spec["containers"][0]["volumeMounts"], mounts);
}

#[test]
fn on_the_network_of_the_node_no_two_pods_want_one_port() {
    let Some(objects) = render(&["kind=DaemonSet", "hostNetwork=true"]) else { return };
    let objects = objects.unwrap();
    let spec = &objects.one("DaemonSet", "").unwrap()["spec"];
    assert_eq!(spec["updateStrategy"]["rollingUpdate"]["maxSurge"], 0);
    let pod = &spec["template"]["spec"];
    assert_eq!(pod["hostNetwork"], true);
    // Or the names of Services would not resolve.
    assert_eq!(pod["dnsPolicy"], "ClusterFirstWithHostNet");
    let usual = render(&[]).unwrap().unwrap();
    let usual = &usual.one("Deployment", "").unwrap()["spec"]["template"]["spec"];
    assert!(usual.get("hostNetwork").is_none() && usual.get("dnsPolicy").is_none());
}

#[test]
fn the_service_asks_for_the_address_that_the_values_say() {
    let Some(objects) = render(&["service.loadBalancerIP=192.0.2.1"]) else { return };
    let objects = objects.unwrap();
    let service = &objects.one("Service", "edge-portico").unwrap()["spec"];
    assert_eq!(service["loadBalancerIP"], "192.0.2.1");
}

#[test]
fn services_and_policies_select_the_pods() {
    let all = ["networkPolicy.enabled=true", "serviceMonitor.enabled=true"];
    let Some(objects) = render(&all) else { return };
    let objects = objects.unwrap();
    let pod = pod(&objects, "Deployment");
    let labels = pod["metadata"]["labels"].as_object().unwrap();
    let selects = |selector: &Value| {
        let selector = selector.as_object().unwrap();
        !selector.is_empty() && selector.iter().all(|(key, value)| labels.get(key) == Some(value))
    };
    for service in objects.of("Service") {
        assert!(selects(&service["spec"]["selector"]), "{service}");
        for port in service["spec"]["ports"].as_array().unwrap() {
            let ports = pod["spec"]["containers"][0]["ports"].as_array().unwrap();
            assert!(ports.iter().any(|of_pod| of_pod["name"] == port["targetPort"]), "{port}");
        }
    }
    let public = objects.one("Service", "edge-portico").unwrap();
    let public = public["spec"]["ports"].as_array().unwrap();
    let public: Vec<_> = public.iter().map(|port| (&port["name"], &port["port"])).collect();
    let (http, https) = (json!("http"), json!("https"));
    assert_eq!(
        public,
        [(&http, &json!(80)), (&https, &json!(443))],
        "the admin port is not public"
    );
    for kind in ["Deployment", "PodDisruptionBudget"] {
        assert!(
            selects(&objects.one(kind, "").unwrap()["spec"]["selector"]["matchLabels"]),
            "{kind}"
        );
    }
    let policy = objects.one("NetworkPolicy", "").unwrap();
    assert!(selects(&policy["spec"]["podSelector"]["matchLabels"]));
    for constraint in pod["spec"]["topologySpreadConstraints"].as_array().unwrap() {
        assert!(selects(&constraint["labelSelector"]["matchLabels"]), "{constraint}");
    }
    let monitor = objects.one("ServiceMonitor", "").unwrap();
    let wanted = monitor["spec"]["selector"]["matchLabels"].as_object().unwrap();
    let monitored = objects.of("Service").into_iter().filter(|service| {
        wanted.iter().all(|(key, value)| service["metadata"]["labels"].get(key) == Some(value))
    });
    assert_eq!(monitored.count(), 1);
}

#[test]
fn by_default_only_a_scrape_reaches_the_admin_port() {
    let Some(objects) = render(&[]) else { return };
    let objects = objects.unwrap();
    let policy = &objects.one("NetworkPolicy", "").unwrap()["spec"];
    assert_eq!(policy["policyTypes"], json!(["Ingress"]));
    let rules = policy["ingress"].as_array().unwrap();
    let of_port = |port: u64| {
        let mut rules = rules.iter().filter(move |rule| rule["ports"][0]["port"] == port);
        (rules.next().unwrap(), rules.count())
    };
    let (http, more) = of_port(8080);
    assert_eq!((http.get("from"), more), (None, 0), "anyone may send requests");
    assert_eq!(http["ports"][1]["port"], 8443);
    let (admin, more) = of_port(9090);
    let prometheus = json!([{
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}},
    }]);
    assert_eq!((&admin["from"], more, rules.len()), (&prometheus, 0, 2));
    let none = render(&["networkPolicy.enabled=false"]).unwrap().unwrap();
    assert!(none.of("NetworkPolicy").is_empty());
}

#[test]
fn a_selector_of_ones_own_is_left_alone() {
    let constraint = "topologySpreadConstraints[0]";
    let values = [
        "maxSkew=1",
        "topologyKey=zone",
        "whenUnsatisfiable=ScheduleAnyway",
        "labelSelector.matchLabels.tier=front",
    ];
    let values = values.map(|value| format!("{constraint}.{value}"));
    let Some(objects) = render(&values.each_ref().map(String::as_str)) else { return };
    let pod = pod(&objects.unwrap(), "Deployment");
    let constraints = &pod["spec"]["topologySpreadConstraints"];
    assert_eq!(constraints[0]["labelSelector"], json!({"matchLabels": {"tier": "front"}}));
}

#[test]
fn names_that_yaml_has_for_numbers_stay_names() {
    let all: &[&str] = &[
        "watchNamespaces={1e3,1e4}",
        "secrets.namespaces={1e4}",
        "serviceAccount.name=1e5",
        "priorityClassName=1e6",
        "service.loadBalancerClass=1e7",
        "commonLabels.team=1e8",
        "autoscaling.enabled=true",
        "networkPolicy.enabled=true",
        "serviceMonitor.enabled=true",
        "prometheusRule.enabled=true",
        "dashboard.enabled=true",
    ];
    let called = |release, name: &[&'static str]| render_as(release, "456", &[all, name].concat());
    let Some(numbers) = called("123", &["fullnameOverride=edge", "nameOverride=1e9"]) else {
        return;
    };
    // A release whose name has the chart's in it gives objects its own: here `true`.
    let words = called("true", &["nameOverride=rue"]).unwrap().unwrap();
    words.one("Service", "true").unwrap();
    for objects in [numbers.unwrap(), words] {
        for object in objects.all() {
            assert_names_are_texts(object);
        }
    }
}

fn assert_names_are_texts(value: &Value) {
    for (key, field) in value.as_object().into_iter().flatten() {
        let mut texts: Vec<&Value> = match key.as_str() {
            "name" | "namespace" | "serviceAccountName" | "priorityClassName"
            | "loadBalancerClass" => vec![field],
            "resourceNames" => field.as_array().unwrap().iter().collect(),
            "labels" | "matchLabels" | "selector" => field.as_object().unwrap().values().collect(),
            _ => Vec::new(),
        };
        texts.retain(|text| !text.is_string() && !text.is_object());
        assert!(texts.is_empty(), "{key} has {texts:?} in {value}");
        assert_names_are_texts(field);
    }
    value.as_array().into_iter().flatten().for_each(assert_names_are_texts);
}

#[test]
fn what_scales_fits_the_kind() {
    let Some(objects) = render(&["autoscaling.enabled=true", "autoscaling.maxReplicas=4"]) else {
        return;
    };
    let objects = objects.unwrap();
    let deployment = objects.one("Deployment", "").unwrap();
    assert!(deployment["spec"].get("replicas").is_none(), "the autoscaler's word, not the chart's");
    let autoscaler = &objects.one("HorizontalPodAutoscaler", "").unwrap()["spec"];
    assert_eq!(autoscaler["scaleTargetRef"]["name"], deployment["metadata"]["name"]);
    assert_eq!((&autoscaler["minReplicas"], &autoscaler["maxReplicas"]), (&json!(2), &json!(4)));

    let set = render(&["kind=DaemonSet", "hostPorts.http=80"]).unwrap().unwrap();
    let container = &pod(&set, "DaemonSet")["spec"]["containers"][0];
    assert_eq!(container["ports"][0]["hostPort"], 80);
    assert!(set.of("Deployment").is_empty() && set.of("PodDisruptionBudget").is_empty());
    let single = render(&["replicaCount=1"]).unwrap().unwrap();
    assert!(single.of("PodDisruptionBudget").is_empty(), "it would hold up every drain of a node");
}

#[test]
fn redirects_name_the_port_at_which_clients_reach_https() {
    let flag = "--public-https-port=";
    for (values, expected) in [
        (&[][..], None),
        (&["service.ports.https=8443"], Some("8443")),
        (&["service.type=NodePort", "service.nodePorts.https=30443"], Some("30443")),
        (&["service.type=NodePort"], None),
        // The load balancer's port is the Service's.
        (&["service.nodePorts.https=30443"], None),
        (&["kind=DaemonSet", "hostPorts.https=8443", "service.type=ClusterIP"], Some("8443")),
        (&["kind=DaemonSet", "hostPorts.https=443", "service.ports.https=8443"], None),
        (
            &["service.type=NodePort", "service.nodePorts.https=30443", "publish.httpsPort=443"],
            None,
        ),
        (&["publish.httpsPort=9443"], Some("9443")),
    ] {
        let Some(objects) = render(values) else { return };
        let objects = objects.unwrap();
        let workloads = [objects.of("Deployment"), objects.of("DaemonSet")].concat();
        let arguments = &workloads[0]["spec"]["template"]["spec"]["containers"][0]["args"];
        let arguments = arguments.as_array().unwrap().iter().filter_map(Value::as_str);
        let named = arguments.filter_map(|argument| argument.strip_prefix(flag)).next();
        assert_eq!(named, expected, "{values:?}");
    }
}

#[test]
fn releases_do_not_meet() {
    let all: &[&str] =
        &["autoscaling.enabled=true", "dashboard.enabled=true", "prometheusRule.enabled=true"];
    let Some(first) = render_as("edge", "one", all) else { return };
    let second = render_as("edge", "two", all).unwrap();
    // Two of one class in one namespace would share the Lease, and Helm refuses the second.
    let third = render_as("other", "one", &[all, &["className=other"]].concat()).unwrap();
    let [first, second, third] = [first, second, third].map(|objects| names(&objects.unwrap()));
    assert!(first.len() > 10, "{first:?}");
    for other in [&second, &third] {
        assert!(first.is_disjoint(other), "{:?}", first.intersection(other));
    }
}

/// Each object's kind, namespace and name.
fn names(objects: &Objects) -> BTreeSet<[String; 3]> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = |object: &Value| {
        let metadata = &object["metadata"];
        [text(&object["kind"]), text(&metadata["namespace"]), text(&metadata["name"])]
    };
    objects.all().map(name).collect()
}
