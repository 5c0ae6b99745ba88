//! What is merged after other merges.

use super::*;
use proptest::{collection::vec, prelude::*};

/// One Route of each name, with a status that tells versions apart.
fn version(name: &str, status: u16) -> String {
    route(name).replace("200", &status.to_string())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever files are written and removed, what is merged after other merges is what is merged
    /// from nothing.
    #[test]
    fn changes_merge_to_what_all_files_merge_to(edits in vec((0..3usize, vec((0..4usize, 200..203u16), 0..4)), 1..8)) {
        let mut folder = Folder::new();
        for (file, routes) in edits {
            let text: String = routes.iter().map(|(name, status)| version(&format!("r{name}"), *status)).collect();
            folder.write(&format!("{file}.yaml"), &text);
            folder.refresh();
            // What was removed is forgotten by the next look.
            folder.refresh();
            let merged = folder.cache.merge();
            let problems = merged.problems.clone();
            let after = folder.cache.remember(merged);
            let mut anew = Cache::default();
            let roots = [folder.folder.path().to_owned()];
            anew.refresh(walk::walk(&roots, &mut |_| {}), &|_| false, Duration::ZERO);
            let merged = anew.merge();
            // Of an object that is defined twice, the definition counts that did before.
            if !merged.has_duplicates {
                prop_assert_eq!(&*after, &merged.snapshot);
                prop_assert_eq!(problems, merged.problems);
            }
        }
    }
}

#[test]
fn an_object_that_is_not_edited_stays_the_same() {
    let mut folder = Folder::new();
    let mut objects = |text: &str| {
        folder.write("a.yaml", text);
        folder.refresh();
        let merged = folder.cache.merge();
        let snapshot = folder.cache.remember(merged);
        ["a", "b"]
            .map(|name| snapshot.routes[&ObjectName::new("default", name)].object.clone().unwrap())
    };
    let [a, b] = objects(&(version("a", 200) + &version("b", 200)));
    let [edited, same] = objects(&(version("a", 201) + &version("b", 200)));
    assert!(!Arc::ptr_eq(&a, &edited) && Arc::ptr_eq(&b, &same));
}
