# Which paths come, which links are followed and what is made above them: rsync is the judge.
. "${0%/*}/../lib.sh"

. "$ROOT/tests/fakes/here.sh"

# All that a tree holds: path, kind, mode, time and where a link points. What is not in the source has the time of the run.
tree() { # DIR
    (cd "$1" && find . \( -newermt 2021-01-01 -printf '%P|%y|%m|now|%l\n' \) -o -printf '%P|%y|%m|%T@|%l\n' | sort) &&
        (cd "$1" && find . -type f -exec md5sum {} + | sort)
}

same_trees() { # DIR DIR
    tree "$1" >tree1 && tree "$2" >tree2 && diff tree1 tree2
}

# The same words to both, into a copy each of what stands in `begin`.
agree() { # NAME OPTION... SRC; the destination is out/dest, or what DEST says
    what=$1
    shift
    rm -rf judge && mkdir judge && cp -a begin judge/out
    (cd judge && rsync "$@" "out/${DEST-dest/}" >/dev/null 2>&1)
    for way in local push pull; do
        rm -rf ours && mkdir ours && cp -a begin ours/out
        (
            cd ours || exit
            case $way in
                local) hasync "$@" "out/${DEST-dest/}" ;;
                push) hasync -e "$HERE" "$@" "host:$PWD/out/${DEST-dest/}" ;;
                pull)
                    # The last word is the source.
                    for word; do :; done
                    i=$#
                    while [ $((i -= 1)) -ge 0 ]; do
                        [ "$i" = 0 ] && set -- "$@" "host:$word" || set -- "$@" "$1"
                        shift
                    done
                    hasync -e "$HERE" "$@" "out/${DEST-dest/}"
                    ;;
            esac
        ) >said 2>&1
        check "$way: $what" same_trees judge/out ours/out
    done
}

mkdir -p begin/dest src/d/e/f src/real src/empty outside/deep
echo one >src/one
echo two >src/d/two
echo three >src/d/e/f/three
echo four >src/real/four
echo five >outside/five
echo six >outside/deep/six
for target in . ./.. ./../x ../one ../. e/. e/.. ..//../b ././../e ../d/two ../src/one ../../src/one ../../outside /nowhere; do
    ln -s "$target" "src/d/to-$(echo "$target" | tr / _)"
done
ln -s ../one src/up
ln -s d/../one src/detour
ln -s real src/link-to-dir
ln -s one src/link-to-file
ln -s ../outside src/out
ln -s ../outside/five src/out-file
ln -s ../../../outside/five src/d/e/out-nested
old() { find src outside -exec touch -h -d '2020-02-02 02:02:02.123456789' {} +; }
old
S=$SCENE_DIR/src

agree "--safe-links leaves what leads out" -a --safe-links "$S/"
agree "--safe-links of a directory that is named" -a --safe-links "$S"
rm -f src/d/to-* && ln -s ../one src/d/inside
old
agree "--copy-unsafe-links brings what is outside" -a --copy-unsafe-links "$S/"
agree "--copy-unsafe-links of a directory that is named" -a --copy-unsafe-links "$S"
agree "--copy-unsafe-links and --safe-links" -a --copy-unsafe-links --safe-links "$S/"
agree "-k takes links to directories for directories" -ak "$S/"
agree "-k of a link that is named" -ak "$S/link-to-dir"
agree "a link that is named stays one" -a "$S/link-to-dir"
agree "-d takes directories without what is in them" -dlpt "$S/"
agree "-d of a directory that is named" -dlpt "$S"
mkdir -p begin/dest/d/old begin/dest/gone/deep
touch begin/dest/d/old/file begin/dest/extra
agree "-d --delete" -dlpt --delete "$S/"
agree "-a --no-r -d" -a --no-r -d "$S/"
R=$SCENE_DIR/./src
chmod 711 src/d
old
agree "-R keeps the path behind /./" -aR "$R/d/e"
agree "-R of a file" -aR "$R/d/e/f/three"
agree "-R with a slash at its end" -aR "$R/d/"
agree "-R of all" -aR "$SCENE_DIR/src/./"
agree "-R of a whole path" -aR "$S/d/two"
agree "-R over a link" -aR "$R/link-to-dir/four"
agree "-R of a link" -aR "$R/link-to-dir"
agree "-R of a link with a slash" -aR "$R/link-to-dir/"
agree "-R without -r" -lptR "$R/d/e"
agree "-R -d with a slash" -lptdR "$R/d/"
agree "-R --no-implied-dirs makes directories as the umask says" -aR --no-implied-dirs "$R/d/e/f"
agree "-R asks the rules of what is named, not of what lies above it" -aR --exclude=d --exclude=e "$R/d/e/f"
agree "-R asks the rules of what lies in it" -aR --exclude=three "$R/d"
agree "-R of what is left out brings no directory" -aR --exclude=three "$R/d/e/f/three"
ln -s nowhere src/d/dangling && old
agree "-R --copy-unsafe-links of a link that leads nowhere, and stays in the tree" -aR --copy-unsafe-links "$R/d/dangling"
rm src/d/dangling && old
printf '%s\n' d/e/f/three d/never real/never one >list
printf '%s\n' d/e d/e/f/three >within
agree "--files-from brings no directory for what is not there" -a "--files-from=$PWD/list" "$S/"
agree "--files-from takes what is named beneath what is left out" -a --exclude=e "--files-from=$PWD/within" "$S/"
agree "--files-from asks the rules of what is named" -a --exclude=d --exclude=one "--files-from=$PWD/list" "$S/"
mkdir -m 700 begin/dest/src begin/dest/src/d
mkdir begin/dest/src/d/e && touch begin/dest/src/d/e/extra begin/dest/src/extra
agree "-R --no-implied-dirs leaves directories" -aR --no-implied-dirs "$R/d/e/f"
rm -rf begin/dest/src/d && echo 'a file' >begin/dest/src/d
agree "-R --no-implied-dirs leaves what is no directory" -aR --no-implied-dirs "$R/d/e/f"
rm begin/dest/src/d && mkdir -m 700 begin/dest/src/d && mkdir begin/dest/src/d/e && touch begin/dest/src/d/e/extra
agree "-R --delete deletes in what was named alone" -aR --delete "$R/d/e"
DEST=a/b/c/
agree "--mkpath makes all of a directory's path" -a --mkpath "$S/"
agree "--mkpath makes a file's path" -a --mkpath "$S/one"
agree "--mkpath in a dry run makes nothing" -an --mkpath "$S/"
DEST=a/b/c
agree "--mkpath gives a file its name" -a --mkpath "$S/one"
agree "--mkpath in a dry run of a file makes nothing" -an --mkpath "$S/one"
agree "--mkpath of a directory without a slash" -a --mkpath "$S"
agree "without --mkpath one component is made" -a "$S/"
DEST=dest/

ln -s nowhere src/dangling.old
printf '%s\n' one dangling.old >list
check_status "-L: a named link that leads nowhere is missed also where a rule leaves it out" 3 hasync -aL --exclude='*.old' --files-from=list "$S/" named/
check_json "by its path" 'map(select(.type == "error") | [.reason, .item]) == [["dangling", "dangling.old"]]' "$OUT"
rm src/dangling.old

check_status "a link that leads out is told" 0 hasync -ai --safe-links "$S/" told/
check_json "a link that leads out is skipped" 'map(select(.type == "skipped" and .key.path == "out")) | length == 1' "$OUT"

mkdir -p behind linked/dest && ln -s ../../behind linked/dest/d
check_status "-K is refused by name" 2 hasync -aK "$S/" linked/dest/
check "a refused run changes nothing" sh -c '[ -h linked/dest/d ] && [ -z "$(ls behind)" ]'
check_status "what is told instead of -K works" 0 hasync -a "$S/d/" linked/dest/d/
check "the directory behind the link has it" same_trees src/d behind
check_status "a link in the place of a directory gives way" 0 hasync -a "$S/" linked/dest/
check "the directory is in its place" sh -c '[ -d linked/dest/d ] && [ ! -h linked/dest/d ]'
done_testing
