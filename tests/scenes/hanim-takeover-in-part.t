# shells: ksh93 mksh
# Where not all clients are taken each is told with its cause and the next step, and the next run does only what is left.
. "${0%/*}/../lib.sh"
. "$ROOT/tests/fakes/nim.sh"
at_exit() { nim_cleanup; }
fresh() { nim_cleanup; rm -rf world; nim_world world && nim_synced && nim_listen || exit; }
takeover() { on nimb hanim-takeover -e rsh-nim --settle 1 --state-directory "$SCENE_DIR/state" "$@" nima; }
forget() { sed -i "s/^\(export NIM_MASTER_HOSTNAME_LIST\)=.*/\1=\"nima.example.com\"/" "$(nim_file "$1" /etc/niminfo)"; } # CLIENT
client() { check_json "$1" ".[] | select(.type == \"client\" and .key.client == \"$2\") | .values | $3" "$OUT"; } # NAME CLIENT FILTER
finding() { check_json "$1" ".[] | select(.type == \"finding\" and .key == {check: \"$2\", item: \"$3\"}) | .values | $4" "$OUT"; }

fresh
forget lpar08
nim_down lpar12
check_status "the look before says that some are not fit" 1 takeover --check
finding "one does not list this master" listed lpar08 '.outcome == "refused" and .code == "0042-372"
    and (.found == "lpar08 does not list nimb in NIM_MASTER_HOSTNAME_LIST")
    and (.fix | contains("niminit -a name=lpar08 -a master=nima.example.com"))'
finding "one does not answer" port lpar12 '.outcome == "refused" and .code == "0042-006" and (.found | contains("3901: connection refused"))'
finding "and its file was not seen" listed lpar12 '.outcome == "unknown"'
check_status "a mixed takeover is partly done" 3 takeover
client "one is taken" lpar07 '.state == "taken" and .table_result == "SUCCESS"'
client "one does not know this master" lpar08 '.state == "not_taken" and .code == "0042-372" and .table_result == "FAILURE"
    and (.next_step | startswith("on lpar08.example.com: rm /etc/niminfo, then niminit -a name=lpar08 -a master=nima.example.com"))'
client "one was not reached" lpar12 '.state == "not_taken" and .code == "0042-006" and .niminfo_master == null
    and (.next_step | contains("startsrc -s nimsh"))'
check_json "the messages of nim are kept, with the client where one is named" '[.[] | select(.type == "message") | .values | [.code, .client]]
    == [["0042-372", null], ["0042-006", "lpar12"]]' "$OUT"
check_json "and the end counts" '.[-1] | .ok == false and .status == 3 and .failed == 2 and .clients_taken == 1 and .clients_not_taken == 2' "$OUT"
says_both() { [ "$(grep -c '^hanim-takeover: lpar' "$ERR")" -eq 2 ] && grep -q '^hanim-takeover: lpar08: 0042-372: .*niminit' "$ERR"; }
check "standard error has a line for each" says_both
check_status "all or nothing is not begun" 6 takeover --all-or-nothing
check_json "with the cause" '.[-1].error.message | startswith("listed: lpar08 does not list nimb")' "$OUT"

nim_up lpar12
rm "$(nim_file lpar08 /etc/niminfo)"
on lpar08 niminit -a name=lpar08 -a master=nima.example.com >/dev/null
check "the next run takes the rest" takeover
client "one was ours" lpar07 '.already'
client "one is new" lpar08 '.state == "taken" and .already == false'
client "and so is one" lpar12 '.state == "taken" and .already == false'

fresh
nim_fault nimb takeover lpar07 silent
nim_attr nimb lpar12 current_master nimc.example.com
nim_fault nimb takeover lpar12 0042-378
check_status "a client that says otherwise than the table is not taken" 3 takeover
client "who says what is told" lpar07 '.state == "not_taken" and .table_result == "SUCCESS" and .code == null
    and .cause == "the table says SUCCESS; nima says nima, nimb says nima, the client'\''s file says nima"'
client "a third master is named" lpar12 '.state == "not_taken" and .code == "0042-378" and .current_master == "nimc.example.com"
    and (.next_step | contains("hanim-takeover nimc.example.com"))'
finding "it was refused before" current-master lpar12 '.outcome == "refused" and .code == "0042-378"
    and .found == "lpar12 is controlled by nimc.example.com, not nima"'

fresh
nim_attr nimb lpar08 current_master nimb.example.com
nim_attr nima lpar08 current_master nimb.example.com
nim_fault nimb takeover lpar08 silent
check_status "half taken is not taken" 3 takeover
finding "it was seen before" agreement lpar08 '.outcome == "warning" and .found == "nima says nimb, nimb says nimb, the client'\''s file says nima"'
client "and the repair is named" lpar08 '.state == "not_taken" and .already == false and .split_brain == false
    and .next_step == "on lpar08.example.com: rm /etc/niminfo, then niminit -a name=lpar08 -a master=nimb.example.com"'

fresh
mkdir bin
# shellcheck disable=SC2016 # the script's own
printf '%s\n' '#!/bin/sh' '"$NIM_FAKES/bin/nim" "$@" | sed "s/SUCCESS/FAILURE/"; exit 7' >bin/nim
chmod +x bin/nim
export NIM_FAKES
liar() { (NIM_HOST=nimb PATH=$SCENE_DIR/bin:$NIM_FAKES/bin:$PATH && export NIM_HOST PATH && hanim-takeover -e rsh-nim --state-directory "$SCENE_DIR/state" nima); }
check "what is seen to be taken is taken, whatever the table and the status say" liar
client "and that is told" lpar07 '.state == "taken" and .table_result == "FAILURE" and (.cause | startswith("the table says FAILURE, and"))'
check_json "with nim's status" '.[-1].nim_status == 7' "$OUT"

fresh
nim_attr nimb lpar07 Cstate 'Base Operating System installation is being performed'
nim_attr nimb lpar08 sync_required yes
nim_attr nimb lpar12 connect shell
: >"$NIM_WORLD/lpar12/unresolved.nimb"
check_status "each has its finding" 1 takeover --check
finding "busy" busy lpar07 '.outcome == "warning" and (.found | endswith("Base Operating System installation is being performed"))'
finding "the database does not have that the client knows both masters" sync-required lpar08 '.outcome == "warning"
    and .found == "lpar08 has sync_required = yes, but it lists nimb" and (.fix | contains("niminit") | not)'
finding "two protocols" protocol lpar12 '.outcome == "warning" and .found == "lpar12 has connect = shell here, and NIM_SHELL \"nimsh\" there"'
finding "names" names lpar12 '.outcome == "refused" and .found == "lpar12.example.com cannot resolve nimb.example.com"'
: >"$NIM_WORLD/nimb/unresolved.lpar07"
check_status "a name that does not resolve here" 1 takeover --check
finding "is told" names lpar07 '.outcome == "refused" and .found == "this machine cannot resolve lpar07.example.com"'
done_testing
