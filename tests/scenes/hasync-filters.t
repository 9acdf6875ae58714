# Include and exclude patterns, judged by rsync: both get the same rules, and must bring the same paths.
# shells: ksh93 mksh
. "${0%/*}/../lib.sh"
command -v rsync >/dev/null || { skip "patterns" "there is no rsync"; done_testing; }
# Each of some hundred runs brings its files to disk: this has memory for a disk where there is one.
if [ -w /dev/shm ]; then
    memory=$(mktemp -d /dev/shm/hatools.XXXXXX) && cd "$memory" || exit
    at_exit() { cd / && rm -rf "$memory"; }
fi
mkdir -p src/a/b/c src/foo/bar/baz src/x/foo/bar 'src/odd [1]' src/tmp src/deep/tmp
for name in a/one.o a/two.c a/b/three.o a/b/c/four.txt foo/bar/baz/five foo/six x/foo/bar/seven tmp/eight deep/tmp/nine \
    'odd [1]/ten*' 'odd [1]/back\slash' 'odd [1]/ends]' .hidden README a/README core foo/core.c; do
    echo "$name" >"src/$name"
done
cat >rules <<'END'
# a comment
; another

+ *.c
- a/b
core
END

# A line is the options of one case; words are parted by blanks, quotes are the shell's.
cat >cases <<'END'
--exclude=*.o
--exclude=a
--exclude=/a
--exclude=a/b
--exclude=/a/b/
--exclude=b/c
--exclude=foo/bar
--exclude=/foo/*
--exclude=/foo/**
--exclude=foo/***
--exclude=/foo/*/baz
--exclude=/foo/**/five
--exclude=foo/**
--exclude=**/foo
--exclude=**/six
--exclude=a**o
--exclude=x**seven
--exclude=tmp/
--exclude=/tmp/
--exclude=README/
--exclude=.*
--exclude=*
--exclude=*/
--exclude=/*
--exclude=**
--exclude=?ore
--exclude=[rR]EADME
--exclude=[!.]*.c
--exclude=[^a-m]*
--exclude=[[:upper:]]*
--exclude=[a-
--exclude='ends]'
--exclude='ten\*'
--exclude='back\slash'
--exclude='back\\slash'
--exclude='back\\slas?'
--exclude='odd \[1\]'
--exclude='odd [1]'
--exclude='odd [[]1]'
--exclude=two.c --include=*.c --exclude=a/*
--include=*/ --include=*.c --exclude=*
--include=/a/ --include=/a/b/ --include=/a/b/three.o --exclude=*
--include=*.c --exclude=core*
--exclude=core* --include=*.c
--include=README --exclude=/README
--exclude='+ *.c' --exclude='*.c' --exclude='- a'
--exclude=a --exclude=! --exclude=x
--exclude-from=rules
--include=six --exclude-from=rules --exclude=f*
--exclude=a/b/c/
--exclude=a//b
--exclude=./a
--exclude=src
--exclude=src/a
--exclude=/src/a
END
paths() { (cd "$1" && find . | sort); }
both() { # SOURCE, then the options
    rm -rf by-rsync by-hasync
    rsync -a "$@" by-rsync/ >/dev/null && hasync -a "$@" by-hasync/ >/dev/null || return
    paths by-rsync >rsync.paths && paths by-hasync >hasync.paths && diff rsync.paths hasync.paths
}
# What is excluded stays at the destination, too.
both_delete() {
    rm -rf by-rsync by-hasync
    cp -Rp full by-rsync && cp -Rp full by-hasync || return
    rsync -a --delete "$@" by-rsync/ >/dev/null 2>&1 && hasync -a --delete "$@" by-hasync/ >/dev/null || return
    paths by-rsync >rsync.paths && paths by-hasync >hasync.paths && diff rsync.paths hasync.paths
}
cp -Rp src full
for directory in full full/a full/foo full/tmp full/x/foo; do echo extra >"$directory/extra.o" && echo extra >"$directory/extra.c"; done
while IFS= read -r case; do
    eval "set -- $(echo "$case" | sed "s/\(^\| \)\([^' ]*\)/\1'\2'/g; s/''//g")"
    check "$case" both "$@" src/
    check "$case, by the directory's name" both "$@" src
    check "$case, and --delete" both_delete "$@" src/
done <cases
done_testing
