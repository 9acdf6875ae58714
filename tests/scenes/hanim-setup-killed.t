# A set-up that is interrupted or killed half-way: it, or the next run, puts back what it took away. Two at once are not.
# shells: ksh93 mksh
. "${0%/*}/../lib.sh"
. "$ROOT/tests/fakes/nim.sh"
at_exit() { nim_cleanup; }
STATE=$SCENE_DIR/state
setup() { on nimb hanim-setup -e rsh-nim --state-directory "$STATE" "$@"; }
file() { nim_file "$1" /etc/niminfo; }
same() { cmp "$1.before" "$(file "$1")"; }
until_gone() { # FILE
    _left=1000
    while [ -e "$1" ] && [ "$_left" -gt 0 ]; do sleep 0.01; _left=$((_left - 1)); done
    [ ! -e "$1" ]
}
start() { # ARGUMENT...: in the background, in $pid
    rm -f pid
    # The fake sh is not to be asked.
    on nimb /bin/sh -c 'echo $$ >pid; exec hanim-setup "$@"' hanim-setup -e rsh-nim --state-directory "$STATE" "$@" >out 2>err &
    job=$!
    _left=500
    until [ -s pid ] || [ "$_left" -eq 0 ]; do sleep 0.01; _left=$((_left - 1)); done
    pid=$(cat pid)
}

# Killed while lpar08 has no file.
nim_world "$SCENE_DIR/world"
setup --return nima >/dev/null
for client in lpar07 lpar08 lpar12; do cp "$(file $client)" $client.before; done
half() { # OPTION...: to where niminit hangs on lpar08
    cp lpar08.before "$(file lpar08)"
    nim_no_faults lpar08
    nim_fault lpar08 niminit - hang
    start "$@" nima
    until_gone "$(file lpar08)"
}
half --redefine-all
check "its file is taken away" test ! -e "$(file lpar08)"
check_status "another run is busy" 5 setup --lock-wait 0 nima
check_json "and says so" '.[-1] | .ok == false and .error.kind == "busy"' "$OUT"
kill -9 "$pid"
wait "$job" 2>/dev/null
check "the file is still away" test ! -e "$(file lpar08)"
check "a state is left" test -e "$STATE/hanim/state.json"
check "--check tells of it" setup --check nima
check_json "and where the old file is" '[.[] | select(.key == {check: "clients", item: "lpar08"}).values.found] == ["lpar08 has no /etc/niminfo, and an earlier one is kept as /etc/niminfo.hanim-setup"]' "$OUT"
check "the next run, which has nothing to do with clients" setup nima
check_json "repairs" '[.[] | select(.key.attempt == "repair") | [.key.step, .values.outcome]] | index([["redefine-lpar08", "undone"]]) != null' "$OUT"
check "the old file is back" same lpar08
check_status "what was done before is not taken back" 1 same lpar07
check "what was not begun is as it was" same lpar12
gone() { while read -r process; do grep -q ") [^Z] " "/proc/$process/stat" 2>/dev/null && return 1; done <"$NIM_WORLD/pids"; true; }
check "nothing of it runs any more" gone
check "nothing is left to repair" test ! -e "$STATE/hanim/state.json"

half --redefine lpar08
kill -9 "$pid"
wait "$job" 2>/dev/null
nim_no_faults lpar08
check "killed, and the same again" setup --redefine lpar08 nima
check "it knows both" setup --check --redefine lpar08 nima

half --redefine lpar08 --redefine lpar12
kill -TERM "$pid"
check_status "interrupted: busy" 5 wait "$job"
check "the old file is back at once" same lpar08
check_json "and told" '[.[] | select(.key.attempt == "undo" and .key.step == "redefine-lpar08").values.outcome] == ["undone"]' out
check "the last one was not begun" same lpar12

# The machine was booted since, and nobody knows of the killed run; but for the file that was kept.
nim_no_faults lpar08
mv "$(file lpar08)" "$(nim_file lpar08 /etc/niminfo.hanim-setup)"
nim_fault lpar08 niminit - 0042-011
check_status "a client that lost its file, and niminit fails" 3 setup --redefine lpar08 nima
check "gets back what was kept" same lpar08
nim_no_faults lpar08

# Killed at any moment: the next run makes it whole.
for moment in 0.15 0.3; do
    cp lpar08.before "$(file lpar08)"
    start --redefine lpar08 nima
    sleep $moment
    kill -9 "$pid" 2>/dev/null
    wait "$job" 2>/dev/null
    check "killed after $moment s, or done: again" setup --redefine lpar08 nima
    check "it knows both" on nimb hanim-setup -e rsh-nim --is client=lpar08 nima
done
done_testing
