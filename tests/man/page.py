#!/usr/bin/env python3
"""What a manual page says, for the checks: page.py flags|help-flags|statuses|statuses-of-the-contract|references|examples FILE

flags                      the options of the .It Fl lines, one a line
help-flags                 the same of the text of --help
statuses                   "number<TAB>words" of EXIT STATUS
statuses-of-the-contract   the same of common/json/src/status.rs
references                 "name section" of each .Xr
examples                   the commands of EXAMPLES, each block followed by a line with \\001
"""
import re
import sys


def flags(text):
    for line in text.splitlines():
        if line.startswith(".It Fl"):
            for flag in re.findall(r"\bFl (\S+)", line):
                yield "-" + flag.rstrip(",")


def help_flags(text):
    for line in text.splitlines():
        found = re.match(r"\s+(-.*?)(?:\s{2,}|$)", line)
        if found:
            yield from (flag for flag in re.findall(r"(?:^|, )(--?[A-Za-z][\w-]*)", found[1]))


def section(text, name):
    found = re.search(rf"^\.Sh {name}\n(.*?)(?=^\.Sh |\Z)", text, re.M | re.S)
    return found[1] if found else ""


def statuses(text):
    for number, words in re.findall(r"^\.It (\d)\n((?:[^.\n].*\n)+)", section(text, "EXIT STATUS"), re.M):
        yield f"{number}\t{' '.join(words.split())}"


def statuses_of_the_contract(text):
    numbers = dict(re.findall(r"^    (\w+) = (\d),", text, re.M))
    for name, words in re.findall(r'\(Status::(\w+), "([^"]*)"\)', text):
        yield f"{numbers[name]}\t{words}"


def references(text):
    return sorted({f"{name} {number}" for name, number in re.findall(r"^\.?.*?\bXr (\S+) (\d)", text, re.M)})


def examples(text):
    inside = None
    for line in section(text, "EXAMPLES").splitlines():
        if line.startswith(".Bd") and "literal" in line:
            inside = []
        elif line.startswith(".Ed") and inside is not None:
            yield from inside + ["\1"]
            inside = None
        elif inside is not None:
            yield plain(line)
        elif line.startswith(".Dl "):
            yield from [plain(line[4:]), "\1"]


def plain(line):
    """As mandoc shows it, without the prompt."""
    return re.sub(r"^[#$%] ", "", line.replace(r"\e", "\\").replace(r"\-", "-").replace(r"\(aq", "'").replace(r"\&", ""))


with open(sys.argv[2], encoding="utf-8") as file:
    for line in globals()[sys.argv[1].replace("-", "_")](file.read()):
        print(line)
