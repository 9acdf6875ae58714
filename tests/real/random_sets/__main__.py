#!/usr/bin/env python3
"""Random sets: what hasync --set makes of random trees, changes, kills and rollbacks is what a model says it is to be.

random_sets [--seed N] [--cases N] [--seconds S] [--failures N] [--keep]

A case is a seed. It makes a primary and one or two standbys, a document, and some steps: changes on either side, a run (dry,
killed, repeated), a rollback. The model knows hasync-set(5) and predicts each standby's tree, what is told and what is kept.
"""
import argparse
import json
import os
import shutil
import sys
import tempfile
import time

from case import Case
from trees import Wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seed", type=int, default=1, help="of the first case; each further has the next")
    parser.add_argument("--cases", type=int, default=1, help="how many")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no case after so long")
    parser.add_argument("--failures", type=int, default=1, help="end after so many")
    parser.add_argument("--keep", action="store_true", help="leave the last case where it is")
    options = parser.parse_args()
    os.umask(0o022)
    began, count, failed = time.monotonic(), 0, 0
    for seed in range(options.seed, options.seed + options.cases):
        if time.monotonic() - began > options.seconds or failed >= options.failures:
            break
        top = tempfile.mkdtemp(prefix="hatools.", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None).encode()
        count += 1
        try:
            case = Case(seed, top)
            for _ in range(case.random.choice([3, 4, 6])):
                case.step()
        except Wrong as wrong:
            failed += 1
            print(f"# seed {seed}: {json.dumps(case.group)}\n# {[target.substitutions for target in case.targets]}")
            print("\n".join(f"#   {line}" for line in case.log[-60:] + str(wrong).split("\n") + getattr(case, "said", "").split("\n")[-30:]), flush=True)
        finally:
            if options.keep:
                print(f"# left in {os.fsdecode(top)}")
            else:
                shutil.rmtree(top)
    print(f"{count} cases from seed {options.seed} on, {failed} failed, {time.monotonic() - began:.1f} s")
    sys.exit(bool(failed))


main()
