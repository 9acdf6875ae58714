# haniminfo tells what a niminfo file says as ksh reads it, runs nothing of it, and writes it back with every byte in its place.
. "${0%/*}/../lib.sh"
fixtures=$ROOT/tests/fixtures/nim/niminfo

cp "$fixtures/04-client-before-takeover.niminfo" client
check "a client's file is read" haniminfo client
check_json 'it is one answer' 'length == 1 and .[0].schema == "haniminfo/1" and .[0].ok' "$OUT"
check_json 'with the masters it knows, the current one first' '.[0] | .role == "standalone" and .master_hostname == "nima.example.com" and .master_hostname_list == ["nima.example.com", "nimb.example.com"]' "$OUT"
check_json 'hosts, mounts and routes are taken apart' '.[0] | .hosts[1] == {address: "192.0.2.57", names: ["lpar07.example.com"]} and .mounts == [] and .routes == [{destination: "default", mask: "0", gateway: "192.0.2.1"}]' "$OUT"
check_json 'and what is not there is null' '.[0] | has("alternate_masters") and .alternate_masters == null' "$OUT"
check 'nothing is said beside it' test ! -s "$ERR"
from_a_pipe() { haniminfo - <client | jq -e '.file == null and .name == "lpar07"'; }
check 'standard input is read, too' from_a_pipe
plain() { test "$(haniminfo -o role,name,shell client)" = "standalone	lpar07	shell"; }
check 'fields for a shell without jq' plain

check_status 'a curly quote makes the answer no' 1 haniminfo "$fixtures/03-master-curly-quote.niminfo"
check_json 'and it is told with its line' '.[0] | .ok and (.problems[0] | .line == 6 and .severity == "error" and (.what | test("opens with \" and closes with U\\+201D")))' "$OUT"
check_json 'and nothing is guessed' '.[0] | .alternate_masters == null and .role == "alternate_master"' "$OUT"
check_status 'one before good lines takes none of them' 1 haniminfo "$fixtures/swallowing.niminfo"
check_json 'and those that ksh would take are named' '.[0] | .master_hostname == "nima.example.com" and (.problems[0].what | test("goes on in lines 3 to 6"))' "$OUT"

# shellcheck disable=SC2016 # it is the file that shall say so
printf 'NIM_NAME=$(touch ran)\nNIM_CONFIGURATION=`touch ran`\nNIM_SHELL=${x:=$(touch ran)}\n' >hostile
check_status 'what a shell would run is not known' 1 haniminfo hostile
check_json 'and is told as unknown' '.[0] | .name == null and ([.variables[] | .value == null and .hidden == false] | all)' "$OUT"
check 'and is not run' test ! -e ran

check_status 'an empty file is no niminfo' 4 haniminfo "$fixtures/empty.niminfo"
check_json 'and the answer says that it failed' '.[0] | .ok == false and .error.kind == "input"' "$OUT"
check_status 'nor is what is no text' 4 haniminfo "$fixtures/binary.niminfo"
check_status 'a file that is not there cannot be read' 6 haniminfo not-there

cp "$fixtures/secrets.niminfo" secrets
check_status 'a file with secrets is read' 1 haniminfo secrets
hidden() { ! grep -q ABC-SECRET "$OUT"; }
check 'none is in the answer' hidden
shown() { haniminfo --show-secrets secrets | grep -q ABC-SECRET-2; }
check 'unless it is asked for' shown

cp client before
back() { haniminfo client | haniminfo --write client --yes-nim-owns-this-file; }
check 'an answer is written back' back
check_json 'as what is there already' '.[0] | .changed == false and .backup == null' "$OUT"
check 'byte by byte' cmp client before
switch() { haniminfo client | jq '(.variables[] | select(.name == "NIM_MASTER_HOSTNAME")).value = "nimb.example.com" | (.variables[] | select(.name == "NIM_MASTER_HOSTNAME_LIST")).value = "nimb.example.com nima.example.com"' | haniminfo --write client "$@"; }
check_status 'a change needs the word' 2 switch
# shellcheck disable=SC2016 # so it stands in the message
check "and the command of IBM's is named" grep -F '`niminit -a name=lpar07 -a master=nima.example.com -a master_port=1058`' "$ERR"
check 'a dry run needs none' switch --dry-run
check_json 'and tells old and new' '.[0] | .dry_run and .changed and ([.changes[] | [.name, .new]] == [["NIM_MASTER_HOSTNAME", "nimb.example.com"], ["NIM_MASTER_HOSTNAME_LIST", "nimb.example.com nima.example.com"]])' "$OUT"
check 'and writes nothing' cmp client before
check 'with the word it is written' switch --yes-nim-owns-this-file
check 'and is the file of a client after a takeover' cmp client "$fixtures/05-client-after-takeover.niminfo"
check 'with the old one beside it' sh -c 'cmp client.hatools-?????????????? before'
# shellcheck disable=SC2016 # the shell that sources it shall expand it
check 'a shell reads from it what was written' sh -c 'set -e; . ./client; test "$NIM_MASTER_HOSTNAME $NIM_MASTER_PORT" = "nimb.example.com 1058"'

secret_stays() { haniminfo secrets | jq 'del(.variables[] | select(.name == "NIM_HOSTNAME"))' | haniminfo --write secrets --yes-nim-owns-this-file; }
check 'hidden values need not be shown to be written' secret_stays
stayed() { grep -v NIM_HOSTNAME "$fixtures/secrets.niminfo" | cmp - secrets; }
check 'they stay as they are' stayed

haniminfo client >answer
echo 'export NIM_FIPS_MODE=0' >>client
stale() { haniminfo --write client --yes-nim-owns-this-file <answer; }
check_status 'a file that changed since it was read is not overwritten' 4 stale
check 'what was added is still there' grep -q FIPS client
failed() { haniminfo not-there 2>/dev/null | haniminfo --write client --yes-nim-owns-this-file; }
check_status 'an answer of a sender that failed is not written' 4 failed
cut_short() { cut -c 1-200 answer | haniminfo --write client --yes-nim-owns-this-file; }
check_status 'nor one that is cut' 4 cut_short
check_status 'nor none' 4 haniminfo --write client --yes-nim-owns-this-file </dev/null

check_status 'wrong usage says nothing on standard output' 2 haniminfo --lf client
check 'nothing at all' test ! -s "$OUT"

done_testing
