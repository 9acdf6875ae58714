"""Where hasync differs from rsync on purpose, as narrow as it can be told, and what neither of them promises."""
import os
from typing import NamedTuple

# What rsync's statuses are with hasync.
STATUSES = {0: (0,), 1: (2,), 2: (2, 6), 3: (2, 3, 6), 4: (2,), 11: (3, 6), 23: (3,), 24: (3,), 25: (3,)}
LIMIT = "--max-delete allows no more"
EVERYTHING = {"blocks", "content", "device", "group", "kind", "links", "mode", "mtime", "owner", "target", "xattrs"}


class Difference(NamedTuple):
    """`what` is its sort; `one` and `other` are the entries of `tree` at `path` with rsync and with hasync, as far as there are any."""
    what: str
    text: str
    tree: str = ""
    path: bytes = b""
    one: dict | None = None
    other: dict | None = None

    def is_only_with(self, tool):
        return self.what.endswith(" names") and (self.other if tool == "rsync" else self.one) is None


def words(case):
    return [word for group in case.options for word in group]


def letters(case):
    """The single letters of a case, -a and what else stands for others taken apart."""
    found = set()
    for word in words(case):
        if word[:1] == "-" and word[:2] != "--":
            found |= set(word[1:])
    found |= set("rlptgoD") if "a" in found else set()
    return found | {"p"} if "A" in found else found


class Places:
    """Which entries of the source stand where at the destination."""

    def __init__(self, case):
        self.source, self.old = case.source, case.old or {}
        given = words(case)
        self.pairs, self.renamed = [], None
        if not case.destination.endswith("/"):
            self.renamed = os.fsencode(case.destination.removeprefix("dst").lstrip("/")), os.fsencode(case.sources[0].removeprefix("src").strip("/"))
        for source in map(os.fsencode, case.sources):
            if "-R" in given:
                self.pairs.append((b"" if b"/./" in source else b"src", b""))
            elif source == b"src":
                self.pairs.append((b"src", b""))
            else:
                self.pairs.append((b"", source[4:-1] if source.endswith(b"/") else b""))

    def origins(self, path):
        """The paths at the source of what may stand at this path."""
        if self.renamed and self.renamed[0] == path:
            return [self.renamed[1]]
        found = []
        for here, there in self.pairs:
            rest = inner(path, here)
            place = None if rest is None else os.path.join(there, rest) if there and rest else there or rest
            if place in self.source:
                found.append(place)
        return found

    def nodes(self, path):
        return [self.source[origin] for origin in self.origins(path)]

    def is_over_link(self, path, itself):
        """A symbolic link of the source leads there."""
        above = [path[:at] for at in range(len(path)) if path[at:at + 1] == b"/"] + [path] * itself
        return any(node.kind == "symlink" for place in above for node in self.nodes(place))

    def names(self, path):
        """The paths, at the destination, of all names of a thing that has more than one."""
        firsts = {self.source[origin].twin or origin for origin in self.origins(path)}
        all_names = [place for place, node in self.source.items() if place in firsts or node.twin in firsts]
        if len(all_names) < 2:
            return []
        return [os.path.join(here, rest) if rest else here for here, there in self.pairs for place in all_names if (rest := inner(place, there)) is not None]

    def was(self, path):
        return self.old.get(path)


def inner(path, top):
    """What of a path lies beneath another; `None` where it does not."""
    if not top or path == top:
        return path[len(top):]
    return path[len(top) + 1:] if path.startswith(top + b"/") else None


def set_by_hand(xattrs):
    """The attributes that -X keeps."""
    return {name: value for name, value in dict(xattrs).items() if not name.startswith("system.")}


def group_lost(one, other):
    """The access control lists differ in nothing but that the first gives the owning group nothing."""
    name = "system.posix_acl_access"
    one, other = dict(one), dict(other)
    lists = one.pop(name, b""), other.pop(name, b"")
    pairs = [(a[at:at + 8], b[at:at + 8]) for a, b in [lists] for at in range(4, len(a), 8)]
    apart = [(a, b) for a, b in pairs if a != b]
    return one == other and len(lists[0]) == len(lists[1]) and len(apart) == 1 and apart[0][0][:4] == b"\x04\0\0\0" and apart[0][1][:2] == b"\x04\0"


def is_apart(case):
    """Backups have a directory of their own."""
    return any(word.startswith("--backup-dir") for word in words(case))


def suffix(case):
    return b".old" if "--suffix=.old" in words(case) else b"" if is_apart(case) else b"~"


def backup_of(case, tree, path):
    """The path of what this is a backup of; `None` where it is none."""
    if is_apart(case):
        path = path if tree == "saved" else inner(path, b"saved") if tree == "dst" and path.startswith(b"saved/") else None
    elif tree != "dst" or "b" not in letters(case):
        path = None
    return path.removesuffix(suffix(case)) if path is not None and path.endswith(suffix(case)) else None


def named(case):
    """The entries that are sources themselves, as far as they are none of the source's directories."""
    paths = [os.fsencode(source).removeprefix(b"src").strip(b"/").removeprefix(b"./") for source in case.sources]
    return [case.source[path] for path in paths if path in case.source]


def follows(case):
    return letters(case) & set("Lk") or "--copy-unsafe-links" in words(case)


def left_open(case, tree, path, one, other):
    """The fields of an entry in which two copies may differ."""
    given, fields, places = letters(case), set(), Places(case)
    kept = backup_of(case, tree, path)
    if kept is not None and one["kind"] != "directory" and {"--inplace", "--append-verify"} & set(words(case)):
        # A file that is written in place is copied for its backup; rsync then gives the copy what the options keep of it, hasync all.
        fields |= {"mode", "owner", "group", "xattrs"} | ({"mtime"} if "t" not in given or is_apart(case) else set())
    if tree != "dst" or is_apart(case) and path.split(b"/")[0] == b"saved":
        # What the directories of backups look like nobody said.
        fields |= {"blocks", "links"} | ({"mtime", "mode", "owner", "group", "xattrs"} if one["kind"] == "directory" and tree != "src" else set())
        # What hasync, or rsync, leaves at the source because another directory has it.
        if tree == "src" and one["kind"] == "directory" and "--remove-source-files" in words(case) and {"--compare-dest=../basis", "--link-dest=../basis"} & set(words(case)):
            fields.add("mtime")
        # Where rsync does not remove a link that was followed.
        if tree == "src" and one["kind"] == "directory" and "--remove-source-files" in words(case) and follows(case):
            beneath = [node for place, node in case.source.items() if place != path and os.path.dirname(place) == path]
            fields |= {"mtime"} if any(node.kind == "symlink" for node in beneath) else set()
        return fields
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
    # What a directory hands down to what is made in it, a setgid bit its group, with hasync a file of --temp-dir has, too.
    if "g" not in given and one["kind"] == "file" and any(word.startswith("--temp-dir=") for word in words(case)):
        fields.add("group")
    fields |= among_names(case, places, path, given) | beside_stamp(case, places, path, given, one, other)
    # The directory of backups is there before the first of them is.
    if not path and "--backup-dir=saved" in words(case):
        fields.add("mtime")
    # rsync puts the attributes of a directory on the file that --ignore-existing leaves in its place.
    if "--ignore-existing" in words(case) and one["kind"] != "directory" and any(node.kind in ("directory", "symlink") for node in places.nodes(path)):
        fields |= {"mtime", "mode", "owner", "group", "xattrs"}
    # What is within the window is left by both, but only rsync leaves it when something else of the entry is set.
    if any(word.startswith("--modify-window=") for word in words(case)) and abs(one["mtime"] - other["mtime"]) < 2 * 10**9:
        fields.add("mtime")
    # Without -p rsync gives what it makes at once the mode of what that replaces, whatever it was.
    old = places.was(path)
    at_once = one["kind"] not in ("file", "directory") or one["kind"] == "file" and any("-dest=" in word for word in words(case))
    if "p" not in given and at_once and old is not None and old.kind != one["kind"]:
        fields.add("mode")
    # To rsync a character device and a block device of one number are the same.
    if {one["kind"], other["kind"]} == {"character device", "block device"} and one["device"] == other["device"]:
        fields.add("kind")
    # "Existing path elements are left unchanged": rsync leaves the time that making a name in them gives.
    if "--no-implied-dirs" in words(case) and one["kind"] == "directory" and old is not None and other["mtime"] == old.mtime:
        fields.add("mtime")
    # Where there is no room for the backup's name rsync replaces the old one without a backup; hasync leaves it.
    long = [name for name in [path, *places.names(path)] if "b" in given and len(os.path.basename(name)) + len(suffix(case)) > 255]
    if any(places.was(name) is not None for name in long):
        fields |= EVERYTHING if path in long else {"links"}
    return fields


def among_names(case, places, path, given):
    """Fields that depend on the order in which the names of one file come."""
    names = places.names(path) if "H" in given else []
    there = [old for name in names if (old := places.was(name)) is not None]
    fields = set()
    # rsync takes one that is there already and right for the first, hasync the one that comes first: they have what no option keeps.
    if there:
        fields |= {field for letter, field in zip("tpog", ("mtime", "mode", "owner", "group")) if letter not in given}
    # rsync makes a file that is newer a link all the same where another name of it comes before.
    if "u" in given and names:
        newest = max((old.mtime for old in there if old.kind == "file"), default=0)
        old, wanted = places.was(path), places.nodes(path)[0]
        if old is not None and old.kind == "file" and old.mtime > wanted.mtime:
            fields |= EVERYTHING
        elif newest > wanted.mtime:
            fields.add("links")
    return fields


def beside_stamp(case, places, path, given, one, other):
    """Fields where rsync 3.5.0 has faults of its own with extended attributes and access times."""
    fields = set()
    rest = [{name: value for name, value in entry.get("xattrs", {}).items() if not name.startswith("system.")} for entry in (one, other)]
    if "X" in given and "p" not in given:
        # "Existing files retain their permissions": rsync gives what needs no content the source's when it sets attributes.
        for name in places.names(path) or [path]:
            old = places.was(name)
            wanted = [set_by_hand(node.xattrs) for node in places.nodes(name)]
            followed = follows(case) and any(node.kind == "symlink" for node in places.nodes(name))
            made = old is None and one["kind"] == "directory" and any(wanted)
            if made or old is not None and (followed or any(xattrs != set_by_hand(old.xattrs) for xattrs in wanted)):
                # The mask of a list is the mode of the group.
                fields |= {"mode"} | ({"xattrs"} if rest[0] == rest[1] else set())
    if "X" in given and follows(case):
        # rsync reads those of the link, which has none.
        if any(node.kind == "symlink" for node in places.nodes(path)) and not rest[0]:
            fields.add("xattrs")
    # rsync sets another time than it read.
    if "U" in given and "t" not in given and one["kind"] == "file":
        fields.add("mtime")
    return fields


def settles(case):
    """A second run finds nothing to do."""
    given = letters(case)
    # A link to a directory that got another name is a destination directory the next time.
    renamed = not case.destination.endswith("/")
    return "t" in given and not given & set("InOJU") and not renamed and "--remove-source-files" not in words(case) and not {"-b", "--delete-excluded"} <= set(words(case))


def reads_too_late(case, said):
    """rsync removed a source before it read all that it needed of it, or by a look at a link that was followed."""
    texts = ("failed to re-read xattr", "Skipping sender remove", "sender failed to remove", "has vanished", "No such file or directory")
    return "--remove-source-files" in words(case) and ("X" in letters(case) or follows(case)) and any(text in said["rsync"] for text in texts)


def corresponds(case, statuses, said):
    """The statuses mean the same. What a dry run of hasync does not try, or --ignore-existing leaves, does not fail."""
    wanted = STATUSES.get(statuses["rsync"], ())
    if statuses == {"rsync": 2, "hasync": 0} and "got_flist_entry_status" in said["rsync"]:
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
    # That none of the sources is there ends a run before it began.
    if "L" in letters(case) and statuses == {"rsync": 23, "hasync": 6} and all(node.kind == "symlink" for node in named(case)):
        return True
    return statuses["hasync"] in wanted or untried and 3 in wanted and statuses["hasync"] == 0


def is_cut_short(statuses, said):
    """rsync did not begin, lost count of its own list, or ended at the first backup that it could not make, where hasync goes on."""
    return statuses["rsync"] in (1, 2, 3, 4) or statuses["rsync"] == 11 and "keep_backup failed" in said["rsync"]


def is_caught(case, found):
    """rsync waits for ever where a directory fails that holds further names of a file, or where another directory has what links lead to."""
    apart = follows(case) and any("-dest=" in word for word in words(case))
    return [difference.text for difference in found] == ["rsync"] and "H" in letters(case) and (apart or "--ignore-existing" in words(case))


def unexplained(case, statuses, said, seen, found):
    """The differences that no rule explains."""
    found = [difference for difference in found if not is_explained(case, statuses, said, difference)]
    # Which are deleted before the limit is reached is a matter of order, but it is as many.
    if LIMIT in said["hasync"]:
        old, places = (case.old or {}).keys(), Places(case)
        # The time of a directory that stays tells what went in it.
        order = {"dst names": lambda path: (backup_of(case, "dst", path) or path) in old, "dst mtime": lambda path: path in old and not places.origins(path)}
        found = [difference for difference in found if not order.get(difference.what, lambda path: False)(difference.path)]
        # A directory that stands where something else shall be goes, or stays, with what is in it; what went is in the backups.
        found = [difference for difference in found if not (difference.what == "saved names" or difference.tree == "dst" and stays_in_the_way(seen, difference.path))]
        left = {tool: len(trees["dst"].keys() & old) for tool, trees in seen.items()}
        if left["rsync"] != left["hasync"]:
            found.append(Difference("limit", f"of the old entries {left['rsync']} are there with rsync, {left['hasync']} with hasync"))
    return found


def stays_in_the_way(seen, path):
    """True where only one of the two has a directory at this path."""
    kinds = [trees["dst"][path]["kind"] for trees in seen.values() if path in trees["dst"]]
    return len(kinds) == 2 and kinds.count("directory") == 1


def is_explained(case, statuses, said, difference):
    what, text, tree, path, one, other = difference
    given, places = letters(case), Places(case)
    # rsync may have deleted before it came to what it could not read; hasync deletes nothing then.
    if tree == "dst" and difference.is_only_with("hasync") and "deletions_held_back" in said["hasync"] and LIMIT not in said["hasync"] and places.was(path) is not None:
        return True
    # Nor does it with --ignore-errors in a directory of which not all could be read.
    if tree == "dst" and difference.is_only_with("hasync") and "--ignore-errors" in words(case) and '"reason":"dangling"' in said["hasync"] and places.was(path) is not None:
        return True
    # Where nothing takes part, a link to a directory without -r, hasync has made the destination all the same.
    if not case.destination.endswith("/") and "r" not in given and difference.is_only_with("hasync") and (tree, path, other["kind"]) == ("dst", b"", "directory"):
        return True
    # hasync makes the directory of backups before there is one.
    if difference.is_only_with("hasync") and (tree, path) in (("dst", b"saved"), ("saved", b"")) and other["kind"] == "directory":
        return True
    # rsync keeps in it what --delete-after takes from it.
    if tree == "dst" and path.startswith(b"saved/") and {"--backup-dir=saved", "--delete-after"} <= set(words(case)):
        if difference.is_only_with("rsync") and path.startswith(b"saved/saved") or difference.is_only_with("hasync"):
            return True
    kept = backup_of(case, tree, path)
    if kept is not None and difference.is_only_with("hasync") and (other["kind"] != "directory" or is_apart(case)):
        # What gives way to a file of --link-dest or --compare-dest is kept, too.
        if any(word.startswith(("--link-dest=", "--compare-dest=")) for word in words(case)) and places.was(kept) is not None:
            return True
        # So is what is made a link to the first name of a file.
        if places.names(kept) and "H" in given:
            return True
        # The backups of this very run rsync deletes with what --delete-after finds; with hasync the next run has them.
        if {"--delete-excluded", "--delete-after"} <= set(words(case)) and places.was(kept) is not None:
            return True
        # So is a link that leads out of the tree.
        if other["kind"] == "symlink" and "--safe-links" in words(case):
            return True
    # A link that was followed rsync does not find where it removes it, or no longer where it sends it, when what it led to has gone.
    if "--remove-source-files" in words(case) and follows(case):
        if tree == "src" and difference.is_only_with("rsync") and one["kind"] == "symlink":
            return True
        if tree == "dst" and difference.is_only_with("hasync") and places.is_over_link(path, True) and statuses["rsync"] in (23, 24):
            return True
    # Of what is no file rsync leaves the source where --link-dest has it.
    if tree == "src" and difference.is_only_with("rsync") and one["kind"] != "file" and {"--remove-source-files", "--link-dest=../basis"} <= set(words(case)):
        return True
    # What was not made at the destination, because another directory has it, hasync leaves at the source.
    if tree == "src" and difference.is_only_with("hasync") and {"--remove-source-files", "--compare-dest=../basis"} <= set(words(case)):
        return True
    # hasync follows no link in the directory of --link-dest or its like.
    if tree == "dst" and any("-dest=" in word for word in words(case)):
        others = {name for entry in (one, other) for name in (entry or {}).get("links") or ()} if what == "dst links" else set()
        if any(places.is_over_link(name, False) for name in {path} | others):
            return True
    # rsync 3.5.0 takes from the owning group what a list gives it where the mode has a sticky bit.
    if what == "dst xattrs" and "A" in given and int(other["mode"], 8) & 0o1000 and group_lost(one["xattrs"], other["xattrs"]):
        return True
    if what == "dst xattrs" and "failed to re-read xattr" in said["rsync"] and "--remove-source-files" in words(case):
        return True
    # A directory that does not take part itself, in which hasync began to make something and could not.
    return statuses["hasync"] == 3 and what == "dst mtime" and "'now' with hasync" in text and other["kind"] == "directory"
