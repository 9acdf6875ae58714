"""What hasync-set(5) says of a run: the tree of a standby after it, what is told, and what is known then."""
import os
import re

from trees import SUBSTITUTIONS, same, tree, within


class Target:
    def __init__(self, case, host):
        self.host, self.root = host, case.root(host)
        self.substitutions = case.random.choice(SUBSTITUTIONS)
        self.state = case.random.choice([None, os.path.join(case.top, b"state-" + host.encode())])
        self.where = self.state or os.path.join(self.root, b"var/lib/hatools/hasync")
        self.store = os.path.join(self.root, b"keep") if case.group.get("store") else os.path.join(self.where, b"store")
        self.known = {}  # path: (what was left there, the primary's size, the primary does not have it any more)
        self.numbers, self.kept, self.was = [], {}, {}  # of its transactions; what they keep; what was before

    def document(self):
        state = {"state": os.fsdecode(self.state)} if self.state else {}
        return {"host": self.host, "root": os.fsdecode(self.root), "substitutions": self.substitutions, **state}

    def data(self, number):
        return tree(os.path.join(self.store, b"g", b"%d" % number), [b"old", b"undone"])

    def rewritten(self, data):
        if b"\0" in data or not self.substitutions:
            return data
        keys = sorted(self.substitutions, key=len, reverse=True)
        ends = {key: r"(?!\.[0-9a-fA-F])" if key[0].isdigit() else "" for key in keys}
        before = {key: r"(?<![0-9a-fA-F]\.)" if key[0].isdigit() else "" for key in keys}
        pattern = "|".join(rf"(?<![\w-]){before[key]}{re.escape(key)}(?![\w-]){ends[key]}" for key in keys)
        return re.sub(pattern.encode(), lambda found: self.substitutions[found[0].decode()].encode(), data, flags=re.ASCII)


class Prediction:
    """What a run makes of a standby that has `before`, by what hasync-set(5) says."""

    def __init__(self, case, target, primary, accept):
        group, tops, known = case.group, case.tops, target.known
        self.target, self.before = target, tree(target.root, tops)
        self.number = (target.numbers or [0])[-1] + 1
        self.conflicts, self.held, self.changes, self.loose, self.beside = {}, {}, {}, set(), {}
        self.trouble = None in primary.values()
        # Of what is rewritten, and of all else, a run of its own is made: one that has nothing but what leads nowhere fails.
        rewrite = [os.fsencode(path[1:]) for path in group["rewrite"]]
        parts = [[path for path in paths if path in primary] for paths in ([top for top in tops if top not in rewrite], rewrite)]
        self.failed = any(part and all(primary[path] is None for path in part) for part in parts)
        new = {path: one for path, one in primary.items() if one}
        wanted = {path: one._replace(data=target.rewritten(one.data)) if one.kind == "file" and within(path, rewrite) else one for path, one in new.items()}
        before, self.after = self.before, dict(self.before)
        self.skipped = [top for top in tops if top not in new and not any(within(path, [top]) for path in known)]
        # The way to a path is made even where the path itself is left out.
        self.makes_way = any(os.path.lexists(os.path.join(case.root("primary"), top)) and not os.path.isdir(os.path.dirname(os.path.join(target.root, top))) for top in tops)
        if not accept:
            self.hold_back(case, new, known)
        left, gone, removed = set(self.held), set(), set()
        for path in sorted(wanted):
            one, old = wanted[path], before.get(path)
            if within(path, left):
                continue
            if one.kind == "directory" and old and old.kind != "directory":
                self.judge(case, path, old)
                removed.add(path)
            elif one.kind != "directory" and old and old.kind == "directory":
                inner = {other: before[other] for other in before if other.startswith(path + b"/")}
                strange = [other for other, it in inner.items() if other not in known or
                           not (same(known[other][0], it) or it.kind == known[other][0].kind == "directory")]
                if strange and not accept:
                    self.held[path] = "in_the_way"
                    left.add(path)
                    continue
                removed.add(path)
            elif one.kind != "directory" and old and not same(one, old):
                self.judge(case, path, old)
            if old is None or (one.kind == "directory") != (old.kind == "directory"):
                self.changes[path] = "create"
            elif one.kind == "directory" and not same(one, old):
                self.changes[path] = "attributes"
            elif one.kind != "directory" and one != old:
                self.changes[path] = "update"
        if group["delete"] == "trash":
            gone = self.deletions(case, new, left, removed, accept)
        if group["on_conflict"] == "keep_both":
            # A directory stays with what is kept in it.
            for path in self.conflicts.keys() & gone:
                while path:
                    path = os.path.dirname(path)
                    gone.discard(path)
        self.refused = self.trouble or bool(self.conflicts) and group["on_conflict"] == "refuse"
        if self.refused:
            self.changes, self.held = {}, {} if self.trouble else self.held
            if self.trouble:
                self.conflicts, self.skipped = {}, []
            self.known = known
            return
        for path in list(self.after):
            if path in gone or any(path.startswith(top + b"/") for top in removed):
                del self.after[path]
        mark = b".conflict-g-%d" % self.number
        if group["on_conflict"] == "keep_both":
            self.after.update({path + mark: before[path] for path in self.conflicts if path not in tops})
            self.beside = {path + mark: before[path] for path in self.conflicts if path in tops}
        self.changes.update({path: "delete" for path in gone})
        self.after.update({path: one for path, one in wanted.items() if not within(path, left)})
        # The time of a directory that the primary has not says when something in it came or went.
        touched = {os.path.dirname(path) for path in self.after.keys() ^ before.keys()}
        self.loose = {path for path, one in self.after.items() if path in touched and path not in wanted}
        self.known = {path: (self.after[path], len(new[path].data) if new[path].kind == "file" else 0, False) for path in wanted if not within(path, left)}
        for path, (one, size, is_gone) in known.items():
            if path not in self.known:
                is_gone = is_gone or path not in new and not within(path, left)
                if path in self.after or not is_gone:
                    self.known[path] = (one, size, is_gone)

    def hold_back(self, case, new, known):
        group = case.group
        for top in case.tops:
            there = [one for path, one in new.items() if within(path, [top])]
            were = [one for path, one in known.items() if within(path, [top]) and not one[2]]
            size, was = sum(len(one.data) for one in there if one.kind == "file"), sum(one[1] for one in were)
            limit = group["max_shrink_percent"]
            if not there and were:
                self.held[top] = "missing"
            elif there and new[top].kind == "directory" and len(there) == 1 and len(were) > 1:
                self.held[top] = "empty"
            elif there and len(were) >= 10 and (len(were) - len(there)) * 100 > len(were) * limit:
                self.held[top] = "shrank"
            elif there and size and was >= 4096 and (was - size) * 100 > was * limit:
                self.held[top] = "shrank"
        for path, one in new.items():
            emptied = one.kind == "file" and not one.data and path in known and known[path][0].kind == "file" and known[path][1]
            if emptied and not within(path, self.held) and "/" + os.fsdecode(path) not in group["allow_empty"]:
                self.held[path] = "empty"

    def judge(self, case, path, old):
        """Was it changed here since it was brought?"""
        known = self.target.known
        if not any(within(path, [top]) and any(within(other, [top]) for other in known) for top in case.tops):
            return
        if path not in known:
            self.conflicts[path] = "created_on_both"
        elif known[path][0].kind != old.kind:
            self.conflicts[path] = "kind_changed"
        elif not same(known[path][0], old):
            self.conflicts[path] = "changed_on_standby"

    def deletions(self, case, new, left, removed, accept):
        before = self.before
        mine = [path for path, one in before.items() if not case.leaves_out(path, one.kind, one.data)]
        gone = {path for path in mine if path not in new and not within(path, left) and b".conflict-g-" not in path
                and not within(path, removed) and not within(path, self.skipped)}
        for path in set(before) - gone:
            while path:
                path = os.path.dirname(path)
                gone.discard(path)
        limit = case.group["max_delete"]
        if not accept and (len(gone) > limit["count"] or len(gone) * 100 > len(mine) * limit["percent"]):
            for top in case.tops:
                if any(within(path, [top]) for path in gone):
                    self.held[top] = "deletions"
            return set()
        for path in sorted(gone & self.target.known.keys()):
            if before[path].kind != "directory":
                self.judge(case, path, before[path])
                if self.conflicts.get(path) == "changed_on_standby":
                    self.conflicts[path] = "deleted_on_primary_changed_on_standby"
        return gone

    def is_after(self, now):
        plain = lambda found: {path: one._replace(mtime=0) if path in self.loose else one for path, one in found.items()}
        return plain(now), plain(self.after)

    def outcome(self, dry):
        return None if self.failed else "refused" if self.refused else "unchanged" if not self.changes and not self.makes_way else "would_commit" if dry else "committed"
