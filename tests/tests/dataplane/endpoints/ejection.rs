//! Endpoints that fail requests are out for a while, but never too many.

use super::{
    super::upstreams::{black_hole, nobody},
    *,
};
use portico_dataplane::table::Retry;
use portico_tests::{backend::Stage, wire::Wire};

#[tokio::test]
async fn a_burst_of_errors_takes_an_endpoint_out_for_all_workers() {
    let (good, bad) = (Moody::start(false).await, Moody::start(true).await);
    let edge = edge(&app(&[good.address(), bad.address()]), &ejecting(3)).await;
    let served = send(&edge, 60, 200).await;
    assert_eq!((bad.count(), served), (3, 57));
    assert!(is_ejected(&edge, bad.address()) && !is_ejected(&edge, good.address()));
    let sample = "portico_backend_ejections_total{backend=\"web/app:80\"}";
    assert_eq!(edge.metric::<u64>(sample).await.unwrap(), 1);
    let sample = "portico_backend_endpoints{backend=\"web/app:80\",state=\"ejected\"}";
    assert_eq!(edge.metric::<u64>(sample).await.unwrap(), 1);
}

#[tokio::test]
async fn an_endpoint_comes_back_when_its_time_is_over() {
    let (good, bad) = (Moody::start(false).await, Moody::start(true).await);
    let mut selection = ejecting(2);
    selection.ejection.time = Duration::from_millis(300);
    let edge = edge(&app(&[good.address(), bad.address()]), &selection).await;
    until(async || {
        send(&edge, 1, 200).await;
        is_ejected(&edge, bad.address())
    })
    .await;
    bad.set(false);
    let before = bad.count();
    until(async || {
        assert_eq!(send(&edge, 1, 200).await, 1);
        bad.count() > before
    })
    .await;
    assert_eq!(shown(&edge, bad.address()).ejections, 1);
}

#[tokio::test]
async fn errors_that_are_not_in_a_row_do_not_count() {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let mixed = Backend::scripted(move |_| {
        let nth = count.fetch_add(1, Ordering::SeqCst);
        Reply::raw(match nth % 3 {
            0 => FINE,
            1 => FAILED,
            _ => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        })
    });
    let (mixed, other) = (mixed.await.unwrap(), Moody::start(false).await);
    let edge = edge(&app(&[mixed.address(), other.address()]), &ejecting(2)).await;
    send(&edge, 60, 200).await;
    assert!(!is_ejected(&edge, mixed.address()));
}

#[tokio::test]
async fn clients_that_leave_in_the_middle_of_their_bodies_take_nothing_out() {
    let (one, other) = (Moody::start(false).await, Moody::start(false).await);
    let edge = edge(&app(&[one.address(), other.address()]), &ejecting(1)).await;
    for _ in 0..20 {
        let mut wire = Wire::connect(edge.address()).await.unwrap();
        let head = "POST / HTTP/1.1\r\nHost: www.ep.com\r\nContent-Length: 9\r\n\r\nbody";
        wire.send(head).await.unwrap();
    }
    assert_eq!(send(&edge, 40, 200).await, 40);
    assert!(!is_ejected(&edge, one.address()) && !is_ejected(&edge, other.address()));
}

#[tokio::test]
async fn one_of_one_is_never_out() {
    let bad = Moody::start(true).await;
    let edge = edge(&app(&[bad.address()]), &ejecting(1)).await;
    assert_eq!(send(&edge, 20, 500).await, 20);
    assert_eq!(bad.count(), 20);
    assert!(!is_ejected(&edge, bad.address()));
}

#[tokio::test]
async fn no_more_than_max_share_are_out() {
    let mut bad = Vec::new();
    for _ in 0..4 {
        bad.push(Moody::start(true).await);
    }
    let addresses: Vec<_> = bad.iter().map(Moody::address).collect();
    let edge = edge(&app(&addresses), &ejecting(2)).await;
    assert_eq!(send(&edge, 80, 500).await, 80);
    let out = addresses.iter().filter(|address| is_ejected(&edge, **address)).count();
    assert_eq!(out, 2);
    // Those that are out got what it took, the others the rest.
    let mut counts: Vec<_> = bad.iter().map(Moody::count).collect();
    counts.sort_unstable();
    assert_eq!((counts[0], counts[1]), (2, 2), "{counts:?}");
    assert_eq!(counts.iter().sum::<usize>(), 80);
}

#[tokio::test]
async fn where_all_are_out_all_are_used() {
    let (one, other) = (Moody::start(true).await, Moody::start(true).await);
    let mut selection = ejecting(1);
    selection.ejection.max_share = 100;
    let edge = edge(&app(&[one.address(), other.address()]), &selection).await;
    until(async || {
        send(&edge, 1, 500).await;
        is_ejected(&edge, one.address()) && is_ejected(&edge, other.address())
    })
    .await;
    let before = [one.count(), other.count()];
    assert_eq!(send(&edge, 20, 500).await, 20);
    let more = [one.count() - before[0], other.count() - before[1]];
    assert!(more.iter().all(|count| (6..=14).contains(count)), "{more:?}");
    let sample = "portico_backend_panics_total{route=\"web/app\"}";
    assert!(edge.metric::<usize>(sample).await.unwrap() >= 20);
}

#[tokio::test]
async fn a_new_table_changes_nothing_of_it_until_no_route_names_the_endpoint() {
    let (good, bad) = (Moody::start(false).await, Moody::start(true).await);
    let manifests = app(&[good.address(), bad.address()]);
    let edge = edge(&manifests, &ejecting(2)).await;
    send(&edge, 20, 200).await;
    let since = shown(&edge, bad.address()).since;
    assert!(is_ejected(&edge, bad.address()));
    let third = Moody::start(false).await;
    let more = app(&[good.address(), bad.address(), third.address()]);
    edge.serve_selecting(&more, &ejecting(2)).await.unwrap();
    assert_eq!(send(&edge, 20, 200).await, 20);
    assert!(is_ejected(&edge, bad.address()) && third.count() > 0);
    let kept = shown(&edge, bad.address()).since;
    let drift = kept.duration_since(since).unwrap_or_else(|error| error.duration());
    assert!(drift < Duration::from_secs(1), "{drift:?}");
    edge.serve_selecting(&app(&[good.address()]), &ejecting(2)).await.unwrap();
    edge.serve_selecting(&manifests, &ejecting(2)).await.unwrap();
    assert!(!is_ejected(&edge, bad.address()));
    assert_eq!(shown(&edge, bad.address()).ejections, 0);
}

#[tokio::test]
async fn an_endpoint_that_ends_connections_is_taken_out_too() {
    let (good, stage) = (Moody::start(false).await, Stage::open().await.unwrap());
    let address = stage.address().unwrap();
    tokio::spawn(async move {
        while let Ok(mut wire) = stage.accept().await {
            // Read, so that it is no connection that was never used.
            let _ = wire.read_request().await;
        }
    });
    let edge = edge(&app(&[good.address(), address]), &ejecting(3)).await;
    send(&edge, 60, 200).await;
    assert!(is_ejected(&edge, address));
    assert_eq!(shown(&edge, address).reason.as_deref(), Some("no complete response"));
    // It gets nothing more.
    assert_eq!(send(&edge, 20, 200).await, 20);
}

#[tokio::test]
async fn a_black_hole_is_taken_out_and_costs_nobody_an_answer() {
    let (good, (_listener, _waiting, hole)) = (Moody::start(false).await, black_hole().await);
    let spec =
        "backends: [{service: {name: app, port: 80}}]\ntimeouts: {connect: 300ms, request: 10s}";
    let services = service("app", "http", &[good.address(), hole]);
    let manifests = [front_door(""), services, route("app", spec)].concat();
    let edge = edge(&manifests, &ejecting(1)).await;
    assert_eq!(send(&edge, 20, 200).await, 20);
    assert!(is_ejected(&edge, hole));
    assert_eq!(shown(&edge, hole).reason.as_deref(), Some("no connection"));
}

#[tokio::test]
async fn a_closed_port_costs_nobody_an_answer() {
    let good = Moody::start(false).await;
    let retry = Retry { attempts: 2, ..Retry::default() };
    let selection = Selection { retry, ..ejecting(1) };
    let edge = edge(&app(&[nobody().await, good.address(), nobody().await]), &selection).await;
    assert_eq!(send(&edge, 50, 200).await, 50);
}

#[tokio::test]
async fn one_of_three_that_is_killed_fails_no_get() {
    let mut three = Vec::new();
    for _ in 0..3 {
        three.push(Moody::start(false).await);
    }
    let addresses: Vec<_> = three.iter().map(Moody::address).collect();
    let edge = Arc::new(edge(&app(&addresses), &Selection::default()).await);
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let edge = edge.clone();
            tokio::spawn(async move {
                let mut wire = Wire::connect(edge.address()).await.unwrap();
                let mut failed = 0;
                for _ in 0..300 {
                    wire.send("GET / HTTP/1.1\r\nHost: www.ep.com\r\n\r\n").await.unwrap();
                    let answer = wire.read_answer("GET").await.unwrap();
                    failed += usize::from(answer.status() != 200);
                }
                failed
            })
        })
        .collect();
    until(async || three.iter().map(Moody::count).sum::<usize>() > 300).await;
    drop(three.pop());
    for client in clients {
        assert_eq!(client.await.unwrap(), 0);
    }
    assert!(three.iter().map(Moody::count).sum::<usize>() > 600);
}

#[tokio::test]
async fn bodies_that_end_too_early_take_an_endpoint_out() {
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbody";
    let chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n";
    for broken in [cut, chunk] {
        let bad = Backend::scripted(move |_| Reply::raw(broken).then_close()).await.unwrap();
        let good = Moody::start(false).await;
        let edge = edge(&app(&[good.address(), bad.address()]), &ejecting(3)).await;
        until(async || {
            let _ = ask(edge.address(), get("/", "")).await;
            is_ejected(&edge, bad.address())
        })
        .await;
        assert_eq!(bad.requests().len(), 3);
        assert_eq!(send(&edge, 20, 200).await, 20);
    }
}

#[tokio::test]
async fn whole_bodies_between_broken_ones_keep_an_endpoint() {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let mixed = Backend::scripted(move |_| match count.fetch_add(1, Ordering::SeqCst) % 2 {
        0 => Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbody").then_close(),
        _ => Reply::ok("a whole body"),
    });
    let (mixed, other) = (mixed.await.unwrap(), Moody::start(false).await);
    let edge = edge(&app(&[mixed.address(), other.address()]), &ejecting(2)).await;
    for _ in 0..60 {
        let _ = ask(edge.address(), get("/", "")).await;
    }
    assert!(mixed.requests().len() > 10 && !is_ejected(&edge, mixed.address()));
}

#[tokio::test]
async fn clients_that_leave_in_the_middle_of_a_response_take_nothing_out() {
    let large = || Backend::scripted(|_| Reply::ok(&"x".repeat(8 << 20)));
    let (one, other) = (large().await.unwrap(), large().await.unwrap());
    let edge = edge(&app(&[one.address(), other.address()]), &ejecting(1)).await;
    for _ in 0..20 {
        let mut wire = Wire::connect(edge.address()).await.unwrap();
        wire.send(&get("/", "")).await.unwrap();
    }
    until(async || one.requests().len() + other.requests().len() == 20).await;
    assert!(!is_ejected(&edge, one.address()) && !is_ejected(&edge, other.address()));
}
