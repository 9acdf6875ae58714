#!/usr/bin/env python3
"""Makes, or changes, a tree with everything that has ever been trouble to copy.

tree.py DIR COUNT [--seed N]              make it, with COUNT entries or a few more
tree.py DIR --change PERCENT [--seed N]   change an existing tree

The same seed makes the same tree. --plain-links leaves out links that dangle, loop or point upward: -L cannot follow them.
--unreadable adds a file and a directory that nobody but root can read.
"""
import argparse
import errno
import os
import random
import socket
import stat
import sys

ODD = [
    b"new\nline", b"trailing newline\n", b"quo'te", b'double"quote', b"back\\slash", b"-n", b"--delete", b"- dash",
    b" leading and trailing ", b"tab\there", b"star*", b"quest?ion", b"[bracket]", b"$HOME", b"`id`", b"a;b&c|d", b"~",
    b"colon:in:name", b"host:path", b"latin1-\xe9", b"\xff\xfe\x80", b"\x01\x1b[31m\x7f", "grün-日本-\U0001f600".encode(),
    "e\u0301 decomposed".encode(), "\u00e9 composed".encode(), b"#hash", b"%41", b".hidden", b"...", b".. ", b"{a,b}",
    b"x" * 255, "\u00fc".encode() * 127, b"!", b"^x", b"CON", b"lost+found", b".rsync-filter~", b"\\#012", b"core.\\",
]


class Maker:
    def __init__(self, seed, top):
        self.random = random.Random(seed)
        self.count = 0
        self.root = os.geteuid() == 0
        # No link leads out of the tree's own neighbourhood: who follows one wrongly, as root, does no harm elsewhere.
        self.absolute = os.path.join(os.path.abspath(os.fsencode(top)), b"links/target")

    def content(self, size):
        if self.random.random() < 0.5:
            return self.random.randbytes(size)
        return (b"Provides: kernel = %d\n" % self.random.randrange(1000) * (size // 20 + 1))[:size]

    def size(self):
        return self.random.choice([0, 1, 7, 511, 512, 513, 4095, 4096, 4097, self.random.randrange(16384)])

    def moment(self):
        r = self.random
        seconds = r.choice([r.randrange(10**9, 1_700_000_000)] * 6 + [0, 1, 2**31 - 1, 2**31, 2**32 + 5, 4_102_444_800, -86400])
        return seconds * 10**9 + r.choice([0, 1, 999_999_999, r.randrange(10**9)])

    def dress(self, name, mode, fd):
        """Owner, then mode (a chown clears setuid), then time; `name` relative to the open directory `fd`."""
        if self.root and self.random.random() < 0.3:
            os.chown(name, self.random.choice([0, 1, 1000, 54321]), self.random.choice([0, 2, 2000, 65533]), dir_fd=fd, follow_symlinks=False)
        if mode is not None:
            os.chmod(name, mode, dir_fd=fd)
        moment = self.moment()
        os.utime(name, ns=(moment, moment), dir_fd=fd, follow_symlinks=False)

    def file(self, name, fd, size=None, mode=None):
        new = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=fd)
        os.write(new, self.content(self.size() if size is None else size))
        os.close(new)
        self.dress(name, mode or self.random.choice([0o644] * 8 + [0o600, 0o755, 0o444, 0o400]), fd)
        self.count += 1

    def link(self, target, name, fd):
        os.symlink(target, name, dir_fd=fd)
        self.dress(name, None, fd)
        self.count += 1

    def directory(self, name, fd, fill, mode=0o755):
        os.mkdir(name, 0o700, dir_fd=fd)
        new = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
        fill(new)
        os.close(new)
        self.dress(name, mode, fd)
        self.count += 1

    def chain(self, fd, component, bytes_left, fill):
        """Directories in directories until the path is `bytes_left` long."""
        if bytes_left <= len(component) + 1:
            return fill(fd, b"f" * bytes_left)
        self.directory(component, fd, lambda new: self.chain(new, component, bytes_left - len(component) - 1, fill))

    def odd(self, fd):
        for name in ODD:
            self.file(name, fd)
        self.directory(b"in dirs", fd, lambda new: [self.directory(n, new, lambda d, n=n: self.file(n, d)) for n in ODD])
        self.directory(b"as links", fd, lambda new: [self.link(b"../" + n, n, new) for n in ODD])

    def links(self, fd, plain):
        self.file(b"target", fd, 100)
        self.directory(b"dir", fd, lambda new: [self.file(b"%d" % i, new) for i in range(5)])
        self.link(b"target", b"to-file", fd)
        self.link(b"dir", b"to-dir", fd)
        self.link(b"to-file", b"to-link", fd)
        self.link(self.absolute, b"absolute", fd)
        if not plain:
            self.link(b"no such file", b"dangling", fd)
            self.link(b"/no/such/file", b"dangling-absolute", fd)
            self.link(b"\xff\n", b"dangling-odd", fd)
            self.link(b"x" * 4000, b"dangling-long", fd)
            self.link(b"..", b"upward", fd)
            self.link(b"../..", b"far-upward", fd)
            self.link(b"itself", b"itself", fd)
            self.link(b"loop-b", b"loop-a", fd)
            self.link(b"loop-a", b"loop-b", fd)
            self.link(b".", b"here", fd)

    def hard(self, fd):
        for i in range(20):
            name = b"hard-%d" % i
            self.file(name, fd)
            for j in range(1 + i % 3):
                os.link(name, name + b"-also-%d" % j, src_dir_fd=fd, dst_dir_fd=fd)
                self.count += 1

    def sparse(self, fd):
        for i, size in enumerate([1 << 20, 8 << 20, (8 << 20) + 1]):
            name = b"sparse-%d" % i
            new = os.open(name, os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=fd)
            os.pwrite(new, b"data in the middle", size // 2)
            os.ftruncate(new, size)
            os.close(new)
            self.dress(name, 0o644, fd)
            self.count += 1

    def modes(self, fd, unreadable):
        for mode in [0o4755, 0o2755, 0o6755, 0o1644, 0o7777, 0o2644, 0o444, 0o555, 0o400]:
            self.file(b"mode-%o" % mode, fd, mode=mode)
        for mode in [0o1777, 0o2775, 0o3777, 0o555, 0o500, 0o700]:
            self.directory(b"dir-%o" % mode, fd, lambda new: [self.file(b"%d" % i, new) for i in range(3)], mode)
        if unreadable:
            self.file(b"unreadable", fd, mode=0o200)
            self.directory(b"unreadable-dir", fd, lambda new: self.file(b"in it", new), 0o300)

    def special(self, fd):
        os.mkfifo(b"fifo", dir_fd=fd)
        self.dress(b"fifo", 0o640, fd)
        here = os.open(".", os.O_RDONLY)
        os.fchdir(fd)
        with socket.socket(socket.AF_UNIX) as s:
            s.bind("socket")
        os.fchdir(here)
        os.close(here)
        self.dress(b"socket", 0o755, fd)
        if self.root:
            for name, kind, device in [(b"char", stat.S_IFCHR, os.makedev(1, 3)), (b"block", stat.S_IFBLK, os.makedev(7, 200))]:
                try:
                    os.mknod(name, kind | 0o600, device, dir_fd=fd)
                except PermissionError:
                    continue
                self.dress(name, 0o660, fd)

    def make(self, top, count, plain, unreadable):
        os.makedirs(top, exist_ok=True)
        fd = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
        leaf = lambda new, name: self.file(name, new)
        self.directory(b"odd", fd, self.odd)
        self.directory(b"links", fd, lambda new: self.links(new, plain))
        self.directory(b"hard", fd, self.hard)
        self.directory(b"sparse", fd, self.sparse)
        self.directory(b"modes", fd, lambda new: self.modes(new, unreadable))
        self.directory(b"special", fd, self.special)
        self.directory(b"long", fd, lambda new: self.chain(new, b"l" * 200, 3990 - len("long/"), leaf))
        self.directory(b"deep", fd, lambda new: self.chain(new, b"d", 400, leaf))
        self.directory(b"empty", fd, lambda new: [self.directory(b"%d" % i, new, lambda _: None) for i in range(20)])
        self.directory(b"many", fd, lambda new: [self.file(b"m%05d" % i, new) for i in range(max(0, count - self.count) // 8)])
        number = 0
        while self.count < count:
            here = min(self.random.choice([1, 10, 80, 150]), count - self.count)

            def fill(new):
                for i in range(here):
                    odd = self.random.choice(ODD) if self.random.random() < 0.02 else b""
                    self.file((b"%s%d" % (odd[:200], i)) if odd else b"package-%d.rpm" % i, new)

            self.directory(b"bulk-%d" % number, fd, fill)
            number += 1
        self.dress(top, 0o755, None)
        os.close(fd)

    def change(self, top, percent, plain):
        share = percent / 100
        for _, dirs, names, fd in os.fwalk(os.fsencode(top), topdown=False, follow_symlinks=False):
            for name in sorted(names) + sorted(dirs):
                if self.random.random() < share:
                    try:
                        self.change_one(name, fd)
                        self.count += 1
                    except OSError as error:
                        # A directory that is read-only, for an ordinary user; one that is not empty.
                        if error.errno not in (errno.EPERM, errno.EACCES, errno.ENOTEMPTY):
                            raise
        if plain:
            for _, _, names, fd in os.fwalk(os.fsencode(top)):
                for name in names:
                    try:
                        os.stat(name, dir_fd=fd)
                    except OSError:
                        os.unlink(name, dir_fd=fd)

    def change_one(self, name, fd):
        kind = os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode
        if stat.S_ISDIR(kind):
            what = self.random.choice(["chmod", "touch", "new", "remove", "rename", "to file"])
        elif stat.S_ISREG(kind):
            what = self.random.choice(["edit", "edit", "grow", "truncate", "remove", "rename", "chmod", "touch", "chown", "to link", "to dir", "twin"])
        else:
            what = self.random.choice(["remove", "to file", "to dir", "touch"])
        if what in ("edit", "grow", "truncate"):
            try:
                file = os.open(name, os.O_RDWR, dir_fd=fd)
            except PermissionError:
                os.chmod(name, 0o600, dir_fd=fd)
                file = os.open(name, os.O_RDWR, dir_fd=fd)
            size = os.fstat(file).st_size
            if what == "edit":
                os.pwrite(file, self.random.randbytes(min(size, 20)), self.random.randrange(size + 1) * 9 // 10)
            elif what == "grow":
                os.pwrite(file, self.content(5000), size)
            else:
                os.ftruncate(file, size // 2)
            os.close(file)
        elif what == "chmod":
            os.chmod(name, self.random.choice([0o755, 0o700, 0o750]) | (kind & 0o2000), dir_fd=fd)
        elif what == "touch":
            self.dress(name, None, fd)
        elif what == "chown" and self.root:
            os.chown(name, 1001, 2001, dir_fd=fd)
        elif what == "new":
            inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=fd)
            self.file(b"new in it %d" % self.count, inner)
            os.close(inner)
        elif what == "rename":
            os.rename(name, b"renamed-%d" % self.count, src_dir_fd=fd, dst_dir_fd=fd)
        elif what == "twin":
            self.file(b"twin-%d" % self.count, fd)
        elif what in ("remove", "to file", "to link", "to dir"):
            os.rmdir(name, dir_fd=fd) if stat.S_ISDIR(kind) else os.unlink(name, dir_fd=fd)
            if what == "to file":
                self.file(name, fd)
            elif what == "to link":
                # To a file: where links are followed, one to a directory could lead round in a circle.
                self.link(self.absolute, name, fd)
            elif what == "to dir":
                self.directory(name, fd, lambda new: self.file(b"inside", new))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dir")
    parser.add_argument("count", nargs="?", type=int, default=50_000)
    parser.add_argument("--change", type=float, metavar="PERCENT")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plain-links", action="store_true")
    parser.add_argument("--unreadable", action="store_true")
    options = parser.parse_args()
    os.umask(0)
    maker = Maker(options.seed, options.dir)
    if options.change is None:
        maker.make(options.dir, options.count, options.plain_links, options.unreadable)
    else:
        maker.change(options.dir, options.change, options.plain_links)
    print(f"{maker.count} entries {'made' if options.change is None else 'changed'}", file=sys.stderr)


main()
