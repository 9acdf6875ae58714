"""Where hasync differs from rsync on purpose, as narrow as it can be told, and what neither of them promises."""
import os
from typing import NamedTuple

from places import (Places, backup_of, counts_backups, follows, holds_dangling, inner, is_apart, is_one_of_more, is_other_device, is_too_long,
                    kept_apart, letters, named, size, suffix, through_link, trips_over_link, waits_in_vain, words)

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


def left_open(case, tree, path, one, other):
    """The fields of an entry in which two copies may differ."""
    given, fields, places = letters(case), set(), Places(case)
    kept = backup_of(case, tree, path)
    if kept is not None and one["kind"] != "directory" and {"--inplace", "--append-verify"} & set(words(case)):
        # A file that is written in place is copied for its backup; rsync then gives the copy what the options keep of it, hasync all.
        fields |= {"mode", "owner", "group", "xattrs"} | ({"mtime"} if "t" not in given or is_apart(case) else set())
    # With -U rsync gives what it links from another directory the mode of what that replaces, there as well; hasync leaves it as it is.
    linked = "--link-dest=../basis" in words(case) and "U" in given and "p" not in given
    if linked and tree in ("dst", "basis") and one["kind"] == "file" and any(int(other["mode"], 8) == node.mode for node in places.nodes(path)):
        fields.add("mode")
    # What is within the window is left by both, but only rsync leaves it when something else of the entry is set.
    within = {"mtime"} if any(word.startswith("--modify-window=") for word in words(case)) and abs(one["mtime"] - other["mtime"]) < 2 * 10**9 else set()
    if tree != "dst" or is_apart(case) and path.split(b"/")[0] == b"saved":
        # What the directories of backups look like nobody said.
        fields |= {"blocks", "links"} | within | ({"mtime", "mode", "owner", "group", "xattrs"} if one["kind"] == "directory" and tree != "src" else set())
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
    if one["kind"] == "directory" and ("t" not in given or "O" in given or "b" in given and not is_apart(case)):
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
    fields |= among_names(case, places, path, given, one, other) | beside_stamp(case, places, path, given, one, other)
    # The directory of backups is there before the first of them is.
    if not path and "--backup-dir=saved" in words(case):
        fields.add("mtime")
    # What a followed link to a directory is called at the destination, when it gets another name, rsync dresses as if it were in it.
    if places.renamed and path == places.renamed[0] and follows(case) and any(node.kind == "symlink" for node in places.nodes(path)):
        fields |= {"mtime", "mode", "owner", "group", "xattrs"}
    # rsync puts the attributes of a directory on what --ignore-existing leaves in its place, whatever else that is the name of.
    instead = [node for name in places.were_one(path) for node in places.nodes(name)]
    if "--ignore-existing" in words(case) and one["kind"] != "directory" and any(node.kind in ("directory", "symlink") for node in instead):
        fields |= {"mtime", "mode", "owner", "group", "xattrs"}
    old = places.was(path)
    # What nobody may read -E lets nobody execute; hasync takes what another directory has in its place, rsync does not.
    if "--link-dest=../basis" in words(case) and "E" in given and "p" not in given and one["kind"] == "file":
        if old is not None and not old.mode & 0o444 and any(node.mode & 0o111 for node in places.nodes(path)):
            fields |= {"mode", "owner", "group", "xattrs", "links"}
    fields |= within
    # Without -p rsync gives what it makes at once the mode of what that replaces, whatever it was.
    at_once = one["kind"] not in ("file", "directory") or one["kind"] == "file" and any("-dest=" in word for word in words(case))
    if "p" not in given and at_once and old is not None and old.kind != one["kind"]:
        fields.add("mode")
    # To rsync a character device and a block device of one number are the same, and it leaves the one that is there.
    if {one["kind"], other["kind"]} == {"character device", "block device"} and one["device"] == other["device"]:
        fields |= EVERYTHING
    if one["kind"] == "directory" and any(is_other_device(node, places.was(beneath)) for beneath, node in places.beneath(path)):
        fields.add("mtime")
    # What rsync makes a link to, or a copy of, at once may run with the rights of its owner; without -p hasync makes nothing that does.
    if "p" not in given and at_once and one["kind"] == other["kind"] == "file" and int(one["mode"], 8) & 0o777 == int(other["mode"], 8) & 0o777:
        fields.add("mode")
    # With -I rsync takes what another directory has for what was there, and its mode for the one that stays.
    if "I" in given and "p" not in given and any("-dest=" in word for word in words(case)) and one["kind"] == "file" and old is None:
        fields |= {"mode"} if any(int(one["mode"], 8) == node.mode for node in places.nodes(path)) else set()
    # What rsync copies from another directory has no holes.
    if "S" in given and "--copy-dest=../basis" in words(case) and other.get("blocks", 0) < one.get("blocks", 0):
        fields.add("blocks")
    # Nobody said which names of other files stay one without -H; a backup of hasync's is the file itself.
    if "H" not in given and ("b" in given or is_apart(case)):
        fields.add("links")
    # "Existing path elements are left unchanged": rsync leaves the time that making a name in them gives.
    if "--no-implied-dirs" in words(case) and one["kind"] == "directory" and old is not None and other["mtime"] == old.mtime:
        fields.add("mtime")
    # rsync 3.5.0 leaves zeros in the place of what was there.
    if {"S", "b"} <= given and "--append-verify" in words(case) and old is not None and old.kind == "file":
        fields |= {"content", "blocks"}
    # Where there is no room for the backup's name rsync replaces the old one without a backup; hasync leaves it.
    long = [name for name in [path, *places.names(path)] if is_too_long(case, name)]
    if any(places.was(name) is not None for name in long):
        fields |= EVERYTHING if path in long else {"links"}
    return fields


def among_names(case, places, path, given, one, other):
    """Fields that depend on the order in which the names of one file come."""
    names = places.names(path) if "H" in given else []
    there = [old for name in names if (old := places.was(name)) is not None]
    fields = set()
    # What rsync takes for the first may have a name, too, which the source has not.
    if "H" in given:
        known = [{name for name in entry.get("links") or (path,) if places.firsts_of(name)} for entry in (one, other)]
        # Nor does it part names which are one here and two at the source, where both are right by time and size.
        left_one = known[1] < known[0] <= places.connected(path)
        fields |= {"links"} if known[0] == known[1] or left_one or not places.firsts_of(path) else set()
    # rsync takes one that is there already and right for the first, hasync the one that comes first: they have what no option keeps.
    if there:
        fields |= {field for letter, field in zip("tpogX", ("mtime", "mode", "owner", "group", "xattrs")) if letter not in given}
        if "A" not in given and set_by_hand(one.get("xattrs", ())) == set_by_hand(other.get("xattrs", ())):
            fields.add("xattrs")
        # Which is right by its time and size may have another content.
        wanted = places.led_to(path)
        if any(old.kind == "file" and old.mtime == wanted.mtime and size(old) == size(wanted) and old.pieces != wanted.pieces for old in there):
            fields.add("content")
    # What --ignore-existing leaves is what the source has, in all that is kept: to hasync a new name of it is one more of that.
    if there and "--ignore-existing" in words(case):
        fields.add("links")
    # rsync makes a file that is newer a link all the same where another name of it comes before.
    if "u" in given and names:
        newest = max((old.mtime for old in there if old.kind == "file"), default=0)
        old, wanted = places.was(path), places.led_to(path)
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
        # And so what is made in a directory that has its mode too early may have got its setgid bit.
        above = [set_by_hand(node.xattrs) for node in places.nodes(os.path.dirname(path))]
        if any(above) and one["kind"] == other["kind"] == "directory" and int(one["mode"], 8) ^ int(other["mode"], 8) == 0o2000:
            fields.add("mode")
    # Whether rsync maps the numbers in lists with --numeric-ids depends on whether it knows the whole tree before; hasync never does.
    mapped = any(word.startswith(("--chown=", "--usermap=", "--groupmap=")) for word in words(case))
    if "A" in given and "--numeric-ids" in words(case) and mapped and rest[0] == rest[1]:
        fields.add("xattrs")
    if "X" in given and follows(case):
        # rsync reads those of the link, which has none.
        if places.is_over_link(path, True) and not rest[0]:
            fields.add("xattrs")
    # rsync sets another time than it read.
    if "U" in given and "t" not in given and one["kind"] == "file":
        fields.add("mtime")
    return fields


def unexplained(case, statuses, said, seen, found):
    """The differences that no rule explains."""
    found = [difference for difference in found if not is_explained(case, statuses, said, difference)]
    # It depends on their order whether rsync's -m leaves an empty directory that was named.
    if "-m" in words(case) and (case.lists or "-R" in words(case)):
        found = [difference for difference in found if not (difference.tree == "dst" and holds_directories_alone(case, seen, difference))]
    # Which are deleted before the limit is reached is a matter of order, but it is as many.
    if LIMIT in said["hasync"]:
        old = case.old or {}
        # The time of a directory that stays tells what went in it.
        order = {"dst names": lambda path: (backup_of(case, "dst", path) or path) in old, "dst mtime": lambda path: path in old and old[path].kind == "directory"}
        found = [difference for difference in found if not order.get(difference.what, lambda path: False)(difference.path)]
        # A directory that stands where something else shall be goes, or stays, with what is in it; what went is in the backups.
        found = [difference for difference in found if not (difference.what == "saved names" or difference.tree == "dst" and stays_in_the_way(seen, difference.path))]
        left = {tool: len(trees["dst"].keys() & old.keys()) for tool, trees in seen.items()}
        # What cannot be deleted, as there is no room for the name of its backup, counts with hasync.
        more_with = max(left, key=left.get)
        counted = any(is_too_long(case, name) for name in old) if more_with == "hasync" else counts_backups(case)
        if left["rsync"] != left["hasync"] and not counted:
            found.append(Difference("limit", f"of the old entries {left['rsync']} are there with rsync, {left['hasync']} with hasync"))
    return found


def holds_directories_alone(case, seen, difference):
    """It is a directory at the source, it leads to what was named or lies in that, and all that is in it are directories: there, or where
    one of the two has it. Where both have it, it was there before, and one left it as it was."""
    places = Places(case)
    names = case.lists or [os.fsencode(source).removeprefix(b"src/").removeprefix(b"./").rstrip(b"/") for source in case.sources]

    def takes_part(path):
        return any(inner(path, name) is not None or inner(name, path) is not None for name in names)

    origins = [origin for origin in places.origins(difference.path) if takes_part(origin)]
    taken = {path: node for path, node in case.source.items() if takes_part(path)}
    if any({node.kind for path, node in taken.items() if inner(path, origin) is not None} == {"directory"} for origin in origins):
        return difference.what == "dst names" or difference.one["kind"] == difference.other["kind"] == "directory" and places.was(difference.path) is not None
    if difference.what != "dst names" or not origins:
        return False
    tree = seen["rsync" if difference.is_only_with("rsync") else "hasync"]["dst"]
    return {entry["kind"] for path, entry in tree.items() if inner(path, difference.path) is not None} == {"directory"}


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
    unread = "--ignore-errors" in words(case) and '"reason":"dangling"' in said["hasync"]
    if tree == "dst" and difference.is_only_with("hasync") and unread and places.was(path) is not None:
        return True
    # Where nothing takes part, a link to a directory without -r, hasync has made the destination all the same.
    nothing = "r" not in given or any(word.startswith("--exclude=") for word in words(case))
    if places.renamed and nothing and tree == "dst" and other is not None and other["kind"] == "directory" and path in (b"", places.renamed[0]):
        if difference.is_only_with("hasync") or what == "dst mtime" and not path:
            return True
    # hasync makes the directory of backups before there is one; and which directories are in it nobody said.
    if kept_apart(case, tree, path) and difference.is_only_with("hasync") and other["kind"] == "directory":
        return True
    # rsync keeps in it what --delete-after takes from it.
    if tree == "dst" and path.startswith(b"saved/") and {"--backup-dir=saved", "--delete-after"} <= set(words(case)):
        if difference.is_only_with("rsync") and path.startswith(b"saved/saved") or difference.is_only_with("hasync"):
            return True
    if tree == "dst" and through_link(case, path):
        return True
    if tree == "dst" and difference.is_only_with("rsync"):
        above = [path[:at] for at in range(len(path)) if path[at:at + 1] == b"/"]
        if any(is_too_long(case, name) and places.was(name) is not None for name in above):
            return True
        # What is beneath what --ignore-existing leaves rsync cannot find, and deletes nothing after that.
        if "--ignore-existing" in words(case) and statuses == {"rsync": 23, "hasync": 0} and places.was(path) is not None and not places.origins(path):
            return True
    # Without room for the name of its backup hasync does not delete it.
    if tree == "dst" and difference.is_only_with("hasync") and is_too_long(case, path) and places.was(path) is not None:
        return True
    # And so not what it lies in, where something else shall be.
    stays = other is not None and other["kind"] == "directory" and (one is None or one["kind"] != "directory")
    if tree == "dst" and stays and any(is_too_long(case, name) and inner(name, path) for name in places.old):
        return True
    if tree == "dst" and "--delay-updates" in words(case) and difference.is_only_with("rsync") and waits_in_vain(case, path):
        return True
    # The backup of a name that is nothing but the suffix keeps its directories; to rsync it is itself a backup, and has none.
    if tree == "dst" and "b" in given and difference.is_only_with("hasync") and other["kind"] == "directory":
        if any(os.path.basename(name) == suffix(case) and inner(name, path) for name in places.old):
            return True
    # What another directory has rsync appends to, and does not bring it where nothing is missing.
    if tree == "dst" and difference.is_only_with("hasync") and "--append-verify" in words(case) and any("-dest=" in word for word in words(case)):
        return True
    # rsync has made way for it when it finds no other name of it that it could have.
    if "H" in given and "--existing" in words(case):
        if tree == "dst" and difference.is_only_with("hasync") and places.names(path):
            return True
        # And so it stays at the source.
        if tree == "src" and difference.is_only_with("rsync") and "--remove-source-files" in words(case) and is_one_of_more(case, path):
            return True
    # A directory of which none but a link is in it that leads nowhere is not empty to hasync.
    if tree == "dst" and "-m" in words(case) and "L" in given and (what == "dst mtime" or difference.is_only_with("hasync")) and holds_dangling(case, places, path):
        return True
    # Whether a link that was named will be a directory rsync does not ask before the rules.
    asked = case.lists or any(word.startswith("-! ") for word in words(case))
    if tree == "dst" and asked and "--copy-unsafe-links" in words(case) and other is not None:
        if any(places.is_over_link(name, True) for name in {path} | {name for name, _ in places.beneath(path) if what == "dst mtime"}):
            return True
    # Without a source that is there rsync makes the destination all the same.
    if (tree, path) == ("dst", b"") and difference.is_only_with("rsync") and "L" in given and named(case) and all(node.kind == "symlink" for node in named(case)):
        return True
    kept = backup_of(case, tree, path)
    # With -u it makes what is newer a link to another name all the same, and keeps it.
    if kept is not None and difference.is_only_with("rsync") and {"H", "u"} <= given and places.names(kept):
        return True
    # What it deleted before it came to what it could not read is in the backups.
    if kept is not None and difference.is_only_with("rsync") and (unread or "deletions_held_back" in said["hasync"]) and places.was(kept) is not None:
        return True
    # Where there is no room for the name of its backup a file stays, and so at the source.
    if tree == "src" and difference.is_only_with("hasync") and "--remove-source-files" in words(case) and is_too_long(case, path):
        return True
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
        # What rsync does not delete after what --ignore-existing leaves has no backup with it.
        if "--ignore-existing" in words(case) and statuses == {"rsync": 23, "hasync": 0} and places.was(kept) is not None and not places.origins(kept):
            return True
        # To rsync a name that is nothing but the suffix is itself a backup, in a directory.
        if b"/" in kept and os.path.basename(kept) == suffix(case):
            return True
    # Of what is no file, and of which a name is here, rsync brings all names or waits for ever; hasync leaves it out as it does a file.
    if tree == "dst" and difference.is_only_with("rsync") and "H" in given and "--compare-dest=../basis" in words(case) and one["kind"] != "file":
        if any(places.was(name) is not None for name in places.names(path)):
            return True
    # rsync keeps no backup of a link that gives way to what another leads to, nor of a device for which it makes no other.
    if kept is not None and difference.is_only_with("hasync"):
        if follows(case) and other["kind"] == "symlink" or any(is_other_device(node, places.was(kept)) for node in places.nodes(kept)):
            return True
    old = places.was(path)
    if tree == "dst" and trips_over_link(case, said) and old is not None and old.kind == "symlink" and one is not None and one.get("target") == old.target:
        return True
    # A link that was followed rsync does not find where it removes it, or no longer where it sends it, when what it led to has gone.
    if "--remove-source-files" in words(case) and follows(case):
        if tree == "src" and "symlink" in {entry["kind"] for entry in (one, other) if entry} and difference.what == "src names":
            return True
        if tree in ("dst", "saved") and other is not None and places.is_over_link(kept or path, True) and (statuses["rsync"] in (23, 24) or "vanished" in said["rsync"]):
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
    # rsync 3.5.0 takes from the owning group what a list gives it where the mode has, or had, a bit beyond what the list is.
    if what == "dst xattrs" and "A" in given and group_lost(one["xattrs"], other["xattrs"]):
        old = places.was(path)
        if (int(other["mode"], 8) | (old.mode if old is not None else 0)) & 0o7000:
            return True
    if what == "dst xattrs" and "failed to re-read xattr" in said["rsync"] and "--remove-source-files" in words(case):
        return True
    # A directory that does not take part itself, in which hasync began to make something and could not.
    return statuses["hasync"] == 3 and what == "dst mtime" and "'now' with hasync" in text and other["kind"] == "directory"
