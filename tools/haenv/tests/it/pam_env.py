"""pam_env as the judge: haenv must see in a file the variables that pam_env makes of it.

pam_env.py HAENV FILES: makes that many files of pieces that matter and tells each that they read differently.
Exits with 77 where libpam or pam_env is not on this machine.
"""
import base64
import ctypes
import json
import os
import random
import subprocess
import sys
import tempfile

PIECES = [b"A", b"B", b"1", b"=", b"=", b"'", b'"', b" ", b"\t", b"#", b"\\", b"\n", b"\n", b"export ", b"x", b"$y",
          b"\r", b"\xff", b"A=x\n", b"B='q r'\n", b"export A\n", b"A=x\\\n"]
# As long as pam_env's buffer, and a byte longer.
LONG = [begin + b"x" * (8190 + more - len(begin)) + end
        for begin in (b"L=", b"#", b"\nL=") for more in (0, 1, 2) for end in (b"\n", b"")]
CONVERSATION = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)


class Conversation(ctypes.Structure):
    _fields_ = [("function", CONVERSATION), ("data", ctypes.c_void_p)]


PAM_CONV_ERR = 19
conversation = Conversation(CONVERSATION(lambda *_: PAM_CONV_ERR), None)


def by_pam(pam, directory):
    handle = ctypes.c_void_p()
    if pam.pam_start_confdir(b"haenv", b"root", ctypes.byref(conversation), directory.encode(), ctypes.byref(handle)):
        return None
    pam.pam_open_session(handle, 0)
    seen = dict(entry.split(b"=", 1) for entry in pointers(pam.pam_getenvlist(handle)))
    pam.pam_end(handle, 0)
    return seen


def pointers(entries):
    index = 0
    while entries[index]:
        yield entries[index]
        index += 1


def by_haenv(haenv, path):
    answer = json.loads(subprocess.run([haenv, path], stdout=subprocess.PIPE, check=False).stdout)
    seen = {}
    for variable in answer["variables"]:
        name, value = (
            variable[key].encode() if key in variable else base64.b64decode(variable[key + "_base64"])
            for key in ("name", "value"))
        # pam_env wants letters, digits and _ only, and takes a digit first.
        if all(byte < 128 and (chr(byte).isalnum() or byte == 95) for byte in name):
            seen[name] = value
    return seen, [problem["reason"] for problem in answer["problems"]]


def main():
    haenv, files = sys.argv[1], int(sys.argv[2])
    try:
        pam = ctypes.CDLL("libpam.so.0")
        pam.pam_start_confdir
    except (OSError, AttributeError):
        sys.exit(77)
    pam.pam_getenvlist.restype = ctypes.POINTER(ctypes.c_char_p)
    random.seed(3)
    different = compared = 0
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "environment")
        with open(os.path.join(directory, "haenv"), "w", encoding="ascii") as service:
            service.write(f"session required pam_env.so readenv=1 envfile={path} conffile=/dev/null\n")
        with open(path, "wb") as file:
            file.write(b"PROBE=1\n")
        if by_pam(pam, directory) != {b"PROBE": b"1"}:
            sys.exit(77)
        for _ in range(files):
            pieces = random.choices(PIECES, k=random.randint(0, 14))
            if random.random() < 0.1:
                pieces.insert(random.randint(0, len(pieces)), random.choice(LONG))
            content = b"".join(pieces)
            with open(path, "wb") as file:
                file.write(content)
            ours, problems = by_haenv(haenv, path)
            theirs = by_pam(pam, directory)
            # pam_env joins lines within names, too, where haenv only says that a line goes on.
            if "goes_on" in problems:
                continue
            compared += 1
            if ours != theirs:
                different += 1
                print(f"{content}: haenv {ours}, pam_env {theirs}")
    print(f"{compared} compared, {different} different")
    sys.exit(different > 0 or compared < files // 2)


main()
