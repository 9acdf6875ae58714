"""What the words of a case say, and what of its source stands where."""
import os

from nodes import BESIDE


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
        self.firsts = {path: node.twin or path for path, node in case.source.items()}
        self.reached = case.source
        if follows(case):
            self.reached = case.source | {under(b"../beside", path): node for path, node in BESIDE.items()}
            self.firsts |= firsts_over_links(self.reached, lambda path, node, led: is_followed(case, path, node, led))
        given = words(case)
        self.pairs, self.renamed = [], None
        if not case.destination.endswith("/"):
            self.renamed = os.fsencode(case.destination.removeprefix("dst").lstrip("/")), os.fsencode(case.sources[0].removeprefix("src").strip("/"))
        for source in map(os.fsencode, case.sources):
            if "-R" in given and not case.lists:
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
            place = None if rest is None else under(there, rest)
            if place in self.source:
                found.append(place)
        return found

    def nodes(self, path):
        return [self.source[origin] for origin in self.origins(path)]

    def beneath(self, path):
        """What of the source stands in a directory: path there, and node."""
        found = []
        for here, there in self.pairs:
            for place, node in self.source.items():
                rest = inner(place, there)
                name = None if rest is None else under(here, rest)
                if name and os.path.dirname(name) == path:
                    found.append((name, node))
        return found

    def is_over_link(self, path, itself):
        """A symbolic link of the source leads there."""
        above = [path[:at] for at in range(len(path)) if path[at:at + 1] == b"/"] + [path] * itself
        return any(node.kind == "symlink" for place in above for node in self.nodes(place))

    def firsts_of(self, path):
        """The paths at the source under which what may stand at this path was first met, links that are followed gone along."""
        if self.renamed and self.renamed[0] == path:
            return [self.firsts[self.renamed[1]]]
        inside = [under(there, rest) for here, there in self.pairs if (rest := inner(path, here)) is not None]
        return [self.firsts[place] for place in inside if place in self.firsts]

    def led_to(self, path):
        """What is brought to this path, which is one of the names of something."""
        return self.reached[self.firsts_of(path)[0]]

    def names(self, path):
        """The paths, at the destination, of all names of a thing that has more than one; that a link leads there makes it no second."""
        several = {node.twin for node in self.source.values()}
        firsts = set(self.firsts_of(path)) & several
        all_names = [place for place, first in self.firsts.items() if first in firsts]
        return [under(here, rest) for here, there in self.pairs for place in all_names if (rest := inner(place, there)) is not None]

    def was(self, path):
        return self.old.get(path)

    def were_one(self, path):
        """The paths of what was one with it at the destination, its own among them."""
        old = self.old.get(path)
        if old is None:
            return [path]
        return [place for place, node in self.old.items() if (node.twin or place) == (old.twin or path)]

    def connected(self, path):
        """The paths at the destination that are names of one thing with it: at the source, there before, or by way of others that are."""
        found, ahead = {path}, [path]
        while ahead:
            place = ahead.pop()
            fresh = {*self.names(place), *self.were_one(place)} - found
            found |= fresh
            ahead += fresh
        return found


def firsts_over_links(source, is_followed):
    """Of each path that is a link that is followed, or leads through such, to what is there: the path of that thing's first name."""
    found = {}

    def follow(path, place, links):
        """`path` is what a user says, `place` where that is when the links above it, of which there are `links`, have been followed."""
        while source[place].kind == "symlink":
            led = os.path.normpath(os.path.join(os.path.dirname(place), source[place].target))
            links += 1
            if led not in source or links > 8 or not is_followed(place, source[place], source[led]):  # 8: round in a circle
                break
            place = led
        if path != place:
            found[path] = source[place].twin or place
        for child in source if source[place].kind == "directory" and links else ():
            if child and os.path.dirname(child) == place:
                follow(under(path, os.path.basename(child)), child, links)

    for top, node in source.items():
        if node.kind == "symlink":
            follow(top, top, 0)
    return found


def is_followed(case, path, node, led):
    """The options have this link, whose entry is `node`, followed to `led`."""
    leads_out = os.path.normpath(os.path.join(os.path.dirname(path), node.target)).startswith(b"..")
    given = letters(case)
    return "L" in given or "k" in given and led.kind == "directory" or "--copy-unsafe-links" in words(case) and leads_out


def size(node):
    return sum(length for _, _, length in node.pieces)


def inner(path, top):
    """What of a path lies beneath another; `None` where it does not."""
    if not top or path == top:
        return path[len(top):]
    return path[len(top) + 1:] if path.startswith(top + b"/") else None


def under(top, rest):
    """The path of what `inner` told."""
    return os.path.join(top, rest) if rest else top


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


def is_one_of_more(case, path):
    """At the source it has more than one name."""
    first = case.source[path].twin or path
    return any(node.twin == first for node in case.source.values())


def kept_apart(case, tree, path):
    """It is the directory of backups, or lies in it."""
    # What has another name at the destination is a directory, or lies in one.
    places = [os.fsencode(os.path.normpath(os.path.join(above, word.removeprefix("--backup-dir="))))
              for word in words(case) if word.startswith("--backup-dir=") for above in (os.path.dirname(case.destination), case.destination)]
    return any(inner(os.path.join(os.fsencode(tree), path), place) is not None for place in places)


def waits_in_vain(case, path):
    """With --delay-updates it lies in the place of what waits, or is that, and there is no room for the name of a backup of what is old."""
    above, place, name = path.partition(b".~tmp~")
    inside = [name.strip(b"/")] if name else [os.path.basename(old) for old in case.old or () if os.path.dirname(old) == above.strip(b"/")]
    return bool(place) and any(above + base in (case.old or {}) and is_too_long(case, base) for base in inside)


def counts_backups(case):
    """rsync counts the backups of this very run among what --delete-after finds, which --max-delete limits."""
    found = "--backup-dir=saved" in words(case) or "--delete-excluded" in words(case) and "b" in letters(case) and not is_apart(case)
    return found and "--delete-after" in words(case) and any(word.startswith("--max-delete") for word in words(case))


def holds_dangling(case, places, path):
    """At the source, in what stands there, a link is the only thing that is no directory."""
    out = "--exclude=*.txt" in words(case)
    beneath = [node for origin in places.origins(path) for place, node in case.source.items() if inner(place, origin) and not (out and place.endswith(b".txt"))]
    return {node.kind for node in beneath} - {"directory"} == {"symlink"}


def is_too_long(case, path):
    """There is no room for the name of a backup of this."""
    return "b" in letters(case) and len(os.path.basename(path)) + len(suffix(case)) > 255


def through_link(case, path):
    """An old link stands, and stays, in the place of a directory in which something has this path when the link is followed: rsync goes through it."""
    places, kinds = Places(case), {"directory", "symlink"} if follows(case) else {"directory"}
    for place, old in places.old.items():
        if old.kind == "symlink" and any(node.kind in kinds for node in places.nodes(place)):
            led = os.path.normpath(os.path.join(os.path.dirname(place), old.target))
            rest = inner(path, b"" if led == b"." else led)
            # What is there over a followed link is not looked up.
            if rest is not None and (follows(case) or places.nodes(under(place, rest))):
                return bool({"--ignore-existing", "--no-implied-dirs"} & set(words(case)))
    return False


def is_other_device(node, old):
    """A device where the other sort with the same numbers is."""
    kinds = {node.kind, old.kind} if old is not None else set()
    return kinds == {"character device", "block device"} and node.device == old.device


def trips_over_link(case, said):
    """Of an old link that leads out of the tree rsync makes no backup with --safe-links, and then it stands in the way of another."""
    kept = "--safe-links" in words(case) and ("b" in letters(case) or is_apart(case))
    return kept and "[generator] symlink " in said["rsync"] and "failed: File exists (17)" in said["rsync"]


def named(case):
    """The entries that are sources themselves, as far as they are none of the source's directories."""
    paths = [os.fsencode(source).removeprefix(b"src").strip(b"/").removeprefix(b"./") for source in case.sources]
    return [case.source[path] for path in paths if path in case.source]


def follows(case):
    return letters(case) & set("Lk") or "--copy-unsafe-links" in words(case)
