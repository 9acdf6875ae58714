"""Cases: a seed makes a tree, what stood at the destination before, options, and a way to bring it there."""
import os
import random
import struct
from dataclasses import dataclass, replace

from nodes import PLAIN, Node, below
from options import OPTIONS, chosen

NAMES = [b"a", b"b", b"c", b"d.txt", b"e.txt", b"sub", b"dir", b"x.o", b".hidden", b"A"]
ODD = [b"two words", b"new\nline", b"trailing\n", b"-n", b"--delete", b"latin1-\xe9", b"\xff\xfe", b"star*", b"[x]", b"back\\slash",
       b"colon:name", b"x" * 255, b"#hash", b"..a", b"~", "gr\u00fcn".encode(), b"\x01\x7f", b"quo'te", b" blank "]
SMALL = [0, 0, 1, 2, 7, 100, 511, 4095, 4096, 4097, 10_000]
LARGE = [65_535, 65_536, 65_537, 100_000, 262_143, 262_144, 262_145, 700_000]
HUGE = [4_194_303, 4_194_304, 4_194_305]
FILE_MODES = [0o644] * 6 + [0o600, 0o755, 0o444, 0o666, 0o000, 0o4755, 0o2755, 0o1644, 0o7777, 0o200]
DIRECTORY_MODES = [0o755] * 6 + [0o700, 0o1777, 0o2775, 0o555, 0o000, 0o777]
TIMES = [0, 1, 10**9, 2**31 * 10**9, 4_102_444_800 * 10**9, -86_400 * 10**9, -1_500_000_000, 10**18 + 1, 10**18 + 999_999_999]
OWNERS = [(1, 2), (1000, 1000), (0, 54321), (65534, 65534), (12345, 0)]


@dataclass(frozen=True)
class Case:
    """`options`: groups of arguments, each of which may be taken away. `sources`: as on the command line, relative."""
    source: dict
    old: dict | None
    options: tuple
    way: str
    sources: tuple
    destination: str
    lists: tuple = ()


class Maker:
    def __init__(self, seed, as_root):
        self.seed, self.as_root = seed, as_root
        self.random = random.Random(f"{seed} tree")

    def stream(self, name):
        """A source of chance of its own, so that a new option changes nothing else of a seed."""
        return random.Random(f"{self.seed} {name}")

    def moment(self):
        r = self.random
        if r.random() < 0.3:
            return r.choice(TIMES)
        return PLAIN + r.randrange(-4, 4) * 10**9 + r.choice([0, 0, 1, 500_000_000])

    def mode(self, kind):
        mode = self.random.choice(DIRECTORY_MODES if kind == "directory" else FILE_MODES)
        return mode if self.as_root else mode & 0o1777 | (0o700 if kind == "directory" else 0o600)

    def owner(self):
        return self.random.choice(OWNERS) if self.as_root and self.random.random() < 0.25 else (0, 0)

    def xattrs(self, kind, options):
        r, found = self.random, {}
        if "-X" in options and r.random() < 0.5:
            for name in r.sample(["user.a", "user.b", "user.long-name"] + ["trusted.t"] * self.as_root, r.randrange(1, 3)):
                found[name] = r.choice([b"", b"1", b"two\0\xff", b"v" * 40, b"w" * 300])
        if ("-A" in options or "-X" in options) and r.random() < 0.4:
            found["system.posix_acl_access"] = acl(r)
            if kind == "directory" and "-A" in options and r.random() < 0.5:
                found["system.posix_acl_default"] = acl(r)
        return tuple(sorted(found.items()))

    def pieces(self):
        r, chance = self.random, self.random.random()
        size = r.choice(SMALL if chance < 0.85 else LARGE if chance < 0.985 else HUGE)
        if size < 5000 or r.random() < 0.7:
            return ((r.randrange(50), 0, size),) if size else ()
        hole = r.choice([4096, 65536, 300_000])
        return ((r.randrange(50), 0, size // 2), (None, 0, hole), (r.randrange(50), 7, size // 2)) if r.random() < 0.7 else ((None, 0, size),)

    def name(self):
        return self.random.choice(ODD) if self.random.random() < 0.1 else self.random.choice(NAMES)

    def node(self, kind, path, tree, options):
        node = Node(kind, self.mode(kind), self.owner(), self.moment())
        if kind == "file":
            node = replace(node, pieces=self.pieces())
        if kind == "symlink":
            return replace(node, target=self.target(path, tree, options))
        if kind.endswith("device"):
            return replace(node, device=self.random.choice([(1, 3), (1, 5), (7, 200)]), mode=0o600)
        if kind in ("file", "directory"):
            node = replace(node, xattrs=self.xattrs(kind, options))
        return node

    def target(self, path, tree, options):
        """Where links are followed, to directories only those that lead on in the order of paths, so that none lead round in a circle."""
        r, here = self.random, os.path.dirname(path)
        up = b"../" * path.count(b"/")
        inner = [up + other for other in tree if other and tree[other].kind != "symlink" and not (path + b"/").startswith(other + b"/")]
        followed = any(option in options for option in ("-L", "-Lprogtz", "-k", "--copy-unsafe-links", "-K"))
        if followed:
            inner = [other for other in inner if (way := other[len(up):]) > here or tree[way].kind != "directory"]
        if inner and r.random() < 0.6:
            return r.choice(inner)
        if followed:
            return r.choice([b"nowhere", up + b"../beside/file", up + b"../beside"])
        return r.choice([b"nowhere", b"/no/such/file", b".", b"..", up + b"../beside", up + b"../beside/file", b"x" * 1000, b"\xff\n", here or b"a", b"itself"])

    def kind(self):
        kinds = ["file"] * 10 + ["directory"] * 5 + ["symlink"] * 3 + ["fifo"] + (["socket", "character device", "block device"] if self.as_root else [])
        return self.random.choice(kinds)

    def grow(self, tree, count, options):
        for _ in range(count):
            parents = [path for path in tree if tree[path].kind == "directory" and path.count(b"/") < 3]
            path = os.path.join(self.random.choice(parents), self.name())
            if path in tree or len(path) > 600:
                continue
            files = [other for other in tree if tree[other].kind not in ("directory",) and tree[other].twin is None]
            if "-H" in options and files and self.random.random() < 0.35:
                other = self.random.choice(files)
                tree[path] = replace(tree[other], twin=other)
            else:
                tree[path] = self.node(self.kind(), path, tree, options)

    def tree(self, count, options):
        tree = {b"": Node("directory", self.mode("directory"), self.owner(), self.moment(), xattrs=self.xattrs("directory", options))}
        self.grow(tree, count, options)
        return whole(tree)

    def edit(self, pieces):
        """The same content with bytes changed, put in, or cut off."""
        r, size = self.random, sum(length for _, _, length in pieces)
        at = r.randrange(size + 1)
        head, tail, passed = [], [], 0
        for seed, start, length in pieces:
            cut = min(max(at - passed, 0), length)
            head.append((seed, start, cut))
            tail.append((seed, start + cut, length - cut))
            passed += length
        new = (r.randrange(50), 3, r.choice([1, 5, 700]))
        what = r.choice(["change", "insert", "truncate", "append"])
        if what == "change":
            cut, dropped = [], new[2]
            for seed, start, length in tail:
                gone = min(dropped, length)
                dropped -= gone
                cut.append((seed, start + gone, length - gone))
            tail, new = cut, (new[0], new[1], new[2] - dropped)
        result = {"change": head + [new] + tail, "insert": head + [new] + tail, "truncate": head, "append": list(pieces) + [new]}[what]
        return tuple(part for part in result if part[2])

    def aged(self, source, options):
        """What may have stood at the destination before."""
        r, tree = self.random, {}
        for path, node in source.items():
            chance = r.random()
            parent = os.path.dirname(path)
            if path and (parent not in tree or tree[parent].kind != "directory") or path and chance < 0.15:
                continue
            if not path or chance < 0.5:
                tree[path] = node
            elif chance < 0.65 and node.kind == "file":
                tree[path] = replace(node, pieces=self.edit(node.pieces), mtime=r.choice([node.mtime, self.moment()]), twin=None)
            elif chance < 0.75:
                tree[path] = replace(node, mtime=r.choice([self.moment(), node.mtime + r.choice([1, 10**9, -10**9])]), twin=None)
            elif chance < 0.88:
                tree[path] = replace(node, mode=self.mode(node.kind), owner=self.owner(), twin=None,
                                     xattrs=self.xattrs(node.kind, options) if node.kind in ("file", "directory") else ())
            else:
                tree[path] = self.node(self.kind(), path, tree, options)
        self.grow(tree, r.choice([0, 0, 1, 3]), options)
        return whole(tree)


def whole(tree):
    """Other names of an entry only where that entry is; and they have its attributes."""
    for path, node in tree.items():
        if node.twin is not None:
            first = tree.get(node.twin)
            same = first is not None and first.twin is None and first.kind == node.kind
            tree[path] = replace(first, twin=node.twin) if same else replace(node, twin=None)
    return tree


def acl(r):
    """An access control list as the kernel stores it."""
    entries = [(1, r.choice([6, 7]), 2**32 - 1)]
    entries += [(2, r.randrange(8), user) for user in sorted(r.sample([1, 1000, 54321], r.randrange(3)))]
    entries += [(4, r.randrange(8), 2**32 - 1)]
    entries += [(8, r.randrange(8), group) for group in sorted(r.sample([2, 2000], r.randrange(2)))]
    entries += [(16, r.randrange(8), 2**32 - 1)] if len(entries) > 2 else []
    entries += [(32, r.randrange(8), 2**32 - 1)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def generate(seed, known, only, as_root):
    maker = Maker(seed, as_root)
    options = chosen(maker.stream, known, only)
    flat = [word for group in options for word in group]
    source = maker.tree(maker.random.choice([1, 3, 6, 6, 10, 15]), flat)
    old = maker.aged(source, flat) if maker.random.random() < 0.85 else None
    if "-u" in flat:
        # To rsync newer is newer by a second, to hasync by a nanosecond.
        source, old = ({path: replace(node, mtime=node.mtime // 10**9 * 10**9) for path, node in tree.items()} if tree else None for tree in (source, old))
    r = maker.stream("shape")
    way = r.choice(["local", "push", "pull"])
    sources, destination, lists = ("src/",), "dst/", ()
    chance = r.random()
    top = [path for path in source if path and b"/" not in path]
    if "--files-from=list" in flat:
        names = r.sample(sorted(source)[1:], min(len(source) - 1, r.randrange(1, 5)))
        lists = tuple(name for name in names if b"\n" not in name and name[:1] not in b"#;")
    elif chance < 0.2:
        sources = ("src",)
        if old is not None:
            old = {b"": source[b""], **{os.path.join(b"src", path) if path else b"src": node for path, node in old.items()}}
            old = {path: replace(node, twin=os.path.join(b"src", node.twin)) if node.twin is not None else node for path, node in old.items()}
    elif chance < 0.35 and top:
        sources = tuple("src/" + os.fsdecode(name) + r.choice(["", "", "/"]) * (source[name].kind == "directory")
                        for name in r.sample(top, min(len(top), r.randrange(1, 4))))
    elif chance < 0.4 and top:
        name = r.choice(top)
        if source[name].kind != "directory" and "-R" not in flat:
            sources, destination = ("src/" + os.fsdecode(name),), "dst/other-name" if old is not None else "dst"
    if "-R" in flat and not lists:
        inner = sorted(source)[1:]
        if inner and r.random() < 0.7:
            sources = tuple("src/" + r.choice(["", "./"]) + os.fsdecode(name) for name in r.sample(inner, min(len(inner), r.randrange(1, 3))))
    if old is None and r.random() < 0.5:
        old = {b"": Node("directory", 0o755)}
    return Case(source, old, options, way, sources, destination, lists)


def beneath(case, side, path):
    """The case without one entry of a side and what is beneath it."""
    tree = getattr(case, side)
    gone = set(below(tree, path))
    return replace(case, **{side: whole({other: node for other, node in tree.items() if other not in gone})})
