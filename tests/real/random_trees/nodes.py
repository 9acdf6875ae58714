"""Trees as data: made on disk, read back, written as a script."""
import errno
import os
import random
import shlex
import stat
from dataclasses import dataclass
from functools import lru_cache

KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink", stat.S_IFIFO: "fifo",
         stat.S_IFSOCK: "socket", stat.S_IFCHR: "character device", stat.S_IFBLK: "block device"}
PLAIN = 1_600_000_000 * 10**9


@dataclass(frozen=True)
class Node:
    """One entry. A file's content is pieces: (seed, start, length) of a stream of random bytes, or a hole where seed is None."""
    kind: str
    mode: int = 0o644
    owner: tuple = (0, 0)
    mtime: int = PLAIN
    pieces: tuple = ()
    target: bytes = b""
    device: tuple = (0, 0)
    xattrs: tuple = ()
    # The path of the entry that this is another name of.
    twin: bytes | None = None

    def size(self):
        return sum(length for _, _, length in self.pieces)


# What stands beside each source, for links that lead out of it.
BESIDE = {b"": Node("directory", 0o755), b"file": Node("file", pieces=((1, 0, 20),)), b"dir": Node("directory", 0o755), b"dir/file": Node("file", pieces=((2, 0, 30),))}


@lru_cache(64)
def stream(seed, length):
    return random.Random(seed).randbytes(length)


def piece(seed, start, length):
    return stream(seed, 1 << (start + length - 1).bit_length())[start:start + length]


def below(tree, top):
    """The paths of `top` and of all that is beneath it."""
    return [path for path in tree if path == top or path.startswith(top + b"/") or top == b""]


def make(tree, top, as_root):
    """Makes the tree: what is beneath a directory first, then the directory's attributes."""
    made = {}
    for path in sorted(tree):
        node, place = tree[path], os.path.join(top, path) if path else top
        if node.twin is not None and node.twin in made:
            os.link(made[node.twin], place, follow_symlinks=False)
            continue
        made[path] = place
        if node.kind == "directory":
            os.mkdir(place, 0o700)
            continue
        if node.kind == "file":
            new = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            at = 0
            for seed, start, length in node.pieces:
                if seed is not None and length:
                    os.pwrite(new, piece(seed, start, length), at)
                at += length
            os.ftruncate(new, at)
            os.close(new)
        elif node.kind == "symlink":
            os.symlink(node.target, place)
        elif node.kind == "fifo":
            os.mkfifo(place)
        elif node.kind == "socket":
            os.mknod(place, stat.S_IFSOCK | 0o600)
        else:
            os.mknod(place, (stat.S_IFCHR if node.kind == "character device" else stat.S_IFBLK) | 0o600, os.makedev(*node.device))
        dress(node, place, as_root)
    for path in sorted(made, reverse=True):
        if tree[path].kind == "directory":
            dress(tree[path], made[path], as_root)


def dress(node, place, as_root):
    if as_root and node.owner != (0, 0):
        os.chown(place, *node.owner, follow_symlinks=False)
    if node.kind != "symlink":
        for name, value in node.xattrs:
            os.setxattr(place, name, value)
        os.chmod(place, node.mode)
    os.utime(place, ns=(node.mtime, node.mtime), follow_symlinks=False)


def read(top):
    """What stands on disk: path -> a dictionary of all that two copies can differ in."""
    found, groups = {}, {}

    def look(path, place):
        status = os.lstat(place)
        kind = KINDS[stat.S_IFMT(status.st_mode)]
        entry = {"kind": kind, "mode": oct(stat.S_IMODE(status.st_mode)), "owner": status.st_uid, "group": status.st_gid,
                 "mtime": status.st_mtime_ns}
        if kind == "file":
            with open(place, "rb") as file:
                entry["content"] = file.read()
            entry["blocks"] = status.st_blocks
        elif kind == "symlink":
            entry["target"] = os.readlink(place)
            del entry["mode"]
        elif kind.endswith("device"):
            entry["device"] = (os.major(status.st_rdev), os.minor(status.st_rdev))
        try:
            entry["xattrs"] = {name: os.getxattr(place, name, follow_symlinks=False) for name in os.listxattr(place, follow_symlinks=False)}
        except OSError as error:
            if error.errno not in (errno.ENOTSUP, errno.EPERM):
                raise
        found[path] = entry
        if kind == "directory":
            for name in sorted(os.listdir(place)):
                look(os.path.join(path, name), os.path.join(place, name))
        elif status.st_nlink > 1:
            groups.setdefault(status.st_ino, []).append(path)

    if os.path.lexists(top):
        look(b"", top)
    for group in groups.values():
        for path in group:
            found[path]["links"] = tuple(group)
    return found


def quote(path):
    """A word for bash."""
    text = path.decode("ascii", "replace")
    if text.isprintable() and "\ufffd" not in text:
        return shlex.quote(text)
    return "$'" + "".join(chr(c) if 32 <= c < 127 and c not in b"'\\" else f"\\x{c:02x}" for c in path) + "'"


def script(tree, top):
    """The commands, for bash, that make the tree."""
    lines, late = [], []
    for path in sorted(tree):
        node = tree[path]
        word = quote(os.path.join(top, path) if path else top)
        if node.twin is not None and node.twin in tree:
            lines.append(f"ln {quote(os.path.join(top, node.twin))} {word}")
            continue
        if node.kind == "directory":
            lines.append(f"mkdir {word}")
        elif node.kind == "file":
            lines.append(f": >{word}" if not node.pieces else content(node.pieces, word))
        elif node.kind == "symlink":
            lines.append(f"ln -s {quote(node.target)} {word}")
        elif node.kind == "fifo":
            lines.append(f"mkfifo {word}")
        elif node.kind == "socket":
            lines.append(f"python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' {word}")
        else:
            lines.append(f"mknod {word} {node.kind[0]} {node.device[0]} {node.device[1]}")
        dressed = [f"chown -h {node.owner[0]}:{node.owner[1]} {word}"] if node.owner != (0, 0) else []
        if node.kind != "symlink":
            dressed += [f"setfattr -n {name} -v 0x{value.hex()} {word}" for name, value in node.xattrs]
            dressed.append(f"chmod {node.mode:o} {word}")
        seconds, nanoseconds = divmod(node.mtime, 10**9)
        dressed.append(f"touch -h -d @{seconds}.{nanoseconds:09} {word}" if seconds >= 0 else f"# mtime {node.mtime} ns: {word}")
        if node.kind == "directory":
            late[:0] = dressed
        else:
            lines += dressed
    return lines + late


def content(pieces, word):
    code = "; ".join(f"f.seek({length}, 1)" if seed is None else
                     f"f.write(random.Random({seed}).randbytes({1 << (start + length - 1).bit_length()})[{start}:{start + length}])"
                     for seed, start, length in pieces if length)
    return f"python3 -c 'import random, sys; f = open(sys.argv[1], \"wb\"); {code}; f.truncate()' {word}"
