//! The page that goes through the users' article names tests: each of them must be there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Words between backquotes on the page that look like the name of a test.
fn named(page: &str) -> BTreeSet<String> {
    let quoted = page.split('`').skip(1).step_by(2);
    let like_a_test = |name: &&str| name.matches('_').count() >= 3 && !name.contains([' ', '-']);
    quoted.filter(like_a_test).map(str::to_owned).collect()
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target" && name != "node_modules") {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_test_that_the_article_page_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let page = std::fs::read_to_string(root.join("docs/article.md")).expect("the page");
    let mut files = Vec::new();
    for place in ["tests/it", "crates", "control", "worker"] {
        sources(&root.join(place), &mut files);
    }
    let texts: Vec<String> = files.iter().map(|file| std::fs::read_to_string(file).expect("a source")).collect();
    let missing: Vec<String> =
        named(&page).into_iter().filter(|name| !texts.iter().any(|text| text.contains(&format!("fn {name}()")))).collect();
    assert_eq!(missing, Vec::<String>::new());
    assert!(named(&page).len() > 40, "the page names its tests");
}
