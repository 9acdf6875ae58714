#!/usr/bin/env python3
"""power.py DIRECTORY SSHD-PID|own SECONDS[@PATTERN] alone|neighbour COMMAND...

Runs COMMAND and, SECONDS later or at its end, takes the power from the loop device that is mounted at DIRECTORY: what had reached
it by then stays, and nothing does any more. Then COMMAND itself is killed, or what it started beneath the sshd.
With a PATTERN (of files, as a shell's) the time counts from when there is one more file that fits it than before.
A neighbour writes and syncs a file of its own there all the time, and so brings to disk what others changed in directories.
Prints the seconds that COMMAND ran; exits with its status, or 137 where it was killed.
"""
import errno
import fcntl
import os
import struct
import sys
import threading
import time

sys.dont_write_bytecode = True
from moment import kill, receivers, until

SET_STATUS, GET_STATUS = 0x4C04, 0x4C05
STATUS_SIZE, LIMIT_AT = 232, 32
# _IOR('X', 125, u32), and not to flush its log
SHUT_DOWN, NO_FLUSH = 0x8004587D, 2

directory, victim, moment, company, command = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5:]
number = os.stat(directory).st_dev
name = os.path.basename(os.readlink(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}"))
if not name.startswith("loop"):
    sys.exit(f"{directory} is on {name}, which is no loop device")
device = os.open(f"/dev/{name}", os.O_RDONLY)
top = os.open(directory, os.O_RDONLY)
gone = threading.Event()


def cut():
    status = bytearray(STATUS_SIZE)
    fcntl.ioctl(device, GET_STATUS, status)
    # A limit of 0 is none; in the first sector no file system has anything.
    struct.pack_into("=Q", status, LIMIT_AT, 512)
    try:
        fcntl.ioctl(device, SET_STATUS, status)
    except OSError as error:
        # Some kernels do not let the size of a device change while it is mounted.
        if error.errno != errno.EBUSY:
            raise
        fcntl.ioctl(top, SHUT_DOWN, struct.pack("=I", NO_FLUSH))


def sync_all_the_time():
    file = os.open("neighbour", os.O_WRONLY | os.O_CREAT, dir_fd=top)
    try:
        while not gone.wait(0.002):
            os.pwrite(file, str(time.monotonic()).encode(), 0)
            os.fsync(file)
    except OSError:
        pass
    os.close(file)


neighbour = threading.Thread(target=sync_all_the_time)
if company == "neighbour":
    neighbour.start()
start = time.monotonic()
runs, child = until(moment, command)
cut()
if victim != "own":
    kill(receivers(int(victim)))
elif runs:
    kill([child.pid])
status = child.wait()
print(f"{time.monotonic() - start:.3f}")
gone.set()
if company == "neighbour":
    neighbour.join()
sys.exit(status if status >= 0 else 128 - status)
