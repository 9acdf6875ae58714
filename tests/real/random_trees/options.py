"""The options that a case may have: each in a group with what it needs, and the chance that it is taken."""
from dataclasses import dataclass


@dataclass(frozen=True)
class Option:
    """`name`: its long name, as --help has it. `forms`: the arguments, one of which is taken. `without`: words that it does not go with."""
    name: str
    chance: float
    forms: tuple
    without: tuple = ()
    needs: tuple = ()


PATTERNS = ["a", "*.txt", "/a", "sub/", "b*", "**/c", "/dir/**", "[a-c]", "?", "*/a", "x.o", "dir/***"]


def patterns(flag):
    return tuple((f"{flag}={pattern}",) for pattern in PATTERNS)


KINDS = [(0.45, ("-a",)), (0.1, ("-Lprogtz",)), (0.05, ("-rt",)), (0.03, ("-rlt",)), (0.05, ("-rlptgoD", "-c")), (0.03, ("-rp",)), (0.29, None)]
LETTERS = ["-r", "-l", "-p", "-t", "-g", "-o", "-D"]
OPTIONS = [
    Option("copy-links", 0.05, (("-L",),)),
    Option("compress", 0.08, (("-z",),)),
    Option("checksum", 0.1, (("-c",),)),
    Option("itemize-changes", 0.1, (("-i",),)),
    Option("whole-file", 0.05, (("-W",),)),
    Option("one-file-system", 0.04, (("-x",),)),
    Option("dry-run", 0.05, (("-n",),)),
    Option("delete", 0.4, (("--delete",),)),
    Option("exclude", 0.12, patterns("--exclude")),
    Option("include", 0.06, tuple(form + ("--exclude=*.txt",) for form in patterns("--include"))),
    Option("numeric-ids", 0.05, (("--numeric-ids",),)),
    Option("files-from", 0.06, (("--files-from=list",),)),
    Option("sparse", 0.08, (("-S",),)),
    Option("inplace", 0.05, (("--inplace",),)),
    Option("append-verify", 0.03, (("--append-verify",),), ("-c",)),
    Option("partial", 0.03, (("--partial",),)),
    Option("partial-dir", 0.03, (("--partial-dir=.part",),), ("--inplace",)),
    Option("hard-links", 0.15, (("-H",),), ("--append-verify",)),
    Option("xattrs", 0.1, (("-X",),)),
    Option("acls", 0.08, (("-A",),)),
    Option("executability", 0.06, (("-E",),)),
    Option("chmod", 0.08, tuple((f"--chmod={mode}",) for mode in ["D755,F644", "go-w", "u+x", "Dg+s,ug+w,Fo-w,+X", "a=rX", "F600", "D2755,F2755", "ugo=rwX", "700"])),
    Option("chown", 0.05, (("--chown=1:2",), ("--chown=:1000",), ("--chown=daemon",)), ("--usermap", "--groupmap")),
    Option("usermap", 0.04, (("--usermap=1000:5",), ("--usermap=*:7",), ("--usermap=1-1000:9,daemon:4",), ("--usermap=root:daemon",))),
    Option("groupmap", 0.04, (("--groupmap=1000:5",), ("--groupmap=*:7",), ("--groupmap=1-1000:9,daemon:4",))),
    Option("omit-dir-times", 0.06, (("-O",),)),
    Option("omit-link-times", 0.05, (("-J",),)),
    Option("atimes", 0.03, (("-U",),)),
    Option("dirs", 0.05, (("-d",),)),
    Option("copy-dirlinks", 0.06, (("-k",),)),
    Option("safe-links", 0.06, (("--safe-links",),)),
    Option("copy-unsafe-links", 0.06, (("--copy-unsafe-links",),)),
    Option("relative", 0.08, (("-R",), ("-R", "--no-implied-dirs"))),
    Option("mkpath", 0.03, (("--mkpath",),)),
    Option("update", 0.06, (("-u",),)),
    Option("existing", 0.05, (("--existing",),)),
    Option("ignore-existing", 0.05, (("--ignore-existing",),)),
    Option("size-only", 0.05, (("--size-only",),)),
    Option("ignore-times", 0.05, (("-I",),)),
    Option("modify-window", 0.05, (("--modify-window=0",), ("--modify-window=1",))),
    Option("max-size", 0.05, (("--max-size=4096",), ("--max-size=1K",))),
    Option("min-size", 0.05, (("--min-size=2",), ("--min-size=1K",))),
    Option("backup", 0.08, (("-b",), ("-b", "--suffix=.old"))),
    Option("backup-dir", 0.05, (("-b", "--backup-dir=saved"), ("-b", "--backup-dir=../saved"))),
    Option("temp-dir", 0.04, (("--temp-dir=../temporary",),)),
    Option("delay-updates", 0.05, (("--delay-updates",),), ("--inplace",)),
    Option("delete-before", 0.05, (("--delete-before",),)),
    Option("delete-during", 0.05, (("--delete-during",),)),
    Option("delete-delay", 0.05, (("--delete-delay",),)),
    Option("delete-after", 0.05, (("--delete-after",),)),
    Option("delete-excluded", 0.06, (("--delete", "--delete-excluded", "--exclude=*.txt"),)),
    Option("ignore-errors", 0.03, (("--ignore-errors",),)),
    Option("max-delete", 0.04, (("--delete", "--max-delete=1"), ("--delete", "--max-delete=0"))),
    Option("force", 0.06, (("--force",),)),
    Option("prune-empty-dirs", 0.05, (("-m",),)),
    Option("filter", 0.05, (("-f", "P b*"), ("-f", "H *.txt"), ("-f", "- sub/"), ("-f", "R a"), ("-f", "-! */"))),
    Option("cvs-exclude", 0.03, (("-C",),)),
    Option("link-dest", 0.04, (("--link-dest=../basis",),), ("--compare-dest=../basis", "--copy-dest=../basis")),
    Option("copy-dest", 0.03, (("--copy-dest=../basis",),), ("--link-dest=../basis", "--compare-dest=../basis")),
    Option("compare-dest", 0.03, (("--compare-dest=../basis",),), ("--link-dest=../basis", "--copy-dest=../basis")),
    Option("remove-source-files", 0.05, (("--remove-source-files",),)),
]
DELETES = ("--delete-before", "--delete-during", "--delete-delay", "--delete-after")


def chosen(stream, known, only):
    """The groups of a case: a few letters, and each option by its chance. `only` is taken always."""
    r = stream("letters")
    (letters,) = r.choices([words for _, words in KINDS], [weight for weight, _ in KINDS])
    if letters is None:
        letters = tuple(letter for letter in LETTERS if r.random() < 0.6)
    groups, words = [(letter,) for letter in letters], list(letters)
    for option in OPTIONS:
        if option.name not in known:
            continue
        r = stream(option.name)
        if r.random() >= option.chance and option.name != only:
            continue
        form = r.choice(option.forms)
        if set(option.without) & set(words) or form[0] in DELETES and set(DELETES) & set(words):
            continue
        groups.append(form)
        words += form
    # Without -r rsync takes -d here; hasync wants to be told.
    recursive = any(word in ("-r", "-a", "-d", "-rt", "-rlt", "-rp", "-rlptgoD", "-Lprogtz") for word in words) and not ("--files-from=list" in words and "-a" in words)
    if not recursive and any(word.startswith(("--delete", "--del", "--max-delete")) for word in words):
        groups.insert(0, ("-r",))
    if only and not any(only in option.name for option in OPTIONS):
        groups.append((only if only.startswith("-") else "--" + only,))
    return tuple(groups)
