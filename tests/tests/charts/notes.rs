//! What helm prints after an install.

use portico_tests::{helm::run, root};
use serde_json::Value;
use std::fs;

/// The notes of a release with these values. `helm template` leaves them out, and `helm install` wants
/// a cluster: so that a copy of the chart has them as an object.
fn notes(values: &[&str]) -> Option<String> {
    let (chart, copy) = (root().join("charts/portico"), tempfile::tempdir().unwrap());
    fs::create_dir(copy.path().join("templates")).unwrap();
    for file in ["Chart.yaml", "values.yaml", "templates/_helpers.tpl"] {
        fs::copy(chart.join(file), copy.path().join(file)).unwrap();
    }
    let text = fs::read_to_string(chart.join("templates/NOTES.txt")).unwrap();
    let object = format!(
        "{{{{- define \"notes\" -}}}}\n{text}{{{{- end -}}}}\nnotes: {{{{ include \"notes\" . | quote }}}}\n"
    );
    fs::write(copy.path().join("templates/notes.yaml"), object).unwrap();

    let mut arguments = vec!["template", "edge", copy.path().to_str().unwrap()];
    arguments.extend(values.iter().flat_map(|value| ["--set", value]));
    let object: Value = serde_saphyr::from_str(&run("helm", &arguments)?.unwrap()).unwrap();
    Some(object["notes"].as_str().unwrap().to_owned())
}

#[test]
fn they_say_that_a_port_of_the_nodes_spares_no_load_balancer() {
    let way_out = "service.type=ClusterIP";
    let Some(both) = notes(&["kind=DaemonSet", "hostPorts.http=8000"]) else { return };
    assert!(both.contains("8000") && both.contains(way_out), "{both}");
    for values in [&["kind=DaemonSet"][..], &["hostPorts.http=8000", "service.type=ClusterIP"]] {
        let notes = notes(values).unwrap();
        assert!(!notes.contains(way_out), "{notes}");
    }
}

#[test]
fn their_example_is_valid() {
    let Some(notes) = notes(&["className=1e3", "watchNamespaces={1e4}"]) else { return };
    let (_, example) = notes.split_once("<<EOF\n").unwrap();
    let (example, _) = example.split_once("\nEOF\n").unwrap();
    let objects: Vec<Value> = serde_saphyr::from_multiple(example).unwrap();
    let [front_door, route] = &objects[..] else { panic!("{example}") };
    assert_eq!(front_door["spec"]["className"], "1e3");
    for object in [front_door, route] {
        assert_eq!(object["metadata"]["namespace"], "1e4");
    }
    assert_eq!(route["spec"]["frontDoorRef"]["name"], front_door["metadata"]["name"]);
}
