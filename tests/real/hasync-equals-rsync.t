# What hasync makes of a tree full of oddities is what rsync makes of it: rsync is the judge.
# HATOOLS_TREE_FILES: how many entries the tree has.
. "${0%/*}/../lib.sh"
. "$ROOT/scripts/lab.sh"
at_exit() { lab_down; [ -z "${memory:-}" ] || { chmod -R u+rwx "$memory"; rm -rf "$memory"; }; }
# Half a million files are made and removed: in memory, where there is room for them, that takes a fifth of the time.
if [ -w /dev/shm ] && [ "$(df -kP /dev/shm | awk 'END { print $4 }')" -gt 3000000 ]; then
    memory=$(mktemp -d /dev/shm/hatools.XXXXXX) && cd "$memory" || exit
    SCENE_DIR=$memory
fi
lab_up || exit
ssh="ssh -F $LAB/ssh_config"

# The judge compares every byte of content; it may say nothing on stdout.
same() {
    rsync -nci --delete --ignore-errors --info=nonreg0 "$@" >difference || return
    head -n 10 difference
    [ ! -s difference ]
}

copy() { # WAY OPTION...: the tree $src to $dest, which stands beside it
    case $1 in
        local) shift; hasync "$@" "$src/" "$dest/" ;;
        push) shift; hasync "$@" -e "$ssh" "$src/" "standby:$SCENE_DIR/$dest/" ;;
        pull) shift; hasync "$@" -e "$ssh" "primary:$SCENE_DIR/$src/" "$dest/" ;;
    esac
}

for letters in -a -Lprogtz; do
    src=tree$letters links=
    [ "$letters" = -a ] || links=--plain-links
    # shellcheck disable=SC2086 # no option, or one
    python3 "$ROOT/tests/real/tree.py" "$src" "${HATOOLS_TREE_FILES:-50000}" $links || exit
    for way in local push pull; do
        dest=copy$letters-$way
        check "$way $letters of a new tree" copy "$way" "$letters"
        check "$way $letters made what rsync makes, to the nanosecond" same --modify-window=-1 "$letters" "$src/" "$dest/"
    done
    # shellcheck disable=SC2086
    python3 "$ROOT/tests/real/tree.py" "$src" --change 10 --seed 2 $links || exit
    check_status "the judge sees the change" 1 same "$letters" "$src/" "copy$letters-local/"
    for way in local push pull; do
        dest=copy$letters-$way
        check "$way $letters --delete of a changed tree" copy "$way" "$letters" --delete
        check "$way $letters --delete made what rsync makes" same "$letters" "$src/" "$dest/"
    done
    check "a second run of $letters --delete" copy push "$letters" --delete
    check_json "a second run of $letters --delete finds nothing to do" '.[-1] | .ok and .created + .updated + .deleted == 0' "$OUT"
    # Room for the next.
    chmod -R u+rwx "$src" copy"$letters"-* && rm -rf "$src" copy"$letters"-*
done
done_testing
