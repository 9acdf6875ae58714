"""Random trees, random options: what hasync makes of them is what rsync makes of them.

A case is a seed, and a case that fails is made smaller until nothing can be taken away; then the commands that show it are
printed. An option that hasync's --help does not have is left out, so that cases grow with it.
"""
import argparse
import collections
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from cases import generate
from judge import Judge, remove
from nodes import quote, script
from shrink import shrink


def known():
    text = subprocess.run(["hasync", "--help"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"^ +(?:-\S, )?--([a-z0-9-]+)", text, re.M))


def tell(seed, case, found, judge):
    print(f"# seed {seed} ({case.way}):")
    for line in script(case.source, b"src") + (script(case.old, b"dst") if case.old is not None else []):
        print("    " + line)
    if case.lists:
        print("    # list: " + " ".join(map(quote, case.lists)))
    for tool in ("rsync", "hasync"):
        print("    " + " ".join(quote(os.fsencode(word)) for word in judge.command(case, tool)))
    for difference in found[:6]:
        print(f"#   {difference.what}: {difference.text}")
    sys.stdout.flush()


class Trials:
    """Cases that are judged beside each other, each thread in a place of its own."""

    def __init__(self, top, as_root, names, only):
        self.top, self.as_root, self.names, self.only = top, as_root, names, only
        self.own = threading.local()

    def judge(self):
        if not hasattr(self.own, "judge"):
            self.own.judge = Judge(tempfile.mkdtemp(dir=self.top), self.as_root)
        return self.own.judge

    def trial(self, seed):
        case = generate(seed, self.names, self.only, self.as_root)
        return seed, case, self.judge().differences(case)

    def all(self, seeds, jobs):
        """What came of each, in their order."""
        with ThreadPoolExecutor(jobs) as pool:
            seeds = iter(seeds)
            waiting = collections.deque(pool.submit(self.trial, seed) for seed in itertools.islice(seeds, 2 * jobs))
            try:
                while waiting:
                    yield waiting.popleft().result()
                    waiting.extend(pool.submit(self.trial, seed) for seed in itertools.islice(seeds, 1))
            finally:
                for future in waiting:
                    future.cancel()


def main():
    parser = argparse.ArgumentParser(prog="random_trees", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--cases", type=int, default=200, help="how many")
    parser.add_argument("--seed", type=int, default=1, help="of the first; each further has the next")
    parser.add_argument("--seeds", type=int, nargs="*", default=[], help="these, too")
    parser.add_argument("--only", metavar="OPTION", help="by its long name: in every case")
    parser.add_argument("--failures", type=int, default=3, help="end after so many")
    parser.add_argument("--jobs", type=int, default=2, help="so many beside each other")
    parser.add_argument("--tries", type=int, default=400, help="the most cases that are run to make one smaller")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no case after so long")
    parser.add_argument("--without", nargs="*", default=[], metavar="OPTION", help="in no case")
    parser.add_argument("--keep", action="store_true", help="leave the last case where it is")
    parser.add_argument("--mix", action="store_true", help="say in how many cases each option was")
    options = parser.parse_args()
    os.umask(0o022)
    memory = "/dev/shm"
    roomy = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 500_000_000
    top = tempfile.mkdtemp(prefix="hatools.", dir=memory if roomy else None)
    as_root = os.geteuid() == 0
    trials = Trials(top, as_root, known() - set(options.without), options.only)
    began, failed, count, mix = time.monotonic(), 0, 0, collections.Counter()
    try:
        for seed, case, found in trials.all(itertools.chain(options.seeds, range(options.seed, options.seed + options.cases)), options.jobs):
            count += 1
            mix.update({case.way} | {word.split("=")[0] for group in case.options for word in group})
            if found:
                failed += 1
                case, found = shrink(case, trials.judge(), options.tries)
                tell(seed, case, found, trials.judge())
            if failed >= options.failures or time.monotonic() - began > options.seconds:
                break
    finally:
        if options.keep:
            print(f"# left in {top}")
        else:
            remove(top)
    if options.mix:
        print("# " + ", ".join(f"{word} {number}" for word, number in sorted(mix.items())))
    print(f"{count} cases from seed {options.seed} on, {failed} failed, {time.monotonic() - began:.1f} s")
    sys.exit(bool(failed))


main()
