#!/usr/bin/env python3
"""Random trees and random filter rules: rsync and hasync must leave the same tree.

    filters.py [--seed N] [--cases N] [--way local|push|pull] [--during] DIRECTORY

Each case is a source and a destination with merge files in them, and options. rsync and hasync bring the source to a copy
of the destination each; then the copies must have the same names and contents. One that differs is made smaller as long as
it differs, and printed with its seed. Both programs are taken from the PATH."""

import argparse
import os
import pathlib
import random
import shutil
import subprocess
import sys

NAMES = ["a", "b", "c", "ab", "foo", "bar", "foobar", "x.o", "y.c", "core", "a*b", "a[b", "b]", "a?", "back\\slash", ".h",
         "CVS", "é", "dir", "z~"]
MERGES = [".rsync-filter", ".cvsignore", ".excl"]
PARTS = ["a", "b", "c", "ab", "foo", "bar", "foo*", "*bar", "*", "**", "?", "a?", "*.o", "[a-c]", "[!a]*", "[^b-d]?", "a\\*b",
         "back\\slash", "back\\\\slash*", "a[[]b", "[]b]*", ".*", "core", "CVS", "dir", "***", "f**r", "[[:alpha:]]", "a**", "é",
         "[a", "z~", "x.o"]


def pattern(rnd):
    count = rnd.choices([1, 2, 3], [6, 3, 1])[0]
    text = "/".join(rnd.choice(PARTS) for _ in range(count))
    if rnd.random() < 0.25:
        text = "/" + text
    if rnd.random() < 0.2:
        text += rnd.choice(["/", "/", "/***", "/**", "***"])
    return text


def rule(rnd, plain=False, nested=True, root="/"):
    if plain:
        return pattern(rnd)
    kind = rnd.random()
    if kind < 0.04:
        return "!"
    if kind < 0.08 and nested:
        return rnd.choice([": .excl", ":- .excl", ":n .excl", ":e .excl", ":C", ":s .excl", ":w+ .excl", ":p .excl"])
    prefix = rnd.choice(["- ", "- ", "- ", "+ ", "+ ", "+ ", "-! ", "-s ", "-r ", "+s ", "+r ", "-p ", "H ", "S ", "P ", "R ", "-_",
                         "exclude ", "include,p ", "hide,! ", "-sr ", "+rp ", "protect "])
    if rnd.random() < 0.05:
        return "-/ " + rnd.choice(["", root + "/src", root + "/rsync"]) + "/" + pattern(rnd).lstrip("/")
    return prefix + pattern(rnd)


def merge_file(rnd, name):
    plain = name == ".cvsignore" or name == ".excl"
    lines = [rule(rnd, plain) for _ in range(rnd.randint(1, 3))]
    if rnd.random() < 0.2:
        lines.insert(0, rnd.choice(["# a comment", "; another", ""]))
    if name == ".excl":
        # The same file may be read with and without prefixes: only some lines are rules in both ways.
        lines = [rnd.choice(["- ", "+ "]) + line for line in lines if line and line[0] not in "#;"]
    return (" " if name == ".cvsignore" else "\n").join(lines) + "\n"


def tree(rnd, like=None):
    """Entries: path to content, None for a directory."""
    entries = {}
    if like is not None:
        for path, content in sorted(like.items()):
            parent = os.path.dirname(path)
            if rnd.random() < 0.7 and (not parent or entries.get(parent, "") is None):
                entries[path] = content
    directories = [""] + [path for path, content in entries.items() if content is None]
    for _ in range(rnd.randint(6, 16)):
        parent = rnd.choice(directories)
        name = rnd.choice(MERGES) if rnd.random() < 0.2 else rnd.choice(NAMES)
        path = os.path.join(parent, name)
        # rsync takes the wildcards in the name of a merge file's directory for wildcards of its patterns.
        if path in entries or name in MERGES and any(byte in parent for byte in "*?[\\"):
            continue
        if name in MERGES:
            entries[path] = merge_file(rnd, name)
        elif rnd.random() < 0.45 and path.count("/") < 4:
            entries[path] = None
            directories.append(path)
        else:
            entries[path] = name * rnd.randint(1, 3)
    return entries


def case(rnd, root):
    source = tree(rnd)
    options = []
    for _ in range(rnd.randint(0, 4)):
        kind = rnd.random()
        if kind < 0.5:
            options.append("--filter=" + rule(rnd, root=root))
        elif kind < 0.65:
            options.append("--exclude=" + pattern(rnd))
        elif kind < 0.8:
            options.append("--include=" + pattern(rnd))
        elif kind < 0.9:
            options.append("-F")
        else:
            options.append("--filter=" + rnd.choice([": .excl", ":- .excl", ":C", "-C", ":en+ .excl", ":ws .excl", ":r .excl"]))
    for option, odds in [("-F", 0.2), ("-C", 0.15), ("-m", 0.25), ("--delete-excluded", 0.2)]:
        if rnd.random() < odds:
            options.append(option)
    if rnd.random() < 0.6:
        options.append("--delete")
    return {"source": source, "destination": tree(rnd, source), "options": options,
            "from": rnd.choice(["src/", "src/", "src"])}


def build(root, entries):
    shutil.rmtree(root, ignore_errors=True)
    os.mkdir(root)
    for path, content in sorted(entries.items()):
        full = os.path.join(root, path)
        if content is None:
            os.mkdir(full)
        else:
            with open(full, "w") as file:
                file.write(content)
            os.utime(full, (1_700_000_000, 1_700_000_000))


def read(root):
    found = {}
    for directory, directories, files in os.walk(root):
        for name in directories:
            found[os.path.relpath(os.path.join(directory, name), root)] = None
        for name in files:
            full = os.path.join(directory, name)
            with open(full) as file:
                found[os.path.relpath(full, root)] = file.read()
    return found


WAY = "local"
DURING = False
# Stands for ssh: the host is this one.
CARRIER = str(pathlib.Path(__file__).resolve().parents[1] / "fakes" / "here")


def command(name, options, source):
    """What is run: the judge always here; hasync, where it is asked for, with one end behind a carrier."""
    if name == "rsync" or WAY == "local":
        return [name, "-rt", *options, source, "copy/"]
    here = os.getcwd() + "/"
    ends = [source, "host:" + here + "copy/"] if WAY == "push" else ["host:" + here + source, "copy/"]
    return [name, "-rt", "-e", CARRIER, *options, *ends]


def differs(case):
    """What is different, as lines; empty when nothing is, or the judge does not understand a rule."""
    build("src", case["source"])
    whole = {path: content for path, content in case["destination"].items()}
    if case["from"] == "src":
        whole = {"src": None, **{"src/" + path: content for path, content in whole.items()}}
    ran = {}
    # The judge deletes after all is in place, as hasync does: the merge files are then those of the source.
    moment = "--delete-during" if DURING else "--delete-after"
    judged = [moment if option == "--delete" else option for option in case["options"]]
    if "--delete-excluded" in judged and moment not in judged:
        judged.append(moment)
    for name, options in [("rsync", judged), ("hasync", judged if DURING else case["options"])]:
        # The same name for both: rules may be for paths from the root of the file system.
        build("copy", whole)
        ran[name] = subprocess.run(command(name, options, case["from"]), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, timeout=60, check=False)
        ran[name].tree = read("copy")
    if ran["rsync"].returncode == 1:
        # A rule that it does not understand, if only in a file that does not concern it.
        return []
    failed = [name for name in ran if ran[name].returncode != 0]
    lines = [f"{name} failed ({ran[name].returncode}): {ran[name].stdout.decode(errors='replace')}"
             for name in failed if len(failed) == 1]
    ours, theirs = ran["hasync"].tree, ran["rsync"].tree
    for path in sorted(ours.keys() | theirs.keys()):
        if path not in ours:
            lines.append(f"only rsync has {path}")
        elif path not in theirs:
            lines.append(f"only hasync has {path}")
        elif ours[path] != theirs[path]:
            lines.append(f"{path} is not the same")
    return lines


def smaller(case):
    """Cases with one thing less."""
    for index in range(len(case["options"])):
        yield {**case, "options": case["options"][:index] + case["options"][index + 1:]}
    for which in ["source", "destination"]:
        for path in sorted(case[which], reverse=True):
            rest = {other: content for other, content in case[which].items()
                    if other != path and not other.startswith(path + "/")}
            yield {**case, which: rest}
        for path, content in case[which].items():
            lines = (content or "").splitlines() if os.path.basename(path) in MERGES else []
            for index in range(len(lines) if len(lines) > 1 else 0):
                yield {**case, which: {**case[which], path: "\n".join(lines[:index] + lines[index + 1:]) + "\n"}}


def shrink(case):
    tries = 400
    found = True
    while found and tries > 0:
        found = False
        for candidate in smaller(case):
            tries -= 1
            if tries <= 0:
                break
            if differs(candidate):
                case, found = candidate, True
                break
    return case


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=150)
    parser.add_argument("--keep-going", type=int, default=1, metavar="N", help="stop after N that differ")
    parser.add_argument("--way", choices=["local", "push", "pull"], default="local")
    parser.add_argument("--during", action="store_true", help="delete in each directory at once")
    parser.add_argument("directory")
    arguments = parser.parse_args()
    global WAY, DURING
    WAY, DURING = arguments.way, arguments.during
    os.makedirs(arguments.directory, exist_ok=True)
    os.chdir(arguments.directory)
    os.environ["HOME"] = os.getcwd()
    os.environ.pop("CVSIGNORE", None)
    bad = 0
    for seed in range(arguments.seed, arguments.seed + arguments.cases):
        found = case(random.Random(seed), os.getcwd())
        if not differs(found):
            continue
        found = shrink(found)
        print(f"seed {seed}: {' '.join(map(repr, found['options']))} {found['from']}")
        for which in ["source", "destination"]:
            print(f"  {which}: {found[which]}")
        for line in differs(found):
            print(f"  {line}")
        sys.stdout.flush()
        bad += 1
        if bad >= arguments.keep_going:
            break
    print(f"{arguments.cases} cases from seed {arguments.seed}, {bad} differ")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
