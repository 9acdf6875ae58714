//! Random trees become others, with the work cut at each point, and become themselves again.

use super::*;
use crate::set::document::Group;
use crate::set::plan::{Facts, Listed, Staged, plan};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::symlink;

/// What a name is: a directory, a file with a number in it, or a link.
#[derive(Clone, Debug)]
enum Node {
    Directory(BTreeMap<String, Node>),
    File(u8),
    Link(u8),
}

fn node() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![(0u8..3).prop_map(Node::File), (0u8..2).prop_map(Node::Link)];
    leaf.prop_recursive(3, 24, 4, |inner| {
        proptest::collection::btree_map("[abc]", inner, 0..4).prop_map(Node::Directory)
    })
}

fn make(path: &Path, node: &Node) {
    match node {
        Node::Directory(entries) => {
            fs::create_dir_all(path).unwrap();
            for (name, node) in entries {
                make(&path.join(name), node);
            }
        }
        Node::File(number) => fs::write(path, [*number]).unwrap(),
        Node::Link(number) => symlink(number.to_string(), path).unwrap(),
    }
}

type Seen = BTreeMap<Vec<u8>, (crate::entry::Kind, Vec<u8>)>;

/// Each path, with what it is and holds.
fn seen(tree: &Tree) -> Seen {
    let mut paths = Vec::new();
    tree.walk(b"", &mut |path, mark| paths.push((path.to_vec(), mark))).unwrap();
    let content = |path: &[u8], mark: &crate::set::tree::Mark| match mark.kind {
        crate::entry::Kind::File => tree.read(path, 10).unwrap(),
        _ => mark.target.clone(),
    };
    paths
        .into_iter()
        .map(|(path, mark)| (path.clone(), (mark.kind, content(&path, &mark))))
        .collect()
}

struct Ground {
    _place: tempfile::TempDir,
    live: Tree,
    directory: PathBuf,
    plan: Plan,
}

fn ground(old: &Node, new: &Node) -> Ground {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    for name in ["live", "data/new", "state"] {
        fs::create_dir_all(at(name)).unwrap();
    }
    make(&at("live/t"), old);
    make(&at("data/new/t"), new);
    let (live, waits) = (Tree::open(&at("live")).unwrap(), Tree::open(&at("data/new")).unwrap());
    let group = r#"{"name": "x", "paths": ["/t"], "delete": "trash", "max_delete": {"count": 99, "percent": 100}}"#;
    let group: Group = serde_json::from_str(group).unwrap();
    let (mut staged, mut listed) = (BTreeMap::new(), BTreeMap::new());
    waits
        .walk(b"", &mut |path, mark| {
            let (kind, size, modified) = (mark.kind, mark.size, mark.modified);
            listed.insert(path.to_vec(), Listed { path: path.to_vec(), kind, size, modified });
            staged.insert(path.to_vec(), Staged { mark, digest: None, source: None });
        })
        .unwrap();
    for (path, one) in &mut staged {
        one.digest =
            (one.mark.kind == crate::entry::Kind::File).then(|| waits.digest(path).unwrap());
    }
    let mut marks = BTreeMap::new();
    live.walk(b"", &mut |path, mark| drop(marks.insert(path.to_vec(), mark))).unwrap();
    let deletable: BTreeSet<_> = marks.keys().cloned().collect();
    let facts = Facts {
        group: &group,
        suffix: ".conflict-x-1",
        listed: &listed,
        complete: true,
        accept_loss: true,
        staged: &staged,
        live: &marks,
        deletable: &deletable,
        foreign: &BTreeSet::new(),
        manifest: None,
    };
    let planned = plan(&facts, |path| live.digest(path)).unwrap();
    assert!(planned.conflicts.is_empty() && planned.held.is_empty());
    let mut what = Plan::new("x", 1, &at("live"), &at("data"));
    what.ops = planned.ops;
    Ground { directory: at("state/1"), live, plan: what, _place: place }
}

#[test]
fn journals_of_every_version_are_read() {
    let file = "../../tests/contract/hasync-journal-1/all.json";
    let text = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let plan: Plan = serde_json::from_slice(&text).unwrap();
    assert_eq!((plan.name().as_str(), plan.ops.len()), ("names-7", 7));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn a_transaction_that_is_cut_anywhere_is_made_whole_or_undone_whole(
        old in node(),
        new in node(),
        cut: prop::sample::Index,
        cut_again: prop::sample::Index,
    ) {
        let ground = ground(&old, &new);
        let before = seen(&ground.live);
        let after = seen(&Tree::open(&ground.plan.data.join("new")).unwrap());
        let ops = ground.plan.ops.clone();
        let transaction = Transaction::begin(ground.directory.clone(), ground.plan).unwrap();
        let some = |index: prop::sample::Index| index.index(ops.len() + 1);
        {
            let place = Place::of(&transaction.plan).unwrap();
            ops[..some(cut)].iter().for_each(|op| place.make(op).unwrap());
        }
        // Another process finds it.
        let found = Transaction::read(&ground.directory).unwrap().unwrap();
        prop_assert_eq!(found.stage(), Stage::Begun);
        let half = seen(&ground.live);
        found.make_whole().unwrap();
        prop_assert_eq!(&seen(&ground.live), &after);
        found.make_whole().unwrap();
        prop_assert_eq!(&seen(&ground.live), &after);
        {
            let place = Place::of(&found.plan).unwrap();
            ops.iter().rev().take(some(cut_again)).for_each(|op| place.undo(op).unwrap());
        }
        found.undo().unwrap();
        prop_assert_eq!(&seen(&ground.live), &before, "cut at {:?}", half);
        prop_assert_eq!(found.stage(), Stage::Undoing);
    }

    #[test]
    fn what_could_not_be_made_whole_is_undone(old in node(), new in node(), cut: prop::sample::Index) {
        let ground = ground(&old, &new);
        let before = seen(&ground.live);
        let ops = ground.plan.ops.clone();
        let transaction = Transaction::begin(ground.directory, ground.plan).unwrap();
        let place = Place::of(&transaction.plan).unwrap();
        ops[..cut.index(ops.len() + 1)].iter().for_each(|op| place.make(op).unwrap());
        transaction.undo().unwrap();
        prop_assert_eq!(seen(&ground.live), before);
    }
}
