//! Where problems are written in files that are watched. Their texts are not kept: the files that
//! have problems are read once more.

use super::{
    cache::Cache,
    decode::FileProblem,
    locate::Position,
    merge::Location,
    texts::{Mark, Texts},
};
use crate::diagnostic::{Problem, Subject, WrittenAt};
use std::{collections::BTreeSet, path::Path, sync::Arc};

/// Where fields of objects are written, one for each. It is the file alone if that no longer has
/// what was read.
pub(super) fn of_objects(cache: &Cache, subjects: &[Subject<'_>]) -> Vec<WrittenAt> {
    let locations: Vec<_> = subjects.iter().map(|it| cache.location(it.object)).collect();
    let mut all: Vec<_> =
        locations.iter().map(|it| WrittenAt::of_file(it.map(|it| it.path.clone()))).collect();
    let marks = subjects.iter().zip(&locations).zip(&mut all);
    let marks = marks.filter_map(|((subject, location), at)| {
        let Location { path, origin } = location.filter(|it| cache.has(it, subject.object))?;
        let Subject { field, is_name: is_key, .. } = *subject;
        Some((Mark { path, origin: *origin, field, is_key }, at))
    });
    locate(cache, marks.collect());
    all
}

/// Where problems of files are written, one for each.
pub(super) fn of_files(cache: &Cache, problems: &[&(Arc<Path>, FileProblem)]) -> Vec<WrittenAt> {
    let at = |(path, problem): &&(Arc<Path>, FileProblem)| {
        let mut at = WrittenAt::of_file(Some(path.clone()));
        if let Some(position) = problem.position {
            at.set(position);
        }
        at
    };
    let mut all: Vec<_> = problems.iter().map(at).collect();
    let marks = problems.iter().zip(&mut all).filter_map(|((path, problem), at)| {
        let origin = problem.origin.filter(|_| problem.position.is_none())?;
        let is_key = Problem::is_about_name(None, &problem.message);
        Some((Mark { path, origin, field: &problem.field, is_key }, at))
    });
    locate(cache, marks.collect());
    all
}

fn locate(cache: &Cache, marks: Vec<(Mark<'_>, &mut WrittenAt)>) {
    let paths: BTreeSet<_> = marks.iter().map(|(mark, _)| mark.path).collect();
    let mut texts = Texts::default();
    for path in paths {
        if let Some(text) = cache.text(path) {
            texts.insert(path.into(), text);
        }
    }
    for (at, position) in texts.locate(marks) {
        at.set(position);
    }
}

impl WrittenAt {
    fn of_file(file: Option<Arc<Path>>) -> Self {
        Self { file, line: None, column: None }
    }

    fn set(&mut self, position: Position) {
        (self.line, self.column) = (Some(position.line), Some(position.column));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{
        diagnostic::{Kind, ObjectRef},
        files::walk,
    };
    use portico_dataplane::table::ObjectName;
    use std::{fs, time::Duration};

    const ROUTE: &str = "\
# One Route.
apiVersion: portico.dev/v1alpha1
kind: Route
metadata: {name: a}
spec:
  matches: [{path: a}]
";

    /// Where `spec.matches[0].path` of the Route is after each of these versions of its file.
    fn lines(versions: &[&str], written: Option<&str>) -> Option<usize> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.yaml");
        let mut cache = Cache::default();
        for text in versions {
            fs::write(&file, text).unwrap();
            let walk = walk::walk(&[folder.path().to_owned()], &mut |_| {});
            cache.refresh(walk, &|_| false, Duration::from_hours(1));
            let merged = cache.merge();
            cache.remember(merged);
        }
        if let Some(text) = written {
            fs::write(&file, text).unwrap();
        }
        let object = ObjectRef { kind: Kind::Route, name: ObjectName::new("default", "a") };
        let field = "spec.matches[0].path";
        let found = of_objects(&cache, &[Subject { object: &object, field, is_name: false }]);
        assert_eq!(found[0].file.as_deref(), Some(&*file));
        assert_eq!(found[0].line.is_some(), found[0].column.is_some());
        found[0].line
    }

    #[test]
    fn a_place_is_in_what_the_file_has_now() {
        let other = ROUTE.replace("name: a", "name: b");
        let lower = format!("{other}---\n{ROUTE}");
        assert_eq!(lines(&[ROUTE], None), Some(6));
        assert_eq!(lines(&[ROUTE, &lower], None), Some(13));
        assert_eq!(lines(&[ROUTE, "spec: ["], None), None, "it can't be parsed");
        assert_eq!(lines(&[ROUTE, &other], None), None, "the object lingers");
        assert_eq!(lines(&[&lower, ROUTE], None), Some(6));
        assert_eq!(lines(&[ROUTE], Some(&lower)), None, "it has just been written");
    }

    #[test]
    fn what_is_not_known_has_no_place() {
        let object = ObjectRef { kind: Kind::Route, name: ObjectName::new("default", "a") };
        let found = of_objects(&Cache::default(), &[Subject::object(&object)]);
        assert_eq!(found, [WrittenAt::default()]);
    }
}
