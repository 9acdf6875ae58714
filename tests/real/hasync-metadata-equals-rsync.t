# What hasync keeps of permissions, owners, times, links and attributes is what rsync keeps: rsync is the judge.
. "${0%/*}/../lib.sh"
. "$ROOT/tests/fakes/here.sh"
at_exit() { [ -z "${memory:-}" ] || { chmod -R u+rwx "$memory"; rm -rf "$memory"; }; }
# Where disks keep no attributes, memory may.
if [ -w /dev/shm ]; then
    memory=$(mktemp -d /dev/shm/hatools.XXXXXX) && cd "$memory" || exit
    SCENE_DIR=$memory
fi

# All that a tree tells of itself, a line for each path; without the times of what WITHOUT names.
cat >tell.py <<'END'
import os, stat, sys
root, without = sys.argv[1], sys.argv[2:]
paths = [root]
for top, dirs, files in os.walk(root):
    paths += [os.path.join(top, name) for name in dirs + files]
first = {}
for path in sorted(paths):
    st, name = os.lstat(path), os.path.relpath(path, root)
    kind = {stat.S_IFDIR: "directory", stat.S_IFLNK: "link"}.get(stat.S_IFMT(st.st_mode), "file")
    line = [name, oct(st.st_mode), st.st_uid, st.st_gid]
    if kind not in without:
        line.append(st.st_mtime_ns)
    if "atime" in without or kind != "file":
        pass
    else:
        # rsync tells whole seconds.
        line.append(int(st.st_atime))
    if kind != "directory":
        line += [st.st_size, st.st_nlink, first.setdefault((st.st_dev, st.st_ino), name)]
    if kind == "link":
        line.append(os.readlink(path))
    for attribute in sorted(os.listxattr(path, follow_symlinks=False)):
        line.append((attribute, os.getxattr(path, attribute, follow_symlinks=False)))
    print(*line)
END

copy() { # WAY DEST OPTION...: the tree src
    way=$1 dest=$2
    shift 2
    by_way "$way" src/ "$dest" "$@"
}

tell() { python3 tell.py "$@" >"$1.told"; }
same() { # A B WITHOUT...: both tell the same
    a=$1 b=$2
    shift 2
    tell "$a" "$@" && tell "$b" "$@" && diff "$a.told" "$b.told"
}

# What rsync and hasync make of src with these options is the same, in all three ways, where nothing was and where an
# older tree was; and a second run finds nothing to do.
without=atime
judge() { # OPTION...
    for way in local push pull; do
        for before in nothing older; do
            rm -rf judged made
            [ $before = nothing ] || { cp -a older judged && cp -a older made; } || return
            # shellcheck disable=SC2086 # words
            rsync --modify-window=-1 ${whole-} "$@" src/ judged || return
            copy $way made "$@" || return
            # shellcheck disable=SC2086
            same judged made $without || { echo "$way over $before"; return 1; }
            copy $way made "$@" >again || return
            [ -n "${moves-}" ] || jq -e -s '.[-1] | .created + .updated + .attributes + .deleted == 0' again >/dev/null ||
                { echo "$way again over $before"; copy $way made -i "$@"; return 1; }
        done
    done
}

root=
[ "$(id -u)" -ne 0 ] || root=yes

mkdir -p src/d/e src/plain
echo a >src/a
echo b >src/b && chmod 750 src/b
echo c >src/d/c && chmod 4711 src/d/c
echo x >src/d/e/x && chmod 600 src/d/e/x
chmod 2770 src/d && chmod 700 src/d/e
ln -s a src/link && ln -s nowhere src/d/dangling
mkfifo src/fifo
[ -z "$root" ] || { chown daemon:daemon src/a src/d; chown bin:12345 src/b; chown 54321:sys src/d/e/x src/plain; }
find src -depth -exec touch -h -d '2021-03-04 05:06:07.123456789' {} +
cp -a src older
chmod 640 older/a && chmod 600 older/b && chmod 755 older/d older/d/c
echo old >older/d/e/x && rm older/plain -r && rm older/link && ln -s b older/link
[ -z "$root" ] || chown -R sys:bin older/d
find older -depth -exec touch -h -d '2020-01-02 03:04:05.5' {} +
touch -r src/a older/a && touch -r src/b older/b

check "-a --chmod=go-w,+r,Dg+s" judge -a --chmod=go-w,+r,Dg+s
! rsync_since 3.5.0 "-a --chmod=g=u,F-x" || check "-a --chmod=g=u,F-x" judge -a --chmod=g=u,F-x
check "--chmod without -p is for what is new" judge -rlt --chmod=F640,D710
check "--chmod more than once" judge -a --chmod=g+w --chmod=F-r,u+r
check_status "what is no change of permissions is wrong usage" 2 hasync -a --chmod=u+y src/ made
without="atime directory"
check "-E keeps who may execute" judge -rltE
without=atime
check "-E says nothing where -p says all" judge -aE
without="atime directory link"
check "-O leaves the times of directories alone" judge -aOJ
without="atime link"
check "-J leaves the times of links alone" judge -aJ
without=atime
if [ -n "$root" ]; then
    for option in --chown=54321:sys --usermap='daemon:bin,d*n:3,0:sys' --usermap='50000-60000:bin,:sys,*:root' --groupmap='[bd]*:sys,0-2:bin'; do
        check "-a $option" judge -a "$option"
    done
    check "--chown gives owners without -o" judge -rltp --chown=bin:sys
    check "--chown and then --no-o" judge -a --chown=bin:sys --no-o
    check "-o and then --chown" judge -a --no-o --chown=bin:sys
    check "maps of numbers with --numeric-ids" judge -a --numeric-ids --usermap=daemon:bin,0:3 --groupmap='*:4'
    check_status "an owner that is not known there: nothing is done" 6 hasync -a --chown=nobody-has-this-name src/ nothing-is-done
    check_status "and nothing was" 1 test -e nothing-is-done
fi
check_status "a map without a colon is wrong usage" 2 hasync -a --usermap=root src/ made
check_status "--chown beside the map that it is" 2 hasync -a --usermap=root:bin --chown=bin src/ made

# --- hard links --------------------------------------------------------------
mv src plain.src && mv older plain.older
mkdir -p src/b/c src/a src/z older/b/c older/a older/z
echo one >src/b/one && ln src/b/one src/a/one && ln src/b/one src/z/one && ln src/b/one src/top
head -c 400000 /dev/zero >src/z/large && ln src/z/large src/b/c/large
echo two >src/a/two && ln src/a/two src/a/two-too && ln src/a/two outside
echo single >src/single && echo three >src/a/three && ln src/a/three src/b/three
ln -s x src/a/symlink && ln src/a/symlink src/z/symlink
mkfifo src/a/fifo && ln src/a/fifo src/b/fifo
echo four >src/a/four && ln src/a/four src/b/four && ln src/a/four src/b/c/four
find src -depth -exec touch -h -d '2021-03-04 05:06:07.123456789' {} +
# Some of a group are up to date, some are something else, some are linked to what they should not be.
cp -a src/b/one older/b/one && cp -a src/a/one older/z/one && echo other >older/top
echo old >older/a/two && ln older/a/two older/a/two-too && ln older/a/two older/b/extra
cp -a src/a/three older/b/three && mkdir older/a/three
cp -a src/z/large older/z/large && ln older/z/large older/single && cp -a src/a/four older/b/c/four
find older -type d -exec touch -d '2020-01-02 03:04:05' {} +
check "-H" judge -aH
rm -rf older/a/three
check "-H with one where nothing stands in the way" judge -aH
check "-H --delete" judge -aH --delete
check "-H with contents compared" judge -aHc
check "-H -A -X" judge -aHAX
chmod 600 src/a/one src/b/c/large
check "-H with other permissions" judge -aH
rm -rf judged made
hasync -aH src/ made >again && echo five >src/a/two && chmod 640 src/a/four
rm made/z/one made/b/c/four && echo x >made/b/c/four
hasync -aHin src/ made >dry && same_as_before() { hasync -aHi src/ made >seen; }
check "-H of some that changed" same_as_before
changed() { jq -c 'select(.type == "change") | [.action, .key.path]' "$1" | sort; }
changed dry >dry.changed && changed seen >seen.changed
check "what a dry run tells of them is what is done" diff dry.changed seen.changed
check_json "why is told" 'any(.why == ["links"] and .key.path == "b/c/four")' seen
rm outside
check "and all is as it should be" same src made atime
# Nothing but the content is another one, or nothing at all: the first name is brought, and the others are names of that.
for how in -c -I; do
    check "-H $how brings the names of a file that differs in nothing else" sh -c 'rm -rf alike && cp -a src alike && rm -rf made && cp -a src made &&
        printf six1 >alike/a/four && touch -r src/a/four alike/a/four && printf six2 >made/a/four && touch -r src/a/four made/a/four && hasync -aH "$1" alike/ made &&
        cmp alike/a/four made/b/c/four && cmp alike/a/four made/b/four && [ "$(stat -c %h made/a/four)" = 3 ]' - "$how"
done
check "a further name where the first is left out by a pattern" judge -aH --exclude=/a/one --exclude=/z/
check "a name that -u leaves gives no other its content" sh -c '
    rm -rf made && mkdir made && echo newer >made/top && hasync -aHu src/ made &&
        [ "$(cat made/top made/a/one)" = "$(printf "newer\none")" ] && [ "$(stat -c %h made/top made/a/one made/z/one | tr -d "\n")" = 133 ]'
for keep in -aH -rlH; do
    check "$keep --remove-source-files takes all names" sh -c 'rm -rf made gone && cp -a src gone && hasync "$1" --remove-source-files gone/ made && [ -z "$(find gone ! -type d ! -type p)" ]' - $keep
done
check "without -H there is no link" sh -c 'rm -rf made; hasync -a src/ made && [ "$(stat -c %h made/top made/a/one | tr -d "\n")" = 11 ]'
rm -rf src older && mv plain.src src && mv plain.older older

# --- access times ---------------------------------------------------------
touch -a -d '2001-02-03 04:05:06' src/a src/d/c src/fifo
without=directory
quiet() { # reading has not touched them
    judge "$@" && hasync "$@" src/ quiet >again && [ "$(stat -c %X src/a)" -eq 981173106 ]
}
# rsync reads the source, too.
rsync=$(command -v rsync)
rsync() { command "$rsync" --open-noatime "$@"; }
if rsync_since 3.5.0 "-U"; then
    check "-U keeps access times, and does not disturb those of the source" quiet -aU
else
    rm -rf made && hasync -aU src/ made >seen
fi
touch -a -d '2002-02-03 04:05:06' src/a
hasync -aUi src/ made >seen
check_json "an access time alone is seen" 'map(select(.type == "change") | [.key.path, .why]) == [["a", ["atime"]]]' seen
unset -f rsync
without=atime

# --- extended attributes and access control lists -----------------------------
cat >attributes.py <<'END'
import os, sys
root = os.geteuid() == 0
def put(path, name, value):
    os.setxattr(path, name, value, follow_symlinks=False)
put("src/a", "user.one", b"1")
put("src/a", "user.empty", b"")
put("src/a", "user.two", bytes(range(256)))
put("src/d", "user.directory", b"d")
put("src/d/e/x", "user.large", os.urandom(3000))
put("src", "user.top", b"t")
os.chmod("src/b", 0o444)
put("older/a", "user.one", b"0")
put("older/a", "user.gone", b"0")
put("older/d", "user.gone", b"0")
if not root:
    # What may not be written can not be given attributes.
    os.chmod("src/b", 0o640)
put("src/b", "user.of-what-may-not-be-written", b"b")
os.chmod("src/b", 0o440)
if root:
    put("src/a", "trusted.t", b"t")
    put("src/link", "trusted.link", b"l")
    put("src/fifo", "trusted.fifo", b"f")
    put("src/d/c", "security.capability", bytes.fromhex("0100000200040000000000000000000000000000"))
    put("older/d/c", "trusted.gone", b"t")
for path in ("src/a", "src/b", "src/d"):
    st = os.lstat(path)
    os.utime(path, ns=(st.st_atime_ns, 1600000000123456789))
END
if python3 -c 'import os
open("probe", "w"); os.setxattr("probe", "user.probe", b"1")' 2>probe.err; then
    python3 attributes.py || exit
    check "-X" judge -aX
    check "-X with contents compared" judge -acX
    rm -rf made && hasync -aX src/ made >again
    python3 -c 'import os; os.setxattr("src/d/c", "user.new", b"1")' &&
    hasync -aXi -e "$HERE" src/ "host:$SCENE_DIR/made" >seen
    check_json "an attribute alone is seen" 'map(select(.type == "change") | [.action, .key.path, .why]) == [["attributes", "d/c", ["xattr"]]]' seen
    check "and brought" same src made atime
    check "without -X nothing of it is" sh -c "rm -rf made; hasync -a src/ made && ! getfattr -Rd made 2>/dev/null | grep -q user"
else
    skip "-X" "there are no extended attributes here"
fi
cat >acl.py <<'END'
# PATH access|default ENTRY...: the list, like setfacl(1)'s; the mask is what all have together, unless it is told.
import os, struct, sys
path, which, entries = sys.argv[1], sys.argv[2], sys.argv[3:]
tags = {"u": (1, 2), "g": (4, 8), "m": (16, 16), "o": (32, 32)}
rows, mode = [], os.lstat(path).st_mode
for entry in entries:
    who, name, bits = entry.split(":")
    tag = tags[who][bool(name)]
    rows.append((tag, sum(4 >> "rwx".index(bit) for bit in bits if bit != "-"), int(name) if name else 2**32 - 1))
for tag, place in (1, 6), (4, 3), (32, 0):
    if tag not in [row[0] for row in rows]:
        rows.append((tag, mode >> place & 7, 2**32 - 1))
if 16 not in [row[0] for row in rows] and any(row[0] in (2, 8) for row in rows):
    mask = 0
    for row in rows:
        mask |= row[1] if row[0] in (2, 4, 8) else 0
    rows.append((16, mask, 2**32 - 1))
value = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *row) for row in sorted(rows, key=lambda r: (r[0], r[2])))
os.setxattr(path, "system.posix_acl_" + which, value)
END
acl() { python3 acl.py "$@"; }
if acl probe access u:1:rwx 2>/dev/null; then
    daemon=$(id -u daemon) bin=$(id -u bin) sys=$(id -g sys)
    acl src/a access "u:$daemon:rwx" g:12345:r
    acl src/d access "u:$bin:-" m::rx
    acl src/d default "u:$daemon:rx" "g:$sys:rwx" o::-
    acl src/plain default u::rwx g::rx o::rx
    acl older/b access "g:$bin:rwx" m::r
    acl older/a access "g:$bin:rwx" m::r
    acl older/d default "u:$bin:rwx"
    acl older default "u:$bin:rwx"
    check "-A" judge -aA
    check "-A implies -p" judge -rltA
    check "-A with --chmod" judge -aA --chmod=g-w,o=
    check "-A -X" judge -aAX
    check "-a where directories have lists for what is new" judge -a
    check "without -p these stand for the umask" judge -rlt
    [ -z "$root" ] || check "-A with a map" judge -aA --usermap=daemon:bin --groupmap=sys:daemon
    [ -z "$root" ] || check "-A --numeric-ids with a map" judge -aA --numeric-ids --usermap=1:2 --groupmap=3:1
    rm -rf made && hasync -aAX src/ made >again
    acl src/a access "u:$daemon:r"
    hasync -aAXi -e "$HERE" src/ "host:$SCENE_DIR/made" >seen
    check_json "a list alone is seen" 'map(select(.type == "change") | [.key.path, .why]) == [["a", ["acl"]]]' seen
    check "and brought" same src made atime
else
    skip "-A" "there are no access control lists here"
fi

done_testing
