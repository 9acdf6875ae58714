#!/usr/bin/env python3
"""killer.py alone|all SECONDS COMMAND...

Runs COMMAND in a session of its own and, SECONDS later, kills it with SIGKILL: alone, so that what it has started goes on by
itself; or all of its session, as if the power went, and waits until the dead are buried. Prints the number of the session. Exits 1
where COMMAND had ended before.
"""
import ctypes
import os
import signal
import subprocess
import sys

PR_SET_CHILD_SUBREAPER = 36

how, seconds, command = sys.argv[1], float(sys.argv[2]), sys.argv[3:]


def of_session(session):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as file:
                state, _, _, sid = file.read().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(sid) == session and state != "Z":
            found.append(int(pid))
    return found


# Who loses its parent becomes a child of this one: PID 1 of a container may take seconds to bury it.
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
print(child.pid, flush=True)
try:
    child.wait(seconds)
    sys.exit(1)
except subprocess.TimeoutExpired:
    pass
if how == "alone":
    child.kill()
    child.wait()
    sys.exit(0)
while victims := of_session(child.pid):
    for pid in victims:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
