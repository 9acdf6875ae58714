"""Where hasync differs from rsync on purpose, as narrow as it can be told, and what neither of them promises."""


def words(case):
    return [word for group in case.options for word in group]


def letters(case):
    """The single letters of a case, -a taken apart."""
    found = set()
    for word in words(case):
        if word[:1] == "-" and word[:2] != "--":
            found |= set(word[1:])
    return found | set("rlptgoD") if "a" in found else found


def left_open(case, name, path, one, other):
    """The fields of an entry in which two copies may differ."""
    given, fields = letters(case), set()
    if name != "dst":
        return {"blocks", "mtime"} if name != "src" else {"blocks"}
    if "S" not in given or abs(one.get("blocks", 0) - other.get("blocks", 0)) <= 16:
        fields.add("blocks")
    # Without -t a directory's time is that of the last name that was made in it.
    if one["kind"] == "directory" and ("t" not in given or "O" in given):
        fields.add("mtime")
    # What is in place already is not written once more.
    if one["kind"] == "file" and "t" not in given and "--inplace" in words(case):
        fields.add("mtime")
    # rsync dresses a directory before it makes what is in it, and a new setgid hands its group down; hasync dresses it at the end.
    if "g" not in given and "p" in given:
        fields.add("group")
    # To rsync a character device and a block device of one number are the same.
    if {one["kind"], other["kind"]} == {"character device", "block device"} and one["device"] == other["device"]:
        fields.add("kind")
    return fields


def settles(case):
    """A second run finds nothing to do."""
    given = letters(case)
    # A link to a directory that got another name is a destination directory the next time.
    renamed = not case.destination.endswith("/")
    return "t" in given and not given & set("InOJ") and not renamed


def unexplained(statuses, told, found):
    """The differences that no rule explains."""
    # rsync may have deleted before it came to what it could not read; hasync deletes nothing then.
    if "deletions_held_back" in told:
        found = [(what, text) for what, text in found if not (what == "dst names" and "only with hasync" in text)]
    # A directory that does not take part itself, in which hasync began to make something and could not.
    if statuses["hasync"] == 3:
        found = [(what, text) for what, text in found if not (what == "dst mtime" and "'now' with hasync" in text and ": directory:" in text)]
    return found
