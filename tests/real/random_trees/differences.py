"""Where hasync differs from rsync on purpose, as narrow as it can be told, and what neither of them promises."""
import os

# What rsync's statuses are with hasync.
STATUSES = {0: (0,), 1: (2,), 2: (2, 6), 3: (2, 3, 6), 4: (2,), 11: (3, 6), 23: (3,), 24: (3,), 25: (3,)}


def words(case):
    return [word for group in case.options for word in group]


def letters(case):
    """The single letters of a case, -a taken apart."""
    found = set()
    for word in words(case):
        if word[:1] == "-" and word[:2] != "--":
            found |= set(word[1:])
    return found | set("rlptgoD") if "a" in found else found


def left_open(case, name, path, one, other):
    """The fields of an entry in which two copies may differ."""
    given, fields = letters(case), set()
    if name != "dst" or "--backup-dir=saved" in words(case) and path.split(b"/")[0] == b"saved":
        # What the directories of backups look like nobody said.
        return {"blocks", "links"} | ({"mtime", "mode", "owner", "group", "xattrs"} if one["kind"] == "directory" and name != "src" else set())
    if "S" not in given or abs(one.get("blocks", 0) - other.get("blocks", 0)) <= 16:
        fields.add("blocks")
    # Without -t a directory's time is that of the last name that was made in it.
    if one["kind"] == "directory" and ("t" not in given or "O" in given):
        fields.add("mtime")
    # What is in place already is not written once more.
    if one["kind"] == "file" and "t" not in given and "--inplace" in words(case):
        fields.add("mtime")
    # rsync dresses a directory before it makes what is in it, and a new setgid hands its group down; hasync dresses it at the end.
    if "g" not in given and "p" in given:
        fields.add("group")
    # With -X and without -p rsync gives a directory whose attributes it sets the mode of the source all the same.
    if "X" in given and "p" not in given and one["kind"] == "directory":
        fields.add("mode")
    # A file that is right already is not made a link to that of --link-dest.
    if "--link-dest=../basis" in words(case):
        fields |= {"links", "mtime"} if one["kind"] == "directory" or "t" not in given else {"links"}
    # Without -p several names of one file keep the mode of one that was there: which, is a matter of order.
    if "H" in given and "p" not in given:
        fields.add("mode")
    # The directory of backups is there before the first of them is.
    if not path and "--backup-dir=saved" in words(case):
        fields.add("mtime")
    # rsync puts the attributes of a directory on the file that --ignore-existing leaves in its place.
    if "--ignore-existing" in words(case) and one["kind"] != "directory":
        name = b"/" + os.path.basename(path)
        if any(node.kind in ("directory", "symlink") and (b"/" + path).endswith(name) for path, node in case.source.items()):
            fields |= {"mtime", "mode", "owner", "group", "xattrs"}
    # A file that is written in place is copied for its backup; rsync then gives the copy what the options keep of it, hasync all.
    if "--inplace" in words(case) and "-b" in words(case):
        fields |= {"mode", "owner", "group", "xattrs"}
    # What is within the window is left by both, but only rsync leaves it when something else of the entry is set.
    if any(word.startswith("--modify-window=") for word in words(case)) and abs(one["mtime"] - other["mtime"]) < 2 * 10**9:
        fields.add("mtime")
    # Without -p rsync gives a special the mode of what it replaces, whatever that was.
    old = (case.old or {}).get(path)
    if "p" not in given and one["kind"] not in ("file", "directory") and old is not None and old.kind != one["kind"]:
        fields.add("mode")
    # To rsync a character device and a block device of one number are the same.
    if {one["kind"], other["kind"]} == {"character device", "block device"} and one["device"] == other["device"]:
        fields.add("kind")
    return fields


def settles(case):
    """A second run finds nothing to do."""
    given = letters(case)
    # A link to a directory that got another name is a destination directory the next time.
    renamed = not case.destination.endswith("/")
    return "t" in given and not given & set("InOJU") and not renamed and "--remove-source-files" not in words(case) and not {"-b", "--delete-excluded"} <= set(words(case))


def corresponds(case, statuses):
    """The statuses mean the same. What a dry run of hasync does not try, or --ignore-existing leaves, does not fail."""
    wanted = STATUSES.get(statuses["rsync"], ())
    untried = "n" in letters(case) or "--ignore-existing" in words(case)
    return statuses["hasync"] in wanted or untried and 3 in wanted and statuses["hasync"] == 0


def unexplained(case, statuses, told, found):
    """The differences that no rule explains."""
    # rsync may have deleted before it came to what it could not read; hasync deletes nothing then.
    if "deletions_held_back" in told:
        found = [(what, text) for what, text in found if not (what == "dst names" and "only with hasync" in text)]
    # What is there already, and equal to that of --compare-dest, rsync deletes.
    if "--compare-dest=../basis" in words(case):
        found = [(what, text) for what, text in found if not (what == "dst names" and "only with hasync" in text)]
    # A further name of a symbolic link is made by a hard link, and its source is left.
    if "H" in letters(case) and "--remove-source-files" in words(case):
        found = [(what, text) for what, text in found if not (what == "src names" and text.endswith("only with hasync: symlink"))]
    # Where nothing takes part, a link to a directory without -r, hasync has made the destination all the same.
    if not case.destination.endswith("/") and "r" not in letters(case):
        found = [(what, text) for what, text in found if not text.endswith("only with hasync: directory")]
    # hasync makes the directory of backups before there is one.
    found = [(what, text) for what, text in found if text not in ("dst/'saved': only with hasync: directory", "saved/'': only with hasync: directory")]
    # Which are deleted before the limit is reached is a matter of order; a directory that makes way counts with hasync.
    if "--max-delete allows no more" in told:
        return []
    # A directory that does not take part itself, in which hasync began to make something and could not.
    if statuses["hasync"] == 3:
        found = [(what, text) for what, text in found if not (what == "dst mtime" and "'now' with hasync" in text and ": directory:" in text)]
    return found
