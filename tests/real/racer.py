#!/usr/bin/env python3
"""Symlink races, for scenes.

racer.py tree DIR SEED        a tree that belongs to nobody, with a little of everything
racer.py victim DIR           what nobody may touch, with the same names in it
racer.py look DIR             all that can be told of it, a line for each name
racer.py attack DIR VICTIM WHAT
                              as nobody: swaps what is beneath DIR (all, or directories) for links into VICTIM, until it
                              is killed
racer.py naive DIR SECONDS    works on DIR by paths, as a careless program would
"""

import ctypes
import hashlib
import os
import random
import signal
import stat
import struct
import sys
import time

NOBODY = 65534
DIRECTORIES = [""] + [f"d{i}" for i in range(3)] + [f"d{i}/e{j}" for i in range(3) for j in range(3)]
FILES = [f"f{i}" for i in range(5)]
# Where partial files lie, and files that are to be in place at the end.
WAITING = ["p", ".~tmp~"]
SECRET = b"the secret of the victim\n"
EXCHANGE = 2
libc = ctypes.CDLL(None, use_errno=True)


def acl(bits):
    entries = [(1, 7, 0xFFFFFFFF), (2, bits, 12345), (4, 5, 0xFFFFFFFF), (16, 5, 0xFFFFFFFF), (32, 5, 0xFFFFFFFF)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def dress(path, chance):
    """What -A and -X keep, where this file system has it."""
    for name, value in ("user.told", b"%d" % chance.randrange(9)), ("system.posix_acl_access", acl(chance.randrange(8))):
        try:
            os.setxattr(path, name, value)
        except OSError:
            pass


def tree(root, seed):
    chance = random.Random(seed)
    made = []
    for directory in DIRECTORIES:
        path = os.path.join(root, directory)
        os.makedirs(path, exist_ok=True)
        for name in FILES:
            # What one tree has and the other has not is deleted.
            if chance.random() < 0.2:
                continue
            size = 300_000 if name == "f0" and directory.count("/") else chance.randrange(3000)
            with open(os.path.join(path, name), "wb") as file:
                file.write(chance.randbytes(size))
            made.append(os.path.join(path, name))
        os.symlink("f1", os.path.join(path, f"link{seed % 2}"))
        os.mkfifo(os.path.join(path, "fifo"))
        if os.path.exists(os.path.join(path, "f2")):
            os.link(os.path.join(path, "f2"), os.path.join(path, "twin"))
        made += [os.path.join(path, "fifo"), path]
    for path in made:
        os.chown(path, NOBODY, NOBODY)
        mode = 0o755 if os.path.isdir(path) else chance.choice([0o644, 0o600, 0o4755])
        os.chmod(path, mode)
        if os.path.isfile(path) or os.path.isdir(path):
            dress(path, chance)
        os.utime(path, (1_600_000_000 + seed, 1_600_000_000 + seed))


def victim(root):
    for directory in DIRECTORIES:
        path = os.path.join(root, directory)
        os.makedirs(path)
        for name in FILES + ["twin", "mine"]:
            with open(os.path.join(path, name), "wb") as file:
                file.write(SECRET)
            try:
                os.setxattr(os.path.join(path, name), "user.secret", b"secret")
            except OSError:
                pass
            os.chmod(os.path.join(path, name), 0o600)
        # Empty: even a careless rmdir would be seen.
        for name in "q", "empty":
            os.mkdir(os.path.join(path, name))


def look(root):
    for directory, names, files in os.walk(root):
        for name in sorted(names + files) + ["."]:
            path = os.path.join(directory, name)
            s = os.lstat(path)
            what = ""
            if stat.S_ISREG(s.st_mode):
                with open(path, "rb") as file:
                    what = hashlib.sha256(file.read()).hexdigest()[:16]
            xattrs = [] if stat.S_ISLNK(s.st_mode) else sorted(os.listxattr(path))
            # The time of change tells even of what was put back.
            print(path, oct(s.st_mode), s.st_uid, s.st_gid, s.st_size, s.st_nlink, s.st_mtime_ns, s.st_ctime_ns, what, xattrs)


def become_nobody():
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def swap(one_fd, one, two_fd, two):
    return libc.renameat2(one_fd, one.encode(), two_fd, two.encode(), EXCHANGE) == 0


def attack(root, victim_path, what):
    """Each name is swapped for a link to the victim's of the same name, and back."""
    # The way here may be root's alone: both are opened before.
    attic_path = root.rstrip("/") + f".attic{os.getpid()}"
    os.mkdir(attic_path)
    os.chown(attic_path, NOBODY, NOBODY)
    here = os.open(root, os.O_RDONLY)
    attic = os.open(attic_path, os.O_RDONLY)
    become_nobody()
    chance = random.Random(os.getpid())
    targets = [d for d in DIRECTORIES if d]
    if what == "all":
        targets += [f"{d}/{f}".lstrip("/") for d in DIRECTORIES for f in FILES + ["twin"]]
        targets += [f"{d}/{p}".lstrip("/") for d in DIRECTORIES for p in WAITING] + [".old", ".old/d1"]
    for number, target in enumerate(targets):
        above, name = os.path.split(target)
        inside = above if name in WAITING else target.removeprefix(".old").lstrip("/")
        os.symlink(os.path.join(victim_path, inside), f"trap{number}", dir_fd=attic)
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(1))
    swaps = 0
    print("attacking", flush=True)
    while not ended:
        number = chance.randrange(len(targets))
        target, trap = targets[number], f"trap{number}"
        if swap(here, target, attic, trap):
            swaps += 1
            if chance.random() < 0.5:
                time.sleep(chance.random() * 0.002)
            # What is a link by now is taken back; what is not was put in its place meanwhile.
            if not swap(here, target, attic, trap) or not is_link(attic, trap):
                mend(attic, trap, victim_path, target, chance)
        elif ctypes.get_errno() == 2:
            try:
                if os.path.basename(target) == "p" and chance.random() < 0.5:
                    # Where partial files go: there, so that it is used, and then swapped as all else is.
                    os.mkdir(target, dir_fd=here)
                    os.mkdir(target + "/q", dir_fd=here)
                    continue
                os.symlink(os.path.join(victim_path, target.split("/")[0]), target, dir_fd=here)
                time.sleep(chance.random() * 0.001)
                os.unlink(target, dir_fd=here)
                swaps += 1
            except OSError:
                pass
        elif ctypes.get_errno() == 22:
            sys.exit("no RENAME_EXCHANGE here")
    print(swaps, flush=True)


def is_link(directory, name):
    try:
        return stat.S_ISLNK(os.lstat(name, dir_fd=directory).st_mode)
    except OSError:
        return False


def mend(attic, trap, victim_path, target, chance):
    try:
        os.rename(trap, f"junk{chance.random()}", src_dir_fd=attic, dst_dir_fd=attic)
    except OSError:
        pass
    try:
        os.symlink(os.path.join(victim_path, target), trap, dir_fd=attic)
    except OSError:
        pass


def naive(root, seconds):
    ends = time.time() + seconds
    while time.time() < ends:
        for directory in DIRECTORIES[1:]:
            path = os.path.join(root, directory, "f1")
            try:
                if stat.S_ISREG(os.lstat(path).st_mode) and not os.path.islink(os.path.dirname(path)):
                    os.chmod(path, 0o644)
            except OSError:
                pass


def main():
    command, *arguments = sys.argv[1:]
    if command == "tree":
        tree(arguments[0], int(arguments[1]))
    elif command == "victim":
        victim(arguments[0])
    elif command == "look":
        look(arguments[0])
    elif command == "attack":
        attack(*arguments)
    elif command == "naive":
        naive(arguments[0], float(arguments[1]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
