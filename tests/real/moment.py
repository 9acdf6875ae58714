"""What ends a program at a moment of its work."""
import glob
import os
import signal
import subprocess
import time


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


def receivers(sshd):
    return [pid for pid, name in beneath(sshd) if not name.startswith("sshd")]


def kill(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def until(moment, command):
    """Runs `command` until SECONDS[@PATTERN], or its end: whether it runs still, and its process. With a pattern (of files, as a
    shell's) the time counts from when there is one more file that fits it than before."""
    delay, _, pattern = moment.partition("@")
    before = len(glob.glob(pattern))
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while pattern and len(glob.glob(pattern)) <= before and child.poll() is None:
        time.sleep(0.0002)
    try:
        child.wait(float(delay))
    except subprocess.TimeoutExpired:
        return True, child
    return False, child
