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
    return fields


def settles(case):
    """A second run finds nothing to do."""
    given = letters(case)
    return "t" in given and "I" not in given and "n" not in given


def unexplained(case, statuses, seen, found):
    """The differences that no rule explains."""
    return found
