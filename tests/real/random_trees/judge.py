"""rsync on one copy of a case, hasync on another: what differs."""
import json
import os
import pathlib
import shutil
import subprocess
import time

import differences
import outcome
from differences import Difference
from nodes import BESIDE, make, read

# Stands for ssh: the host is this one.
FAR = str(pathlib.Path(__file__).resolve().parents[2] / "fakes" / "here")


class Judge:
    def __init__(self, top, as_root):
        self.top, self.as_root = top, as_root

    def command(self, case, tool):
        # rsync takes no relative one with "..".
        temporary = os.path.join(self.top, tool, "temporary")
        words = [word.replace("../temporary", temporary) for group in case.options for word in group]
        sources, destination = list(case.sources), case.destination
        if tool == "rsync":
            # hasync compares times to the nanosecond where nothing else is asked for. With -u that makes rsync take what is newer
            # by a second for older; the times of such cases are whole seconds.
            words += [] if any(word.startswith(("--modify-window", "-u")) for word in words) else ["--modify-window=-1"]
        elif case.way == "push":
            words, destination = words + ["-e", FAR], "host:" + destination
        elif case.way == "pull":
            words, sources = words + ["-e", FAR], ["host:" + source for source in sources]
        return [tool, *words, "--", *sources, destination]

    def prepare(self, case, tool):
        place = os.path.join(self.top, tool)
        os.mkdir(place)
        side = os.fsencode(place)
        make(BESIDE, os.path.join(side, b"beside"), self.as_root)
        make(case.source, os.path.join(side, b"src"), self.as_root)
        if case.old is not None:
            make(case.old, os.path.join(side, b"dst"), self.as_root)
        words = [word for group in case.options for word in group]
        if any(word.endswith("-dest=../basis") for word in words):
            make(case.source, os.path.join(side, b"basis"), self.as_root)
        if "--temp-dir=../temporary" in words:
            os.mkdir(os.path.join(place, "temporary"))
        with open(os.path.join(place, "list"), "wb") as file:
            file.writelines(name + b"\n" for name in case.lists)
        return place

    def start(self, case, tool, place):
        return subprocess.Popen(self.command(case, tool), cwd=place, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def differences(self, case):
        """A list; empty where both did the same."""
        for tool in ("rsync", "hasync"):
            remove(os.path.join(self.top, tool))
        places = {tool: self.prepare(case, tool) for tool in ("rsync", "hasync")}
        before = read(os.fsencode(os.path.join(places["hasync"], "src")))
        began = time.time_ns() - 2 * 10**9
        running = {tool: self.start(case, tool, places[tool]) for tool in places}
        said, found = {}, []
        for tool, process in running.items():
            try:
                said[tool] = process.communicate(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                said[tool] = process.communicate()
                found.append(Difference("hangs", tool))
        if outcome.is_caught(case, found):
            return []
        statuses = {tool: process.returncode for tool, process in running.items()}
        seen = {tool: {name: read(os.fsencode(os.path.join(place, name))) for name in ("src", "dst", "beside", "saved", "temporary", "basis")}
                for tool, place in places.items()}
        told = b" | ".join(text.strip() for text in (said["rsync"][1][-300:], said["hasync"][0][-600:], said["hasync"][1][-300:])).decode(errors="replace")
        said = {tool: b"".join(texts).decode(errors="replace") for tool, texts in said.items()}
        if not outcome.corresponds(case, statuses, said):
            found.append(Difference("status", f"rsync {statuses['rsync']}, hasync {statuses['hasync']}: {told}"))
        elif outcome.is_cut_short(statuses, said):
            return found
        now = (began, time.time_ns() + 10**9)
        for name in seen["rsync"]:
            found += compare(case, name, seen["rsync"][name], seen["hasync"][name], now)
        if not any(word in ("--remove-source-files",) for group in case.options for word in group):
            found += compare(case, "src", before, seen["hasync"]["src"], now)
        found = differences.unexplained(case, statuses, said, seen, found)
        if not found and statuses["hasync"] == 0:
            found += self.again(case, places["hasync"])
        return found

    def again(self, case, place):
        if not outcome.settles(case):
            return []
        second = self.start(case, "hasync", place)
        out, _ = second.communicate(timeout=20)
        end = json.loads(out.splitlines()[-1])
        work = {what: end.get(what) for what in ("created", "updated", "attributes", "deleted") if end.get(what)}
        return [Difference("again", f"a second run has work to do: {work}")] if work or not end.get("ok") else []


def compare(case, name, one, other, now):
    """How two trees differ. Times of this run are all one."""
    found = []
    for path in sorted(one.keys() | other.keys()):
        where = f"{name}/{os.fsdecode(path)!r}"
        if path not in one or path not in other:
            text = f"{where}: only with {'rsync' if path in one else 'hasync'}: {(one.get(path) or other.get(path))['kind']}"
            found.append(Difference(f"{name} names", text, name, path, one.get(path), other.get(path)))
            continue
        a, b = one[path], other[path]
        if a == b:
            continue
        unsaid = differences.left_open(case, name, path, a, b)
        for what in sorted((a.keys() | b.keys()) - unsaid):
            x, y = a.get(what), b.get(what)
            if what == "mtime":
                x, y = ("now" if now[0] <= moment <= now[1] else moment for moment in (x, y))
            if x == y:
                continue
            x, y = (value if not isinstance(value, bytes) or len(value) < 60 else f"{len(value)} bytes" for value in (x, y))
            text = f"{where}: {a['kind']}: {what} {x!r} with rsync, {y!r} with hasync"
            found.append(Difference(f"{name} {what}", text, name, path, a, b))
            if what == "kind":
                break
    return found


def remove(place):
    """Removes a tree, also one that is deeper than Python goes."""
    try:
        shutil.rmtree(place)
    except FileNotFoundError:
        pass
    except (OSError, RecursionError):
        subprocess.run(["chmod", "-R", "u+rwx", place], check=False)
        subprocess.run(["rm", "-rf", place], check=True)
