//! Backends that fail. Browsers send a request again, whatever its method, where its stream is reset
//! in certain ways: a POST must reach the backend once all the same.

use crate::{in_each_browser, site::Site};
use serde_json::json;

in_each_browser!(
    a_request_whose_backend_ends_it_is_answered_and_not_repeated,
    a_body_that_is_cut_off_is_never_taken_as_whole,
);

/// NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, CANCEL, ENHANCE_YOUR_CALM, HTTP_1_1_REQUIRED.
const CODES: [u32; 6] = [0, 1, 2, 8, 11, 13];

fn a_request_whose_backend_ends_it_is_answered_and_not_repeated(site: &mut Site) {
    let before = site.relay.opened("www.ep.com");
    let seen = site.run(&format!(
        "const seen = [];
        for (const path of [...{CODES:?}.map((code) => `/reset/${{code}}`), '/broken/nothing']) {{
            seen.push((await fetch(path, {{method: 'POST', body: 'sent'}})).status);
        }}
        return seen;"
    ));
    assert_eq!(seen, json!(vec![502; 7]));
    for code in CODES {
        let path = format!("/reset/{code}");
        assert_eq!(site.logged(&path), ("HTTP/2".to_owned(), 502, "BackendBroken".to_owned()));
        assert_eq!(site.backends.asked_to_reset(&path), 1, "{path}");
    }
    assert_eq!(site.logged("/broken/nothing").1, 502);
    assert_eq!(site.reached("/broken/nothing"), 1);
    // The backend's code has not made the browser turn to HTTP/1.1.
    site.run("await fetch('/after');");
    assert_eq!(site.logged("/after").0, "HTTP/2");
    assert_eq!(site.relay.opened("www.ep.com"), before);
}

fn a_body_that_is_cut_off_is_never_taken_as_whole(site: &mut Site) {
    let paths: Vec<_> = CODES.iter().map(|code| format!("/reset/body/{code}")).collect();
    let paths = [paths, vec!["/broken/length".to_owned(), "/broken/chunks".to_owned()]].concat();
    // A browser that reads the head and the reset at once may not even show the head.
    let seen = site.run(&format!(
        "const seen = [];
        for (const path of {}) {{
            const text = fetch(path, {{method: 'POST'}}).then((answer) => answer.text());
            seen.push(await text.then((text) => `whole: ${{text}}`, () => 'broken'));
        }}
        return seen;",
        json!(paths)
    ));
    assert_eq!(seen, json!(vec!["broken"; paths.len()]));
    for path in paths {
        assert_eq!(site.logged(&path), ("HTTP/2".to_owned(), 200, "BackendBroken".to_owned()));
        let reached = site.reached(&path) + site.backends.asked_to_reset(&path);
        assert_eq!(reached, 1, "{path}");
    }
}
