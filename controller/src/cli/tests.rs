use super::*;
use portico_dataplane::config::Underscores;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    serving: ServingArgs,
}

fn serving(flags: &[&str]) -> Result<ServingArgs, String> {
    let line = ["portico"].iter().chain(flags);
    Line::try_parse_from(line).map(|line| line.serving).map_err(|error| error.to_string())
}

#[test]
fn the_definition_holds_together() {
    Cli::command().debug_assert();
}

#[test]
fn an_address_that_the_demo_is_given_is_told_from_the_usual_one() {
    let given = |flags: &[&str]| {
        let line = Cli::command().get_matches_from(["portico", "demo"].iter().chain(flags));
        match Cli::from_line(&line).unwrap().command {
            Command::Demo(args) => (args.http_given, args.admin_given),
            other => unreachable!("{other:?}"),
        }
    };
    assert_eq!(given(&[]), (false, false));
    assert_eq!(given(&["--http", demo::HTTP]), (true, false));
    assert_eq!(given(&["--admin=127.0.0.1:9090"]), (false, true));
}

#[test]
fn the_demo_adds_60_ms_unless_it_is_told_otherwise() {
    let latency = |flags: &[&str]| {
        let line = Cli::command().get_matches_from(["portico", "demo"].iter().chain(flags));
        match Cli::from_line(&line).unwrap().command {
            Command::Demo(args) => args.latency,
            other => unreachable!("{other:?}"),
        }
    };
    assert_eq!(latency(&[]), Duration::from_millis(60));
    assert_eq!(latency(&["--latency", "0ms"]), Duration::ZERO);
}

#[test]
fn the_defaults_are_those_of_the_dataplane() {
    let args = serving(&[]).unwrap();
    let config = args.config();
    let limits = Limits { memory: config.limits.memory, ..Limits::default() };
    assert_eq!(config.http.to_string(), "0.0.0.0:8080");
    assert_eq!(config.https.to_string(), "0.0.0.0:8443");
    assert_eq!(config.public_https_port, None);
    assert_eq!(args.admin.to_string(), "127.0.0.1:9090");
    assert_eq!(args.drain_timeout, Duration::from_secs(30));
    assert_eq!(format!("{:?}", config.limits), format!("{limits:?}"));
    assert!(config.via_name.starts_with("portico-") && config.via_name.len() == 16);
    assert_ne!(config.via_name, serving(&[]).unwrap().config().via_name);
}

#[test]
fn flags_reach_the_configuration() {
    let args = serving(&[
        "--http=[::1]:0",
        "--https=127.0.0.1:443",
        "--public-https-port=30443",
        "--handshake-timeout=2s",
        "--workers=3",
        "--max-body-bytes=1MiB",
        "--max-head-bytes=4096",
        "--max-response-fields=250",
        "--header-timeout=1m30s",
        "--idle-timeout=500ms",
        "--underscores=allow",
        "--max-connections-per-client=20",
        "--max-memory=256MiB",
        "--via-name=edge",
        "--trusted-proxy=10.1.2.3/8",
        "--trusted-proxy=fd00::1",
        "--allow-external=10.0.0.0/8",
        "--allow-external=*.corp.example",
    ]);
    let args = args.unwrap();
    let options = args.compiling.options();
    let trusted: Vec<_> = options.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(trusted, ["10.0.0.0/8", "fd00::1/128"]);
    let config = args.config();
    assert_eq!(config.http.to_string(), "[::1]:0");
    assert_eq!(config.https.to_string(), "127.0.0.1:443");
    assert_eq!(config.public_https_port, Some(30443));
    assert_eq!(config.limits.handshake_timeout, Duration::from_secs(2));
    assert_eq!(config.workers, 3);
    assert_eq!(config.limits.body_bytes, Some(1 << 20));
    assert_eq!(config.limits.head_bytes, 4096);
    assert_eq!(config.limits.response_fields, 250);
    assert_eq!(config.limits.header_timeout, Duration::from_secs(90));
    assert_eq!(config.limits.idle_timeout, Duration::from_millis(500));
    assert_eq!(config.limits.underscores, Underscores::Allow);
    assert_eq!(config.limits.connections_per_client, Some(20));
    assert_eq!(config.limits.memory, 256 << 20);
    assert_eq!(&*config.via_name, "edge");
    assert!(config.guard.allows("x", [10, 1, 2, 3].into()));
    assert!(config.guard.allows("a.corp.example", [127, 0, 0, 1].into()));
}

#[test]
fn a_bad_value_says_what_a_good_one_is() {
    for (flag, way_out) in [
        ("--http=8080", "0.0.0.0:8080"),
        ("--http=localhost:80", "127.0.0.1:8080"),
        ("--workers=0", "a whole number above 0"),
        ("--max-connections=many", "a whole number above 0"),
        ("--max-connections-per-client=0", "a whole number above 0"),
        ("--max-memory=80%", "64KiB"),
        ("--max-response-fields=0", "a whole number above 0"),
        ("--max-head-bytes=64kb", "64KiB"),
        ("--max-head-bytes=0", "64KiB"),
        ("--idle-timeout=30", "30s"),
        ("--idle-timeout=-3s", "30s"),
        ("--idle-timeout=0s", "more than 0"),
        ("--via-name=a b", "letters"),
        ("--underscores=keep", "remove, allow"),
        ("--allow-external=http://x", "CIDR"),
        ("--trusted-proxy=lb.example", "10.0.0.0/8"),
        ("--host-claims=www.ep.com", "web=www.ep.com"),
        ("--host-claims=web=", "web=www.ep.com"),
        ("--host-claims=Web=a.com", "lower-case"),
        ("--host-claims=web=a.com,a.*", "'a.*' has a '*'"),
    ] {
        let error = serving(&[flag]).unwrap_err();
        assert!(error.contains(way_out), "{flag}: {error}");
    }
}
