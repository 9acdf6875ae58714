# What an ordinary user may not read is reported; the rest is copied, and nothing is deleted on such a run.
. "${0%/*}/../lib.sh"
user=
if [ "$(id -u)" -eq 0 ]; then
    command -v setpriv >/dev/null || { skip "unreadable files" "there is no setpriv to become an ordinary user"; done_testing; }
    user="setpriv --reuid=65534 --regid=65534 --clear-groups"
fi
# That user must get at the programs and the trees: this directory is root's, and so may be the first python3.
python=$(command -p -v python3 || command -v python3)
place=$(mktemp -d /tmp/hatools-user.XXXXXX) && chmod 777 "$place" && cp "$(command -v hasync)" "$ROOT/tests/real/tree.py" "$place" && cd "$place" || exit
at_exit() { cd / && chmod -R u+rwx "$place" && rm -rf "$place"; }
$user "$python" tree.py src 500 --unreadable || exit
$user mkdir copy copy/only-there && $user touch copy/only-there/file || exit

push() { $user ./hasync -a --delete src/ copy/; }
same() {
    rsync -nci -a --delete --ignore-errors --exclude='unreadable*' --exclude=/only-there src/ copy/ >"$SCENE_DIR/difference" || return
    head -n 10 "$SCENE_DIR/difference"
    [ ! -s "$SCENE_DIR/difference" ]
}
check_status "some are done" 3 push
check_json "each unreadable one is named" '[.[] | select(.type == "error" and .reason == "read_error") | .item | split("/") | last] | sort == ["unreadable", "unreadable-dir"]' "$OUT"
check_json "the end counts them, and the deletions that were held back" '.[-1] | .failed == 3 and .status == 3 and (.ok | not)' "$OUT"
check "all the rest is what rsync makes" same
check "nothing was deleted, since the source was not seen whole" test -e copy/only-there/file
done_testing
