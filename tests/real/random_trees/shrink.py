"""The smallest case that still differs in the same way."""
import os
from dataclasses import replace

from cases import beneath, whole
from nodes import PLAIN, below

PLAINER = [{"pieces": ()}, {"pieces": ((1, 0, 1),)}, {"pieces": ((1, 0, 100),)}, {"pieces": ((1, 0, 70_000),)}, {"xattrs": ()}, {"owner": (0, 0)}, {"mtime": PLAIN}, {"mode": 0o644}, {"target": b"a"}]


def smaller(case):
    """Cases with something less, the biggest steps first."""
    if case.way != "local":
        yield replace(case, way="local")
    for index, group in enumerate(case.options):
        yield replace(case, options=case.options[:index] + case.options[index + 1:])
        if len(group) > 1:
            for word in range(len(group)):
                yield replace(case, options=case.options[:index] + (group[:word] + group[word + 1:],) + case.options[index + 1:])
        for word in group:
            plain = "rlptgoD" if word == "-a" else word[1:] if word[:1] == "-" and word[:2] != "--" and len(word) > 2 and len(group) == 1 else ""
            if plain:
                yield replace(case, options=case.options[:index] + tuple(("-" + letter,) for letter in plain) + case.options[index + 1:])
    named = {os.fsencode(source.removeprefix("src/").removeprefix("./").rstrip("/")) for source in case.sources} if case.sources[0] != "src" else set()
    for side in ("old", "source"):
        for path in sorted(getattr(case, side) or ()):
            if path and not (side == "source" and named.intersection(below(case.source, path))):
                yield beneath(case, side, path)
    for index in range(len(case.sources) if len(case.sources) > 1 else 0):
        yield replace(case, sources=case.sources[:index] + case.sources[index + 1:])
    for index in range(len(case.lists)):
        yield replace(case, lists=case.lists[:index] + case.lists[index + 1:])
    for side in ("old", "source"):
        tree = getattr(case, side) or {}
        for path, node in tree.items():
            for change in PLAINER:
                (name, value), = change.items()
                if name == "mode" and node.kind == "directory":
                    value = 0o755
                if name == "pieces" and (node.kind != "file" or sum(p[2] for p in value) >= node.size()):
                    continue
                if name == "target" and (node.kind != "symlink" or node.target == value):
                    continue
                if getattr(node, name) != value:
                    yield replace(case, **{side: whole({**tree, path: replace(node, **{name: value})})})


def shrink(case, judge, tries):
    """The case, smaller, and what differs in it. At most `tries` cases are run for it."""
    found = judge.differences(case)
    kinds = {difference.what for difference in found}
    progress = True
    while progress and tries > 0:
        progress = False
        steps = 0
        candidates = smaller(case)
        for candidate in candidates:
            tries -= 1
            steps += 1
            if tries < 0:
                break
            try:
                now = judge.differences(candidate)
            except OSError:
                continue
            if now and {difference.what for difference in now} <= kinds:
                case, found, progress = candidate, now, True
                break
    return case, found
