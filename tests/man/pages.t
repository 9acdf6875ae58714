# The manual pages are true: options, statuses, references, and examples that run.
. "${0%/*}/../lib.sh"
. "$ROOT/scripts/lab.sh"
. "$ROOT/tests/fakes/nim.sh"
at_exit() { nim_cleanup; lab_down; }
page() { python3 "$ROOT/tests/man/page.py" "$@"; }

page statuses-of-the-contract "$ROOT/common/json/src/status.rs" >contract
table() { page statuses "$1" >said && [ -s said ] && ! grep -vxFf contract said; }
same_flags() {
    "$1" --help >help && page help-flags help | sort >help-flags && page flags "$2" | sort >page-flags &&
        [ -s help-flags ] && diff help-flags page-flags
}
known() {
    page references "$1" | while read -r name number; do
        [ -f "$ROOT/man/$name.$number" ] || grep -qx "$name $number" "$ROOT/tests/man/elsewhere" || echo "$name($number) is not known"
    done >unknown
    cat unknown
    [ ! -s unknown ]
}
if command -v mandoc >/dev/null; then lint() { mandoc -T lint -W warning "$1"; }; else lint=missing; fi

check "the contract has seven statuses" test "$(grep -c . contract)" -eq 7
for path in "$ROOT"/tools/*/; do
    tool=$(basename "$path") file=$ROOT/man/$(basename "$path").8
    check "$tool has a manual page" test -f "$file"
    check "$tool: --help and the page have the same options" same_flags "$tool" "$file"
    check "$tool: EXIT STATUS has the words of the contract" table "$file"
done
for file in "$ROOT"/man/*; do
    name=${file##*/}
    check "$name: references lead somewhere" known "$file"
    if [ "${lint:-}" = missing ]; then skip "$name: lint" "there is no mandoc"; else check "$name: lint" lint "$file"; fi
done
check "ha-json.7 has every status" sh -c "python3 '$ROOT/tests/man/page.py' statuses '$ROOT/man/ha-json.7' | diff contract -"

# The examples run in a world of their own: paths moved into this directory, ssh to the lab's nodes, a sample database.
lab_up || exit
PATH=$LAB/bin:$PATH
XCATCFG=$SCENE_DIR/db
export PATH XCATCFG
python3 "$ROOT/scripts/sample-xcat-db" db 20 || exit
world() {
    rm -rf primary standby
    mkdir -p primary/install/aix71 primary/etc/xcat primary/var/xcat primary/var/log primary/var/lib primary/tmp primary/root primary/home primary/srv standby/etc standby/install standby/tmp standby/var
    echo package >primary/install/aix71/package
    echo 10.1.0.1 cn0001 >primary/etc/hosts
    echo nameserver 10.1.255.1 >primary/etc/resolv.conf
    # Relative to the source /, which cannot be moved: a bare machine may have no /etc/hosts.
    printf '%s\n' "$SCENE_DIR/primary/etc/hosts" "$SCENE_DIR/primary/etc/resolv.conf" >primary/etc/hasync.files
}
# cfengine of two members and a client, each in a directory of its own; the second member has no keys yet.
cfengine_world() {
    for work in var/cfengine opt/cfengine var/lib/cfengine3; do
        mkdir -p "primary/$work/bin" && cp "$ROOT/tests/fakes/member/cf-key" "primary/$work/bin" || return
        [ "$work" != var/lib/cfengine3 ] || continue
        mkdir -m 700 "primary/$work/ppkeys" && "primary/$work/bin/cf-key" -f "primary/$work/ppkeys/localhost" || return
    done
    mkdir -p primary/srv/cfengine/inputs && echo policy >primary/srv/cfengine/inputs/promises.cf
}
run_example() { (cd primary/root && sh -e ../../example); }
example() { # those of the tools for NIM on a master of a world of their own
    case $file in
        */hanim-sync.8) on nima run_example ;;
        */hanim-*.8) on nimb run_example ;;
        *) run_example ;;
    esac
}
for file in "$ROOT"/man/*; do
    number=0
    world
    case $file in */hanim-*.8) nim_cleanup; rm -rf nim; nim_world nim || exit ;; esac
    case $file in
        */hanim-sync.8) nim_pair || exit ;;
        */hanim-takeover.8) nim_synced || exit ;;
        */hamember.8) cfengine_world || exit ;;
    esac
    page examples "$file" | reroot "$SCENE_DIR/primary" "$SCENE_DIR/standby" >examples
    : >example
    while IFS= read -r line; do
        if [ "$line" != "$(printf '\001')" ]; then
            printf '%s\n' "$line" >>example
            continue
        fi
        number=$((number + 1))
        check "${file##*/}: example $number: $(head -n 1 example | cut -c 1-60)" example
        : >example
    done <examples
    case $file in
        *.8) check "${file##*/} has examples" test "$number" -gt 0 ;;
    esac
done
done_testing
