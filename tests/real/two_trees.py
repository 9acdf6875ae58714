#!/usr/bin/env python3
"""two_trees.py FILES: makes old/srv and new/srv, which differ in so many files, some of them large, in what only one of them has, in a
link, and in what is a directory in one and a link in the other."""
import os
import sys

for kind, changed in ("old", False), ("new", True):
    top = f"{kind}/srv"

    def write(path, text):
        os.makedirs(os.path.dirname(f"{top}/{path}"), exist_ok=True)
        with open(f"{top}/{path}", "w") as file:
            file.write(text)

    for number in range(int(sys.argv[1])):
        times = (number % 7 + 1) * (3000 if number % 50 == 0 else 1)
        write(f"{number % 20}/file-{number}", f"{kind} {number}\n" * times)
    for number in range(30):
        write(f"{kind}-only/{number % 3}/deep/{number}", f"{number}\n")
        write(f"edited/{number}", f"{kind} {number}\n")
    os.symlink(kind, f"{top}/link")
    for name, is_directory in ("a", changed), ("b", not changed):
        if is_directory:
            os.makedirs(f"{top}/{name}/in")
        else:
            os.symlink("elsewhere", f"{top}/{name}")
