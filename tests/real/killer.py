#!/usr/bin/env python3
"""killer.py SSHD-PID sender|receiver|nobody SECONDS[@PATTERN] COMMAND...

Runs COMMAND and, SECONDS later, kills with SIGKILL either it (the sender) or what it started beneath the sshd (the receiver).
With a PATTERN (of files, as a shell's) the time counts from when there is one more file that fits it than before.
Waits until nothing of it is left on either side. Prints the seconds that COMMAND ran; exits 1 where something stays.
"""
import glob
import os
import signal
import subprocess
import sys
import time

sshd, victim, command = int(sys.argv[1]), sys.argv[2], sys.argv[4:]
delay, _, pattern = sys.argv[3].partition("@")
delay = float(delay)


def beneath(parent):
    """(pid, name) of every process that descends from `parent`."""
    children, names = {}, {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as file:
                text = file.read()
        except OSError:
            continue
        state, above = text.rpartition(")")[2].split()[:2]
        if state != "Z":
            children.setdefault(int(above), []).append(int(pid))
            names[int(pid)] = text.partition("(")[2].rpartition(")")[0]
    found, todo = [], [parent]
    while todo:
        for pid in children.get(todo.pop(), []):
            found.append((pid, names[pid]))
            todo.append(pid)
    return found


def receivers():
    return [pid for pid, name in beneath(sshd) if not name.startswith("sshd")]


def kill(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


start = time.monotonic()
before = len(glob.glob(pattern))
child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
if victim != "nobody":
    while pattern and len(glob.glob(pattern)) <= before and child.poll() is None:
        time.sleep(0.0002)
    try:
        child.wait(delay)
    except subprocess.TimeoutExpired:
        # ssh, the sender's child, is left to find out by itself.
        kill([child.pid] if victim == "sender" else receivers())
child.wait()
print(f"{time.monotonic() - start:.3f}")
deadline = time.monotonic() + 20
while receivers():
    if time.monotonic() > deadline:
        print(f"still there: {beneath(sshd)}", file=sys.stderr)
        kill(receivers())
        sys.exit(1)
    time.sleep(0.01)
