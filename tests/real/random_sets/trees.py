"""Trees of sets: what they hold, and who changes them."""
import collections
import os
import shutil
import stat

Entry = collections.namedtuple("Entry", "kind mode uid gid mtime data")
KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink", stat.S_IFIFO: "fifo", stat.S_IFCHR: "device"}
NAMES = [b"a", b"b", b"c", b"d.txt", b"conf", b"x.log", b"tmp", b"skip", b"two words", b"new\nline", b"\xff\xfe", b"-n", b"[x]*", b"y.log"]
WORDS = ["mn1", "mn2", "mn10", "mn1.cluster", "mn1-ib", "10.0.0.1", "10.0.0.11", "10.0.0.1/24", "x", "\n", ":", "mn1_a", "and"]
EXCLUDES = ["*.log", "tmp/", "/srv/a/skip", "skip", "[ab].*", "conf"]
SUBSTITUTIONS = [{}, {"mn1": "mn2"}, {"mn1": "mn2", "mn2": "mn1", "10.0.0.1": "10.0.0.2"}, {"mn1": "a-much-longer-name-of-a-node", "mn1-ib": "n"}]


class Wrong(Exception):
    """hasync did what the model does not say."""


def expect(what, found, wanted):
    if found != wanted:
        if isinstance(found, dict) and isinstance(wanted, dict):
            keys = sorted(key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key))
            raise Wrong("\n".join([what] + [f"  {key}: is {str(found.get(key))[:220]}\n  {' ' * len(str(key))}  not {str(wanted.get(key))[:220]}" for key in keys[:6]]))
        raise Wrong(f"{what}: {found!r:.600} and not {wanted!r:.600}")


def entry(path, follow=False):
    found = os.stat(path) if follow else os.lstat(path)
    kind = KINDS[stat.S_IFMT(found.st_mode)]
    if kind == "symlink":  # its mode is none, and its time says nothing
        return Entry(kind, 0, found.st_uid, found.st_gid, 0, os.readlink(path))
    data = b""
    if kind == "file":
        with open(path, "rb") as file:
            data = file.read()
    return Entry(kind, stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid, found.st_mtime_ns, found.st_rdev if kind == "device" else data)


def tree(root, tops, follow=False, out=lambda path, kind: False):
    """Path: entry of all that is at and beneath `tops`; of a link that leads nowhere, where links are followed, None."""
    found, todo = {}, list(tops)
    while todo:
        path = todo.pop()
        whole = os.path.join(root, path)
        if not os.path.lexists(whole):
            continue
        if follow and not os.path.exists(whole):
            if not out(path, "symlink"):
                found[path] = None
            continue
        one = entry(whole, follow)
        if out(path, one.kind):
            continue
        found[path] = one
        if one.kind == "directory":
            todo += [os.path.join(path, name) for name in os.listdir(whole)]
    return found


def inodes(root, tops):
    return {path: (found.st_ino, found.st_ctime_ns) for path in tree(root, tops) for found in [os.lstat(os.path.join(root, path))]}


def within(path, tops):
    return any(path == top or path.startswith(top + b"/") for top in tops)


def same(one, other):
    return one is not None and other is not None and one._replace(mtime=0) == other._replace(mtime=0)


class Hand:
    """Who changes something in a tree."""

    def __init__(self, case, root, tops, on_standby):
        self.case, self.r, self.root, self.tops, self.on_standby = case, case.random, root, tops, on_standby

    def content(self):
        r = self.r
        if r.random() < 0.15:
            return b"" if r.random() < 0.5 else b"\0" + r.randbytes(r.randrange(40))
        return " ".join(r.choices(WORDS, k=r.choice([1, 4, 9, 9, 40, 900]))).encode() + b"%d" % r.randrange(10**6)

    def dress(self, path, natural=0.0):
        r, one = self.r, os.lstat(path)
        if os.geteuid() == 0 and r.random() < 0.1:
            os.chown(path, r.choice([0, 1000]), r.choice([0, 50]), follow_symlinks=False)
        if not stat.S_ISLNK(one.st_mode):
            os.chmod(path, r.choice([0o755, 0o755, 0o700, 0o2775] if stat.S_ISDIR(one.st_mode) else [0o644] * 3 + [0o600, 0o755, 0o4755]))
        if r.random() >= natural:
            moment = r.randrange(10**9, 17 * 10**8) * 10**9 + r.randrange(10**9)
            os.utime(path, ns=(moment, moment), follow_symlinks=False)

    def link(self):
        if self.case.group["links"] == "follow":
            beside = os.path.join(self.case.root("primary"), b"beside")
            return self.r.choice([os.path.join(beside, b"file"), os.path.join(beside, b"dir"), b"nowhere"] if self.r.random() < 0.2 else [os.path.join(beside, b"file")])
        return self.r.choice([b"a", b"../b", b"nowhere", b"../../../../../out", b"/no/such"])

    def make(self, path, depth=0):
        r, kind = self.r, self.r.choice(["file"] * 7 + ["directory"] * 3 + ["symlink"] * 2 + ["fifo"] + ["device"] * (os.geteuid() == 0 and self.r.random() < 0.3))
        self.case.did(f"make {kind}", path)
        if kind == "file":
            with open(path, "wb") as file:
                file.write(self.content())
        elif kind == "symlink":
            os.symlink(self.link(), path)
        elif kind == "fifo":
            os.mkfifo(path)
        elif kind == "device":
            os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, r.choice([3, 5])))
        else:
            os.mkdir(path)
            for name in r.sample(NAMES, r.choice([0, 1, 3, 5, 12]) if depth < 3 else 0):
                self.make(os.path.join(path, name), depth + 1)
        self.dress(path, 0.7 if self.on_standby else 0.0)

    def remove(self, path):
        (shutil.rmtree if os.path.isdir(path) and not os.path.islink(path) else os.unlink)(path)

    def change(self):
        r = self.r
        paths = sorted(tree(self.root, self.tops))
        tops = [top for top in self.tops if top not in paths]
        if tops and (not paths or r.random() < 0.4):
            top = os.path.join(self.root, r.choice(tops))
            os.makedirs(os.path.dirname(top), exist_ok=True)
            return self.make(top)
        if not paths:
            return
        path = os.path.join(self.root, r.choice(paths))
        one = entry(path)
        what = r.choice(["edit"] * 4 + ["new"] * 3 + ["remove", "remove", "kind", "attributes", "attributes", "rename", "empty", "touch"])
        above = path if one.kind == "directory" else os.path.dirname(path)
        if not within(os.path.relpath(above, self.root), self.tops):
            above = None
        self.case.did(what, path)
        if what == "edit" and one.kind == "file":
            with open(path, "r+b") as file:
                sneaky = self.case.group["compare"] == "content" and r.random() < 0.3 and one.data
                data = r.choice([b"Z", b"Y", b"X"]) + one.data[1:] if sneaky else self.content()
                file.truncate(0)
                file.write(data)
            if sneaky:
                os.utime(path, ns=(one.mtime, one.mtime))
            else:
                self.dress(path, 0.7 if self.on_standby else 0.0)
        elif what in ("new", "edit") and above:
            new = os.path.join(above, r.choice(NAMES))
            if not os.path.lexists(new):
                self.make(new)
        elif what == "remove":
            self.remove(path)
        elif what == "kind":
            self.remove(path)
            self.make(path)
        elif what == "attributes":
            self.dress(path, 0.5)
        elif what == "rename" and above:
            new = os.path.join(above, r.choice(NAMES))
            if not os.path.lexists(new) and not new.startswith(path + b"/"):
                os.rename(path, new)
        elif what == "empty" and one.kind == "file":
            os.truncate(path, 0)
        elif what == "touch":
            os.utime(path, follow_symlinks=False)
