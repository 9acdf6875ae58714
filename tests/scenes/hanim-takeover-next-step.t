# shells: ksh93 mksh
# The next step that a message names helps: each is followed here, to its end.
. "${0%/*}/../lib.sh"
. "$ROOT/tests/fakes/nim.sh"
at_exit() { nim_cleanup; }
fresh() { nim_cleanup; rm -rf world; nim_world world && nim_synced && nim_listen || exit; }
tool() { _host=$1 _tool=$2; shift 2; on "$_host" "$_tool" -e rsh-nim --state-directory "$SCENE_DIR/state" "$@"; }
takeover() { _host=$1; shift; tool "$_host" hanim-takeover --settle 0 "$@"; }
look() { takeover "$@" >"$OUT" 2>"$ERR"; }
client() { check_json "$1" ".[] | select(.type == \"client\" and .key.client == \"$2\") | .values | $3" "$OUT"; } # NAME CLIENT FILTER
finding() { check_json "$1" ".[] | select(.type == \"finding\" and .key == {check: \"$2\", item: \"$3\"}) | .values | $4" "$OUT"; }
agree() { check_json "$1" '[.[] | select(.type == "finding" and .key.check == "agreement") | .values.outcome] == ["holds", "holds", "holds"]' "$OUT"; } # NAME
not_called() { ! nim_calls nimb | grep '^nim '; }
resources() { [ "$(on "$1" lsnim -c resources | wc -l)" -eq 6 ]; }

fresh
nim_down nima
check_status "one master dies, and the other has what it can reach" 0 takeover nimb nima
nim_up nima
check_status "both have the clients" 0 takeover nimb nima
client "and what to do is told" lpar08 '.split_brain and (.next_step | contains("hanim-sync --replicate nima, the first time with --force"))'
check "that is done" tool nimb hanim-sync --replicate --force nima
look nimb --check nima
agree "the masters agree"
check "and the one that was dead has lost no resource" resources nima

nim_down nimb
check "it takes the clients back while the other one is down" takeover nima nimb
nim_up nimb
look nimb --check nima
finding "the other one, out of date, says from where to sync" agreement lpar08 '.found == "nima says nima, nimb says nimb, the client'\''s file says nima"
    and (.fix | startswith("nima has the client, and this database is out of date: on nima, hanim-sync --replicate nimb;"))'
look nima --check nimb
finding "as does the one that has them" agreement lpar08 '.fix | contains("sync it from here: hanim-sync --replicate nimb")'
nim_set lpar08 carrier refused
look nimb --check nima
finding "where the client says nothing neither direction is named" agreement lpar08 '.outcome == "warning" and (.fix | contains("hanim-sync") | not)
    and (.fix | startswith("see NIM_MASTER_HOSTNAME in /etc/niminfo on lpar08.example.com before nima or nimb is synced"))'
nim_set lpar08 carrier ''
check "that is done" tool nima hanim-sync --replicate nimb
look nimb --check nima
agree "the masters agree again"

fresh
for each in lpar07 lpar08 lpar12; do sed -i 's/_LIST=.*/_LIST="nima.example.com"/' "$(nim_file "$each" /etc/niminfo)"; done
nim_forget_calls
check_status "no client lists this master: nothing can come of it" 6 takeover nimb nima
check_json "each client is told, and how to go on all the same" '([.[] | select(.type == "client") | .values] | length == 3 and all(.code == "0042-372"))
    and (.[-1] | .nim_ran == false and .clients_not_taken == 3 and (.error.message | contains("--despite listed runs it")))' "$OUT"
check "nim is not run" not_called
check_status "nor is there a plan" 6 takeover nimb --dry-run nima
check "which would do nothing" [ ! -s "$OUT" ]
check_status "despite that it is run, and NIM says the same" 6 takeover nimb --despite listed nima
check_json "with its code" '.[-1] | .nim_ran and (.error.message | contains(": 0042-372 "))' "$OUT"
client "a client is made known" lpar08 '.next_step | contains("hanim-setup --redefine lpar08 nima.example.com does it") and (contains("sync") | not)'
check "that is done" tool nimb hanim-setup --redefine lpar08 nima.example.com
check_status "one can be taken, so that nim is run" 3 takeover nimb nima
client "and it is taken" lpar08 '.state == "taken"'
check_status "what is left is not tried in vain" 3 takeover nimb nima
check_json "again" '.[-1] | .nim_ran == false and .clients_already == 1 and .clients_not_taken == 2' "$OUT"
check "the others are made known" tool nimb hanim-setup --redefine lpar07 --redefine lpar12 nima.example.com
check "all are taken" takeover nimb nima
check_json "the one of them before" '.[-1] | .clients_taken == 3 and .clients_already == 1' "$OUT"

fresh
for each in lpar07 lpar08 lpar12; do nim_set "$each" carrier refused; done
check_status "clients that could not be seen are tried" 5 takeover nimb nima
check_json "and nobody knows yet what became of them" '.[-1] | .nim_ran and .clients_unknown == 3 and .error.kind == "busy"' "$OUT"
for each in lpar07 lpar08 lpar12; do nim_set "$each" carrier ''; done
check "later all are seen" takeover nimb nima
check_json "to be taken" '.[-1] | .clients_already == 3 and .nim_ran == false' "$OUT"

fresh
nim_attr nimb lpar08 sync_required yes
look nimb --check nima
finding "a client that knows this master needs a sync, and no definition" sync-required lpar08 '.outcome == "warning"
    and (.fix | endswith("on nima, hanim-sync --replicate --reset-clients nimb clears it"))'
check "that is done" tool nima hanim-sync --replicate --reset-clients nimb
look nimb --check nima
finding "and helps" sync-required lpar08 '.outcome == "holds"'
nim_attr nimb lpar08 Cstate 'Base Operating System installation is being performed'
cp "$(nim_file lpar07 /etc/niminfo)" "$(nim_file lpar12 /etc/niminfo)"
look nimb --check nima
finding "a machine is reset by the master that has it" busy lpar08 '.fix == "wait for its end, or nim -Fo reset lpar08, on nima, or here after the takeover"'
finding "a name that leads to another machine is put right" listed lpar12 '.outcome == "unknown" and .found == "lpar12.example.com leads to lpar07"
    and .fix == "put the address of lpar12.example.com right in /etc/hosts or the name server"'

fresh
nim_down nima
mkdir bin
# shellcheck disable=SC2016 # the script's own
printf '%s\n' '#!/bin/sh' 'host=$1; shift; [ "$host" != nima.example.com ] || host=nimb.example.com; exec rsh-nim "$host" "$@"' >bin/rsh-moved
chmod +x bin/rsh-moved
moved() { on nimb hanim-takeover -e "$SCENE_DIR/bin/rsh-moved" --settle 0 --state-directory "$SCENE_DIR/state" nima; }
check "the address of the dead master is here: what it says is this master's own word" moved
check_json "so that it is not seen, and the clients are taken" '[.[] | select(.type == "client") | .values] | length == 3
    and all(.state == "taken" and .current_master_on_peer == null)' "$OUT"
finding "which is told" alive nima '.outcome == "warning" and (.found | startswith("nima does not answer (leads to this machine"))'
done_testing
