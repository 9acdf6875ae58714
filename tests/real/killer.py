#!/usr/bin/env python3
"""killer.py SSHD-PID sender|receiver|nobody SECONDS[@PATTERN] COMMAND...

Runs COMMAND and, SECONDS later, kills with SIGKILL either it (the sender) or what it started beneath the sshd (the receiver).
With a PATTERN (of files, as a shell's) the time counts from when there is one more file that fits it than before.
Waits until nothing of it is left on either side. Prints the seconds that COMMAND ran; exits 1 where something stays.
"""
import sys
import time

sys.dont_write_bytecode = True
from moment import beneath, kill, receivers, until

sshd, victim, command = int(sys.argv[1]), sys.argv[2], sys.argv[4:]
start = time.monotonic()
runs, child = until("0" if victim == "nobody" else sys.argv[3], command)
if runs and victim != "nobody":
    # ssh, the sender's child, is left to find out by itself.
    kill([child.pid] if victim == "sender" else receivers(sshd))
child.wait()
print(f"{time.monotonic() - start:.3f}")
deadline = time.monotonic() + 20
while receivers(sshd):
    if time.monotonic() > deadline:
        print(f"still there: {beneath(sshd)}", file=sys.stderr)
        kill(receivers(sshd))
        sys.exit(1)
    time.sleep(0.01)
