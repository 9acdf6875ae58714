"""A case: a primary, one or two standbys, and what is done to them."""
import base64
import collections
import fnmatch
import json
import os
import random
import shutil
import signal
import subprocess
import time

from model import Prediction, Target
from trees import EXCLUDES, Hand, Wrong, expect, inodes, tree, within


class Case:
    def __init__(self, seed, top):
        self.random, self.top, self.log = random.Random(f"{seed} sets"), top, []
        r = self.random
        tops = r.sample(["/srv/a", "/srv/b", "/etc/hosts", "/opt"], r.choice([1, 1, 2, 3]))
        self.tops = [os.fsencode(top[1:]) for top in tops]
        files = [path for path in ["/srv/a/conf", "/srv/a/d.txt", "/etc/hosts", "/opt/a", "/srv/b/conf"] if within(os.fsencode(path[1:]), self.tops)]
        some = lambda many, most: r.sample(many, min(len(many), r.randrange(most + 1)))
        self.group = {
            "name": "g", "paths": tops, "exclude": some(EXCLUDES, 2) if r.random() < 0.6 else [], "links": r.choice(["keep", "keep", "keep", "safe", "follow"]),
            "compare": r.choice(["time", "content"]), "compress": r.random() < 0.3, "delete": r.choice(["never", "trash", "trash"]),
            "max_delete": r.choice([{"count": 1000, "percent": 25}, {"count": 1000, "percent": 100}, {"count": 3, "percent": 100}]),
            "max_shrink_percent": r.choice([50, 50, 100, 20]), "on_conflict": r.choice(["refuse", "keep_both", "primary"]), "allow_empty": some(files, 1),
            "rewrite": some(files, 2) if r.random() < 0.7 else [tops[0]], "generations": r.choice([5, 5, 2, 1, 0])}
        if r.random() < 0.2:
            self.group["store"] = "/keep"
        self.targets = [Target(self, host) for host in ["one", "two"][:r.choice([1, 1, 2])]]
        for name in ["primary"] + [target.host for target in self.targets]:
            os.mkdir(self.root(name))
        os.makedirs(os.path.join(self.root("primary"), b"beside/dir"))
        for name in b"file", b"dir/c", b"dir/x.log":
            with open(os.path.join(self.root("primary"), b"beside", name), "wb") as file:
                file.write(b"mn1 is beside")
        with open(os.path.join(top, b"shell"), "w") as file:
            file.write('#!/bin/sh\nwhile :; do case $1 in -*) shift ;; *) break ;; esac; done\necho $$ >"${0%/*}/$1.pid"; shift\nexec $*\n')
        os.chmod(os.path.join(top, b"shell"), 0o755)

    def root(self, name):
        return os.path.join(self.top, name.encode())

    def did(self, what, path=b""):
        self.log.append(f"{what} {os.path.relpath(path, self.top) if path else ''!s}".strip())

    def leaves_out(self, path, kind, data=b""):
        """By the patterns, or as a link that leads out."""
        parts = path.split(b"/")
        for number, name in enumerate(parts, 1):
            for pattern in map(os.fsencode, self.group["exclude"]):
                bare = pattern.rstrip(b"/")
                if bare != pattern and number == len(parts) and kind != "directory":
                    continue
                if b"/" + b"/".join(parts[:number]) == bare or fnmatch.fnmatchcase(name, bare):
                    return True
        return self.group["links"] == "safe" and kind == "symlink" and (data.startswith(b"/") or data.count(b"../") > path.count(b"/"))

    def primary(self):
        root = self.root("primary")
        out = lambda path, kind: self.leaves_out(path, kind, os.readlink(os.path.join(root, path)) if kind == "symlink" else b"")
        return tree(root, self.tops, self.group["links"] == "follow", out)

    def command(self, *options):
        document = {"schema": "hasync-set/1", "root": os.fsdecode(self.root("primary")), "targets": [target.document() for target in self.targets], "groups": [self.group]}
        file = os.fsdecode(os.path.join(self.top, b"set.json"))
        with open(file, "w") as out:
            json.dump(document, out)
        return ["hasync", "--set", file, "-e", os.fsdecode(os.path.join(self.top, b"shell")), *options]

    def here(self, target, *words):
        ran = subprocess.run(["hasync", *words, "--state", target.where], capture_output=True)
        self.did(f"{target.host}: hasync {' '.join(words)}: {ran.returncode}")
        return ran.returncode, [json.loads(line) for line in ran.stdout.splitlines()]

    def bring(self, predictions, dry, *options):
        """A run that nobody kills, and that it is as predicted."""
        words = ["-n"] * dry + list(options)
        ran = subprocess.run(self.command(*words), capture_output=True)
        self.did(f"hasync --set {' '.join(words)}: {ran.returncode}")
        told = collections.defaultdict(lambda: collections.defaultdict(dict))
        for record in map(json.loads, ran.stdout.splitlines()):
            if "target" in record.get("key", {}):
                key, kind = record["key"], record["type"]
                path = base64.b64decode(key["path_base64"]) if "path_base64" in key else (key.get("path") or "").encode()
                value = {"change": "action", "conflict": "what", "held_back": "reason", "skipped": "reason", "group": "outcome"}.get(kind)
                told[key["target"].partition(":")[0]][kind][path[1:]] = record.get(value, record)
        self.said = ran.stdout.decode() + ran.stderr.decode()
        for one in predictions:
            host, records = one.target.host, told[one.target.host]
            for what, wanted in ("group", {b"": one.outcome(dry)}), ("conflict", one.conflicts), ("held_back", one.held), ("skipped", dict.fromkeys(one.skipped, "missing")):
                expect(f"{host}: {what} records", dict(records[what]), {} if one.failed else wanted)
            changes = {path: action for path, action in records["change"].items() if within(path, self.tops)}
            expect(f"{host}: change records", changes, one.changes)
            now = tree(one.target.root, self.tops)
            if dry or one.refused:
                expect(f"{host}: what nothing was to be done to", now, one.before)
            else:
                expect(f"{host}: the group", *one.is_after(now))
                expect(f"{host}: beside a path", tree(one.target.root, one.beside), one.beside)
                self.done(one)
        bad = any(one.refused or one.held for one in predictions)
        expect("the status", ran.returncode, 6 if any(one.failed for one in predictions) else 3 if bad else 0)

    def done(self, one):
        """The standby has it; what was there is kept."""
        target = one.target
        if one.outcome(False) == "committed":
            target.numbers.append(one.number)
            target.was[one.number] = (one.before, tree(target.root, self.tops), target.known, one.loose)
            if self.group["generations"]:
                kept = target.kept[one.number] = target.data(one.number)
                lost = {b"old/" + path: it for path, it in one.before.items() if it.kind != "directory" and one.after.get(path) != it}
                expect(f"{target.host}: kept of g-{one.number}", {path: kept.get(path) for path in lost}, lost)
        target.known = one.known

    def still_kept(self):
        for target in self.targets:
            last = target.numbers[-self.group["generations"]:] if self.group["generations"] else []
            if target.numbers:
                told = [record["number"] for record in self.here(target, "history", "g")[1] if record["type"] == "transaction"]
                expect(f"{target.host}: history", told, last)
            for number in last:
                expect(f"{target.host}: what g-{number} keeps", target.data(number), target.kept[number])

    def predict(self, *options):
        primary = self.primary()
        return [Prediction(self, target, primary, "--accept-loss" in options) for target in self.targets]

    def manifest(self, target):
        """Which file it is that holds what is known."""
        file = os.path.join(target.where, b"groups/g/manifest")
        return os.stat(file).st_ino if os.path.exists(file) else None

    def kill(self, predictions, *options):
        """A run of which an end is killed; then each standby, by itself, has all of the old or all of the new."""
        r, pids = self.random, {target.host: os.path.join(self.top, target.host.encode() + b".pid") for target in self.targets}
        for file in pids.values():
            if os.path.exists(file):
                os.unlink(file)
        victim, wait = r.choice(["primary", *pids, *pids]), r.choice([r.uniform(0, 0.04), r.uniform(0, 0.003)])
        self.did(f"hasync --set {' '.join(options)}, {victim} killed")
        plans = [os.path.join(one.target.where, b"groups/g/transactions/%d/plan" % one.number) for one in predictions if victim in ("primary", one.target.host)]
        manifests = {one.target.host: self.manifest(one.target) for one in predictions}
        child = subprocess.Popen(self.command(*options), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while wait < 0.003 and child.poll() is None and not any(map(os.path.exists, plans)):
            time.sleep(0.0002)
        time.sleep(wait)
        far = lambda host: int(open(pids[host]).read() or 0) if os.path.exists(pids[host]) else 0
        pid = child.pid if victim == "primary" else far(victim)
        if pid and child.poll() is None:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        child.wait()
        is_there = lambda pid: pid and os.path.exists(f"/proc/{pid}/exe") and os.path.lexists(f"/proc/{pid}/cwd") and b"--serve" in open(f"/proc/{pid}/cmdline", "rb").read()
        for host in pids:
            deadline = time.monotonic() + 20
            while is_there(far(host)):
                if time.monotonic() > deadline:
                    raise Wrong(f"{host}: still at work after a kill")
                time.sleep(0.002)
        for one in predictions:
            expect(f"{one.target.host}: status of takeover", self.here(one.target, "takeover")[0], 0)
            now = tree(one.target.root, self.tops)
            begun = os.path.exists(os.path.join(one.target.where, b"groups/g/transactions/%d/plan" % one.number))
            is_old = not begun and now == one.before and victim in ("primary", one.target.host)
            # Where nothing is to be done, only what is known may be new.
            is_old = is_old and (one.outcome(False) != "unchanged" or self.manifest(one.target) == manifests[one.target.host] or one.is_after(now)[0] != one.is_after(now)[1])
            if not is_old and not one.refused:
                expect(f"{one.target.host}: after a kill, neither the old nor the new", *one.is_after(now))
                self.done(one)
            elif one.refused:
                expect(f"{one.target.host}: after a kill of what is refused", now, one.before)
            self.did(f"{one.target.host} has the {'old' if is_old else 'new'}")

    def roll_back(self, target):
        r = self.random
        kept = target.numbers[-self.group["generations"]:] if self.group["generations"] else []
        kept = [number for number in kept if number in target.was]
        if not kept:
            return
        number = r.choice([kept[-1], kept[-1], r.choice(kept)])
        before, after, known, loose = target.was[number]
        touched = r.random() < 0.3
        if touched:
            Hand(self, target.root, self.tops, True).change()
        pre, last = tree(target.root, self.tops), target.was[kept[-1]][1]
        ran = subprocess.run(["hasync", "rollback", f"g-{number}", "--state", target.where], capture_output=True)
        self.did(f"rollback g-{number}: {ran.stderr}")
        expect("status of rollback", ran.returncode, 0)
        now = tree(target.root, self.tops)
        undone = [other for other in kept if other >= number]
        if number == kept[-1] and pre == last:
            plain = {path: one._replace(mtime=now[path].mtime) if path in loose and path in now else one for path, one in before.items()}
            expect(f"{target.host}: rolled back", now, plain)
        elif number == kept[-1]:
            for path, one in before.items():
                if one != after.get(path) and path not in loose and one.kind != "directory":
                    expect(f"{target.host}: {path} rolled back", now.get(path), one)
        has = {(one.kind, one.data) for found in [now, *map(target.data, undone)] for one in found.values()}
        lost = {path: one for path, one in pre.items() if (one.kind, one.data) not in has and one.kind != "directory"}
        expect(f"{target.host}: lost by a rollback", lost, {})
        for other in undone:
            target.kept[other] = target.data(other)
            del target.was[other]
        target.known = known
        if len(self.targets) == 1 and r.random() < 0.3:
            ran = subprocess.run(self.command(), capture_output=True)
            expect("status of a run of a group that is held", ran.returncode, 6)
            expect("what is held", tree(target.root, self.tops), now)
        expect("status of release", self.here(target, "release", "g")[0], 0)

    def step(self):
        r = self.random
        for _ in range(r.choice([0, 1, 2, 4])):
            Hand(self, self.root("primary"), self.tops, False).change()
        for target in self.targets:
            for _ in range(r.choice([0, 0, 0, 1, 2])):
                Hand(self, target.root, self.tops, True).change()
        if r.random() < 0.15:
            self.group["on_conflict"], self.group["delete"] = r.choice(["refuse", "keep_both", "primary"]), r.choice(["never", "trash"])
            self.did(f"{self.group['on_conflict']} {self.group['delete']}")
        options = ["--accept-loss"] * (r.random() < 0.3)
        source = tree(self.root("primary"), self.tops)
        if r.random() < 0.3:
            self.bring(self.predict(*options), True, *options)
        if r.random() < 0.25:
            self.kill(self.predict(*options), *options)
        done = self.predict(*options)
        self.bring(done, False, *options)
        # What was refused, and deletions that were too many of what was there before, may be done now.
        if r.random() < 0.5 and not any(one.refused or "deletions" in one.held.values() for one in done):
            again = self.predict()
            for one in again:
                expect("the model, again", one.changes, {})
            seen = [inodes(target.root, self.tops) for target in self.targets]
            self.bring(again, False)
            expect("inodes, after nothing", [inodes(target.root, self.tops) for target in self.targets], seen)
        self.still_kept()
        expect("the primary", tree(self.root("primary"), self.tops), source)
        if r.random() < 0.3:
            self.roll_back(r.choice(self.targets))
