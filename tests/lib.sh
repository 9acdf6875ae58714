# shellcheck shell=sh
# Sourced by every scene: . "${0%/*}/../lib.sh"
# The scene then stands in $SCENE_DIR, a fresh directory that is removed at its exit; $ROOT is the source tree.
# $OUT and $ERR are files: what the command of the last check wrote on stdout and on stderr.
# A scene ends with done_testing. One that does not get there, or that checked nothing, fails.
# A pipe is checked by way of a function, so that the shell under test makes it: f() { a | b; }; check name f
ROOT=$(cd "${0%/*}/../.." && pwd) || exit 1
_own=$(mktemp -d "${TMPDIR:-/tmp}/hatools.XXXXXX") || exit 1
OUT=$_own/out ERR=$_own/err SCENE_DIR=$_own/scene
export ROOT OUT ERR SCENE_DIR
mkdir "$SCENE_DIR" && cd "$SCENE_DIR" || exit 1
_count=0 _failed=0 _finished=no

_at_exit() { # a scene that starts something defines at_exit to stop it
    _status=$?
    trap - EXIT
    if command -v at_exit >/dev/null; then at_exit; fi
    # What is mounted in there, bound from this machine perhaps, is not what is to be removed.
    if grep -q " $_own/" /proc/self/mountinfo; then
        echo "not ok $((_count + 1)) - the scene left something mounted beneath $_own: that is left"
        exit 1
    fi
    cd / && { rm -rf "$_own" 2>/dev/null || { chmod -R u+rwx "$_own" 2>/dev/null; rm -rf "$_own"; }; }
    [ "$_finished" = yes ] && exit "$_status"
    echo "not ok $((_count + 1)) - the scene ended early, with status $_status"
    exit 1
}
trap _at_exit EXIT
trap 'exit 143' HUP INT TERM

_result() { # NAME STATUS WANTED: true where they are the same
    _count=$((_count + 1))
    [ "$2" -eq "$3" ] && { echo "ok $_count - $1"; return; }
    _failed=$((_failed + 1))
    echo "not ok $_count - $1"
    return 1
}
_tell() { tail -n 20 "$2" | cut -c 1-500 | awk -v label="$1" '{ print "# " label ": " $0 }'; } # LABEL FILE

check_status() { # NAME STATUS COMMAND...
    _name=$1 _want=$2; shift 2
    "$@" >"$OUT.new" 2>"$ERR.new" # so that a check can read what the one before wrote
    _got=$?
    mv "$OUT.new" "$OUT" && mv "$ERR.new" "$ERR" || exit
    _result "$_name" "$_got" "$_want" && return
    echo "# status $_got instead of $_want: $*" | sed '2,$s/^/# /'
    _tell stdout "$OUT"
    _tell stderr "$ERR"
}
check() { _name=$1; shift; check_status "$_name" 0 "$@"; } # NAME COMMAND...
check_json() { # NAME JQ-FILTER FILE: the filter gets the array of all values; $OUT and $ERR stay as they are
    jq -e -s "$2" "$3" >"$_own/jq" 2>&1
    _result "$1" $? 0 && return
    _tell "$2" "$_own/jq"
    _tell "${3##*/}" "$3"
}
skip() { _count=$((_count + 1)); echo "ok $_count - $1 # SKIP $2"; } # NAME REASON

# VERSION NAME: where rsync is older it does this otherwise, and is no judge of it; then the check is skipped.
rsync_since() {
    _has=$(rsync --version | awk 'NR == 1 { print $3 }')
    printf '%s\n%s\n' "$1" "$_has" | sort -CV || { skip "$2" "rsync $_has does it otherwise than $1"; return 1; }
}

done_testing() {
    [ "$_count" -gt 0 ] || exit 1
    echo "1..$_count"
    _finished=yes
    exit $((_failed > 0))
}
