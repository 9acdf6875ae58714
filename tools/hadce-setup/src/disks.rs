//! Shared file systems, and the one that is not shared.

use crate::checklist::{Chapter, Expect, Findings, MUTUAL, NO_DFS};
use crate::facts::{Look, Seen};
use crate::finding::{Finding, Node, Step};
use crate::place::Entry;
use crate::words::quoted;
use ha_file::Mounted;
use ha_plan::Act;

const DIRECTORY_MODE: &str = "0755";

/// Steps 2: the disks, and the directories on which they are mounted.
pub(crate) fn shared(chapter: &Chapter<'_>) -> Findings {
    let what = "the shared disks have the file systems of DCE";
    let step = chapter.step(2, "shared-disks", what);
    if !chapter.takes_over() {
        return vec![Ok(step.not_applicable(MUTUAL))];
    }
    let mounts = chapter.configuration.shared_mounts.join(", ");
    let fix = match chapter.node {
        Node::HighestPriority => format!(
            "make logical volumes with names of your own on shared disks (mklv -y), a file system \
             on each for {mounts} (crfs -A no), and rename the log to a name of your own (chlv -n); \
             what the system names itself can be taken already on the other node"
        ),
        Node::Standby => format!(
            "import the volume groups of {mounts} (importvg), and keep them from being varied on \
             at boot (chvg -a n)"
        ),
    };
    let points = chapter.facts.shared_mounts.iter().map(|seen| {
        let seen = seen.clone()?;
        let step =
            chapter.step(2, "mount-point", "a directory is there to mount on").of(&seen.path);
        Ok(directory(step, &seen))
    });
    std::iter::once(Ok(step.for_a_person(fix))).chain(points).collect()
}

/// A directory that is there, or that `--apply` makes.
pub(crate) fn directory(step: Step, seen: &Seen) -> Finding {
    match (&seen.entry, seen.is_mounted()) {
        (Entry::Directory, true) => step.ok("a directory, and mounted"),
        (Entry::Directory, false) => step.ok("a directory, and not mounted"),
        (Entry::Missing, _) => match &seen.in_the_way {
            Some(file) => step.failed(
                format!("not there, and {} is no directory", file.display()),
                format!("look what {} is, and move it away", file.display()),
            ),
            None => {
                let fix = format!("mkdir -p {}", quoted(&seen.here));
                step.failed("not there", fix).mended_by(making(seen))
            }
        },
        _ => step.failed("there, and no directory", "look what it is, and move it away"),
    }
}

fn making(seen: &Seen) -> Vec<Act> {
    let acts = seen.missing.iter().map(|directory| {
        let path = directory.to_str()?.to_owned();
        Some(Act::Directory { path, mode: DIRECTORY_MODE.to_owned() })
    });
    acts.collect::<Option<_>>().unwrap_or_default()
}

/// Steps 4: the cache of the DFS client stays on the node.
pub(crate) fn cache(chapter: &Chapter<'_>) -> Findings {
    let what = "the cache of the DFS client has a file system of its own on a disk of this node";
    let step = chapter.step(4, "dfs-cache", what);
    if !chapter.has_dfs() {
        return vec![Ok(step.not_applicable(NO_DFS))];
    }
    vec![chapter.facts.cache.clone().map(|seen| cache_of(chapter, step.of(&seen.path), &seen))]
}

fn cache_of(chapter: &Chapter<'_>, step: Step, cache: &Seen) -> Finding {
    let path = &cache.path;
    let shared = chapter.facts.shared_mounts.iter().flatten();
    let around = shared
        .filter(|mount| cache.place.inside.starts_with(&mount.place.inside))
        .max_by_key(|mount| mount.place.inside.as_os_str().len());
    let fix = match around {
        Some(mount) => format!(
            "make a file system on a local disk, and mount it on {path} after {shared}, and \
             unmount it before {shared}",
            shared = mount.path
        ),
        None => format!("make a file system on a local disk, and mount it on {path}"),
    };
    match (around, &cache.mounted) {
        (Some(mount), _) if cache.place.inside == mount.place.inside => {
            let fix = "name the cache's own mount point with --cache";
            step.failed("the mount point of a shared file system", fix)
        }
        (_, Some(mounted)) => cache_on(chapter, step, mounted, fix),
        (Some(mount), None) if !mount.is_mounted() => {
            step.undecided(format!("{}, in which it is, is not mounted", mount.path), fix)
        }
        (Some(mount), None) => {
            step.failed(format!("on {}, or not there: no file system is mounted", mount.path), fix)
        }
        (None, None) => step.failed("no file system is mounted", fix),
    }
}

/// Kinds of file systems that stand on disks of one node.
const ON_A_DISK: [&str; 12] = [
    "bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "jfs", "jfs2", "reiserfs", "ufs", "xfs",
    "zfs",
];

/// Kinds that stand on a server, or on disks that several nodes have at once.
const ELSEWHERE: [&str; 16] = [
    "9p",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "dfs",
    "fuse.glusterfs",
    "fuse.sshfs",
    "gfs2",
    "glusterfs",
    "gpfs",
    "lustre",
    "nfs",
    "nfs4",
    "ocfs2",
    "smb3",
];

fn cache_on(chapter: &Chapter<'_>, step: Step, mounted: &Mounted, fix: String) -> Finding {
    let shared = chapter.facts.shared_mounts.iter().flatten();
    let same = |seen: &&Seen| seen.mounted.as_ref().is_some_and(|one| one.device == mounted.device);
    if let Some(mount) = shared.chain(chapter.facts.dfs_mounts.iter().flatten()).find(same) {
        return step.failed(format!("the file system of {}, which is shared", mount.path), fix);
    }
    let own = "see that it is on a disk of this node, and that no other node has that disk";
    match mounted.kind.as_deref() {
        Some(kind) if ON_A_DISK.contains(&kind) => {
            step.ok(format!("a file system of its own ({kind}) is mounted"))
        }
        Some(kind) if ELSEWHERE.contains(&kind) => {
            step.failed(format!("a file system ({kind}) that is on no disk of this node"), fix)
        }
        Some(kind) => step.undecided(format!("a file system of its own ({kind}) is mounted"), own),
        None => step.undecided("a file system of its own is mounted", own),
    }
}

/// Steps 5: the cluster manager has brought addresses and file systems here.
pub(crate) fn handed_over(chapter: &Chapter<'_>) -> Findings {
    let mut findings = match chapter.node {
        Node::HighestPriority => addresses(chapter),
        // The service address comes here in a takeover, and not before.
        Node::Standby => Vec::new(),
    };
    let what = "the cluster manager has mounted the shared file system";
    if !chapter.takes_over() {
        findings.push(Ok(chapter.step(5, "mounted", what).not_applicable(MUTUAL)));
        return findings;
    }
    let fix = "start the cluster manager here";
    // The first node makes those of DFS in step 8 only.
    let of_dfs: &[Look<Seen>] = match chapter.node {
        Node::HighestPriority => &[],
        Node::Standby => &chapter.facts.dfs_mounts,
    };
    findings.extend(chapter.facts.shared_mounts.iter().chain(of_dfs).map(|seen| {
        let seen = seen.clone()?;
        let step = chapter.step(5, "mounted", what).of(&seen.path);
        Ok(match seen.is_mounted() {
            true => step.ok("mounted"),
            false => due(step, chapter.expect, Expect::Mounted, "not mounted", fix),
        })
    }));
    findings
}

fn addresses(chapter: &Chapter<'_>) -> Findings {
    let what = "the service address is on an adapter here before DCE is configured";
    let fix = "start the cluster manager here, and wait until it has swapped the address";
    let find = |address: &std::net::Ipv4Addr| -> Look<Finding> {
        let step = chapter.step(5, "service-address", what).of(address.to_string());
        Ok(match chapter.facts.addresses.clone().transpose()? {
            None => step.for_a_person("look when the image runs"),
            Some(here) if here.contains(address) => step.ok("here"),
            Some(_) => due(step, chapter.expect, Expect::Mounted, "not here", fix),
        })
    };
    chapter.configuration.service_addresses.iter().map(find).collect()
}

/// What is not so: whether it should be, `--expect` tells.
fn due(
    step: Step,
    expect: Option<Expect>,
    wanted: Expect,
    found: impl Into<String>,
    fix: impl Into<String>,
) -> Finding {
    match expect {
        Some(expect) if expect == wanted => step.failed(found, fix),
        Some(Expect::Mounted) => step.not_applicable("asked with --expect mounted"),
        Some(Expect::Unmounted) => step.not_applicable("asked with --expect unmounted"),
        None => step.undecided(found, format!("if this step is due, {}", fix.into())),
    }
}

/// Step 8 of the highest priority node.
pub(crate) fn dfs_data(chapter: &Chapter<'_>) -> Findings {
    let what = "all DFS aggregates and filesets are on shared disks";
    let step = chapter.step(8, "dfs-data", what);
    vec![Ok(match (chapter.takes_over(), chapter.has_dfs()) {
        (false, _) => step.not_applicable(MUTUAL),
        (true, false) => step.not_applicable(NO_DFS),
        (true, true) => step.for_a_person(
            "make them on shared disks, and put their volume groups or file systems into the \
             resource group",
        ),
    })]
}

/// Steps 11: the disks are let go, for the other node to take.
pub(crate) fn released(chapter: &Chapter<'_>) -> Findings {
    let what = "at the end this node lets the shared disks go";
    let step = chapter.step(11, "released", what);
    if !chapter.takes_over() {
        return vec![Ok(step.not_applicable(MUTUAL))];
    }
    let fix = match (chapter.node, chapter.has_dfs()) {
        (Node::HighestPriority, true) => {
            "shut this node down: that alone ends the DFS daemons and releases the disks"
        }
        (Node::HighestPriority, false) => {
            "unmount the shared file systems, and vary off their volume groups (varyoffvg)"
        }
        (Node::Standby, _) => {
            "stop the cluster manager here, and see that the volume groups are varied off (lsvg -o)"
        }
    };
    let mounts = chapter.facts.shared_mounts.iter().chain(&chapter.facts.dfs_mounts);
    let unmounted = mounts.map(|seen| {
        let seen = seen.clone()?;
        let what = "the shared file system is not mounted here any more";
        let step = chapter.step(11, "unmounted", what).of(&seen.path);
        Ok(match seen.is_mounted() {
            false => step.ok("not mounted"),
            true => due(step, chapter.expect, Expect::Unmounted, "still mounted", fix),
        })
    });
    std::iter::once(Ok(step.for_a_person(fix))).chain(unmounted).collect()
}
