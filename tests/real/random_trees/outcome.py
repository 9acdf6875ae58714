"""How rsync and hasync end: which statuses mean the same, where rsync's tells nothing, and when a second run has nothing to do."""
from places import counts_backups, follows, letters, named, trips_over_link, words

# What rsync's statuses are with hasync.
STATUSES = {0: (0,), 1: (2,), 2: (2, 6), 3: (2, 3, 6), 4: (2,), 11: (3, 6), 23: (3,), 24: (3,), 25: (3,)}


def settles(case):
    """A second run finds nothing to do."""
    given = letters(case)
    # A link to a directory that got another name is a destination directory the next time.
    renamed = not case.destination.endswith("/")
    # What is written in place under one name is so under the others.
    shared = {"--inplace", "--append-verify"} & set(words(case)) and any(node.twin is not None for node in (case.old or {}).values())
    return "t" in given and not given & set("InOJU") and not renamed and not shared and "--remove-source-files" not in words(case) and not {"-b", "--delete-excluded"} <= set(words(case))


def reads_too_late(case, said):
    """rsync removed a source before it read all that it needed of it, or by a look at a link that was followed."""
    texts = ("failed to re-read xattr", "Skipping sender remove", "sender failed to remove", "has vanished", "No such file or directory")
    return "--remove-source-files" in words(case) and ("X" in letters(case) or follows(case)) and any(text in said["rsync"] for text in texts)


def corresponds(case, statuses, said):
    """The statuses mean the same. What a dry run of hasync does not try, or --ignore-existing leaves, does not fail."""
    wanted = STATUSES.get(statuses["rsync"], ())
    if lost_count(statuses, said) and statuses["hasync"] in (0, 3):
        return True
    untried = "n" in letters(case) or "--ignore-existing" in words(case)
    if reads_too_late(case, said) and statuses["rsync"] in (23, 24) and statuses["hasync"] == 0:
        return True
    # What rsync does not find where it should remove it, such as a link to what has been removed, it passes over.
    stays = any(f'"reason":"{reason}"' in said["hasync"] for reason in ("over_a_link", "changed_since"))
    if "--remove-source-files" in words(case) and follows(case) and stays and statuses == {"rsync": 0, "hasync": 3}:
        return True
    # What is written in place rsync cannot copy to a directory beside the destination.
    beside = "--backup-dir=../saved" in words(case) and {"--inplace", "--append-verify"} & set(words(case))
    if beside and "failed: Invalid argument (22)" in said["rsync"] and statuses == {"rsync": 23, "hasync": 0}:
        return True
    # Where it makes something in the place of a directory rsync asks the new thing for a default list.
    if "A" in letters(case) and "get_acl: sys_acl_get_file" in said["rsync"] and statuses == {"rsync": 23, "hasync": 0}:
        return True
    # What only leads to what was named is not made in the place of something else; rsync finds out where it makes what was named.
    if '"in_the_way"' in said["hasync"] and "--no-implied-dirs" in words(case) and statuses == {"rsync": 0, "hasync": 3}:
        return True
    # As root rsync follows no links of others beneath links that it follows.
    if follows(case) and "owned by an untrusted user" in said["rsync"] and statuses == {"rsync": 23, "hasync": 0}:
        return True
    if trips_over_link(case, said) and statuses == {"rsync": 23, "hasync": 0}:
        return True
    if counts_backups(case) and statuses == {"rsync": 25, "hasync": 0}:
        return True
    # There is no room for the name of a backup.
    if "file name too long" in said["hasync"] and "b" in letters(case) and statuses == {"rsync": 0, "hasync": 3}:
        return True
    # That none of the sources is there ends a run before it began.
    if "L" in letters(case) and statuses == {"rsync": 23, "hasync": 6} and all(node.kind == "symlink" for node in named(case)):
        return True
    return statuses["hasync"] in wanted or untried and 3 in wanted and statuses["hasync"] == 0


def lost_count(statuses, said):
    """rsync lost count of its own list or names."""
    texts = {2: ("File-list index", "precedes flist start"), 13: ("Hlink node data",)}
    return any(text in said["rsync"] for text in texts.get(statuses["rsync"], ()))


def is_cut_short(statuses, said):
    """rsync did not begin, lost count of its own list or names, or ended at the first backup that it could not make, where hasync goes on."""
    return statuses["rsync"] in (1, 2, 3, 4) or lost_count(statuses, said) or statuses["rsync"] == 11 and "keep_backup failed" in said["rsync"]


def is_caught(case, found):
    """rsync 3.5.0 waits for ever for the outcome of another name of a file: where a directory fails, where nothing is there with --existing, and so on."""
    return [difference.text for difference in found] == ["rsync"] and "H" in letters(case)
