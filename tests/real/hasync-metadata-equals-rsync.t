# What hasync keeps of permissions, owners, times, links and attributes is what rsync keeps: rsync is the judge.
. "${0%/*}/../lib.sh"
at_exit() { [ -z "${memory:-}" ] || { chmod -R u+rwx "$memory"; rm -rf "$memory"; }; }
# Where disks keep no attributes, memory may.
if [ -w /dev/shm ]; then
    memory=$(mktemp -d /dev/shm/hatools.XXXXXX) && cd "$memory" || exit
    SCENE_DIR=$memory
fi

# The host is this one: what would run there runs here.
cat >here <<'END'
#!/bin/sh
while [ "$1" = -l ]; do shift 2; done
shift
exec "$@"
END
chmod +x here
here=$SCENE_DIR/here

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
    case $way in
        local) hasync "$@" src/ "$dest" ;;
        push) hasync -e "$here" "$@" src/ "host:$SCENE_DIR/$dest" ;;
        pull) hasync -e "$here" "$@" "host:$SCENE_DIR/src/" "$dest" ;;
    esac
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

for changes in go-w,+r D2775,F664 a-x,u+X g=u 'F=X,Du=rwx' ug+s,o+t; do
    check "-a --chmod=$changes" judge -a --chmod="$changes"
done
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
    for option in --chown=bin --chown=:sys --chown=bin:12 --chown=54321:777 --usermap=daemon:bin,0:sys --usermap='d*n:3,*:bin' \
        --usermap='50000-60000:bin,:sys' --usermap='[bd]?n:4711' --groupmap='0-2:bin,*:12345' '--usermap=root:bin,*:root'; do
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

done_testing
