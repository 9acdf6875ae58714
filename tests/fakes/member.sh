# shellcheck shell=sh
# Sourced behind lib.sh: members and managed clients of cfengine on this machine, for any user, without cfengine or an sshd. Each is a
# directory $SCENE_DIR/HOST with a work directory cf; $SCENE_DIR/carrier reaches it. The first host has the shell under test, and the
# others all the shells that are here, in turns.
# bin/ has what every host has: cf-key and cfkey; HOST/bin what that host has besides.
#   member_host HOST...         makes one, with a key pair of its own that is kept as keys/HOST.pub, too
#   member_knows HOST KEY...    puts the keys of these hosts into HOST's ppkeys, by the names that CFEngine 3 has for them
#   member_digest HOST          of its key, as cf-key -p prints it
#   member_config [JQ-FILTER]   makes member.json, changed by the filter; the hosts are m1 (here), m2, m3, and c1 to c3
#   $MEMBER_PACKAGE             for a filter: a package that is mounted: what is on every Linux, because nothing may be mounted here
#   member_bend HOST HOW        see the carrier: "down", "denied", "hangs", "noise", ..., until it is "well"
#   member_plant FILE           makes the hosts' ppkeys what FILE says, in the lines of member_tree; hosts and keys are made where they lack
#   member_tree HOST...         a line for each directory and file in their work directories: mode, name, and whose key it is
#   member_inodes HOST...       which files these are, and when they and their attributes were changed (hasync sets a directory's again)
#   member HAMEMBER-ARGUMENT... runs hamember on m1
mkdir -m 755 bin bent keys state make || exit
cp "$ROOT/tests/fakes/member/cf-key" make/ && cp "$ROOT/tests/fakes/member/carrier" . && ln -s ../make/cf-key bin/cf-key && ln -s ../make/cf-key bin/cfkey || exit
_shells=$(readlink "/proc/$$/exe"; command -v dash bash ksh93 mksh)
echo "$HATOOLS_BIN" >tools
PATH=$SCENE_DIR/bin:$PATH
export PATH

_next_shell() {
    # shellcheck disable=SC2086 # a list
    set -- $_shells
    echo "$1"
    _first=$1
    shift
    _shells="$* $_first"
}
member_host() {
    for _host; do
        mkdir -p "$_host/bin" "$_host/cf" && mkdir -m 700 "$_host/cf/ppkeys" "$_host/cf/inputs" && ln -s "$SCENE_DIR/bin" "$_host/cf/bin" &&
            make/cf-key -f "$_host/cf/ppkeys/localhost" && cp "$_host/cf/ppkeys/localhost.pub" "keys/$_host.pub" &&
            cp "$_host/cf/ppkeys/localhost.priv" "keys/$_host.priv" && _next_shell >"$_host/shell" && make/cf-key -p "keys/$_host.pub" >"keys/$_host.digest" || return
    done
}
member_digest() { cat "keys/$1.digest"; }
member_knows() {
    _host=$1
    shift
    for _key; do
        cp "keys/$_key.pub" "$_host/cf/ppkeys/root-$(member_digest "$_key").pub" && chmod 600 "$_host/cf/ppkeys/root-$(member_digest "$_key").pub" || return
    done
}
# shellcheck disable=SC2034 # scenes use it
MEMBER_PACKAGE='{mount: "/sys", sentinel: "/sys/kernel/uevent_seqnum"}'
member_config() {
    jq -n --arg here "$SCENE_DIR" 'def host(name; address): {name: name, address: address, work_directory: "\($here)/\(name)/cf"};
        {schema: "hamember-config/1", layout: "cfengine3", package: null, master_inputs: "\($here)/csync/inputs", work_directory: "/proc/self/fd/9/cf",
        members: [host("m1"; "10.77.0.11"), host("m2"; "10.77.0.12"), host("m3"; "10.77.0.13")],
        clients: [host("c1"; "10.77.0.21"), host("c2"; "10.77.0.22"), host("c3"; "10.77.0.23")],
        visit_seconds: 20, state: "\($here)/state/hamember.json"}' | jq "${1:-.}" >member.json && chmod 600 member.json
}
member_bend() { if [ "$2" = well ]; then rm -f "bent/$1"; else echo "$2" >"bent/$1"; fi; }
member_plant() {
    sed -n 's,^[0-7]* \([^/]*\)/ppkeys/$,\1,p' "$1" | while read -r _host; do
        [ -d "$_host/cf" ] || member_host "$_host" || return
        find "$_host/cf/ppkeys" -type f -exec rm {} +
    done || return
    while read -r _mode _file _key; do
        case $_file in */ppkeys/) chmod "$_mode" "${_file%/ppkeys/}/cf/ppkeys" || return; continue ;; esac
        cp "keys/$_key" "${_file%%/*}/cf/${_file#*/}" && chmod "$_mode" "${_file%%/*}/cf/${_file#*/}" || return
    done <"$1"
}
member_tree() {
    cksum keys/*.pub keys/*.priv | sed 's, keys/, ,' >.sums
    for _host; do
        find "$_host/cf" -mindepth 1 ! -type l -printf '%m %y %P\n' | LC_ALL=C sort -k 3 | while read -r _mode _kind _file; do
            case $_kind in
                f)
                    _sum=$(cksum <"$_host/cf/$_file")
                    _key=$(sed -n "s/^$_sum //p" .sums)
                    echo "$_mode $_host/$_file ${_key:-$_sum}"
                    ;;
                d) echo "$_mode $_host/$_file/" ;;
                *) echo "$_mode $_host/$_file $_kind" ;;
            esac
        done
    done
}
member_inodes() {
    for _host; do find "$_host/cf" \( -type d -printf '%p %i %T@ %s %m\n' \) -o -printf '%p %i %T@ %C@ %s %m\n'; done | sort
}
member() { hamember --config "$SCENE_DIR/member.json" --here m1 -e "$SCENE_DIR/carrier" "$@"; }
