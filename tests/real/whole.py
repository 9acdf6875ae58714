#!/usr/bin/env python3
"""whole.py OLD NEW COPY [--new-only] [--temp PATTERN]: is every file of COPY whole?

Each regular file under its final name must have, byte for byte, what OLD or NEW has under that name; a name of OLD may be
missing only where NEW has it no more. Temporary files (PATTERN, .hasync.*) are left out of account; with --new-only there may
be none, and the files of COPY must be those of NEW. Says what is wrong, and exits 1.
"""
import argparse
import fnmatch
import hashlib
import os
import stat
import sys


def digests(top):
    found = {}
    for here, _, names in os.walk(os.fsencode(top)):
        for name in names:
            path = os.path.join(here, name)
            if stat.S_ISREG(os.lstat(path).st_mode):
                with open(path, "rb") as file:
                    found[os.path.relpath(path, os.fsencode(top))] = hashlib.file_digest(file, "blake2b").digest()
    return found


parser = argparse.ArgumentParser()
parser.add_argument("old")
parser.add_argument("new")
parser.add_argument("copy")
parser.add_argument("--new-only", action="store_true")
parser.add_argument("--temp", default=".hasync.*")
options = parser.parse_args()

old, new, copy = digests(options.old), digests(options.new), digests(options.copy)
temps = {path for path in copy if fnmatch.fnmatch(os.path.basename(os.fsdecode(path)), options.temp)}
wrong = []
for path, digest in copy.items():
    if path in temps:
        if options.new_only:
            wrong.append((path, "is a temporary file left behind"))
    elif options.new_only and digest != new.get(path):
        wrong.append((path, "is not the new version"))
    elif digest not in (old.get(path), new.get(path)):
        wrong.append((path, "is neither the old version nor the new one"))
wrong += [(path, "of the new tree is missing") for path in new if options.new_only and path not in copy]
wrong += [(path, "was lost") for path in old if path in new and path not in copy]
for path, why in wrong[:10]:
    print(path, why)
print(f"{len(copy)} files, {len(temps)} temporary, {len(wrong)} wrong; {sum(copy.get(p) != old.get(p) for p in new)} of {len(new)} are new")
sys.exit(bool(wrong))
