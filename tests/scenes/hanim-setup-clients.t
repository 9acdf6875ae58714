# Clients are defined again one by one: the old /etc/niminfo is kept, comes back where niminit fails, and no client stops the others.
# shells: ksh93 mksh
. "${0%/*}/../lib.sh"
. "$ROOT/tests/fakes/nim.sh"
at_exit() { nim_cleanup; }
setup() { on nimb hanim-setup -e rsh-nim --state-directory "$SCENE_DIR/state" "$@"; }
file() { nim_file "$1" /etc/niminfo; }
outcome() { jq -r --arg step "redefine-$1" 'select(.type == "event" and .key.step == $step).values.outcome' told; }
same() { cmp "$1.before" "$(file "$1")"; }

nim_world "$SCENE_DIR/world"
check "the masters" setup --return nima
for client in lpar07 lpar08 lpar12; do cp "$(file $client)" $client.before; done

# One fails, by NIM's own words; the others are done.
nim_fault lpar08 niminit - 0042-011
check_status "one of three cannot be defined again" 3 setup --redefine-all nima
cp "$OUT" told
check "the first is done" test "$(outcome lpar07)" = "done"
check "the second failed" test "$(outcome lpar08)" = failed
check "the third is done" test "$(outcome lpar12)" = "done"
check_json "with NIM's words" '[.[] | select(.key.step == "redefine-lpar08").values] | (.[0].message | test("lpar08.example.com: niminit: 0042-011 m_niminit")) and (.[0].output | test("the old /etc/niminfo is back"))' told
check_json "it is a failed item" '[.[] | select(.type == "error").item] == ["redefine-lpar08"] and .[-1].failed == 1' told
check "its old file is back" same lpar08
check_status "the others have new ones" 1 same lpar07
check "and the old one beside it" cmp lpar07.before "$(nim_file lpar07 /etc/niminfo.hanim-setup)"

# Status 0 and no file; then a message, status 0 and no file: the same.
nim_no_faults lpar08
nim_fault lpar08 niminit - 0042-256
check_status "a code of which the last eight bits are 0" 3 setup --redefine lpar08 nima
check "its old file is back, too" same lpar08
nim_no_faults lpar08
nim_fault lpar08 niminit - hang
check_status "one that hangs is ended" 3 setup --step-timeout 1 --redefine lpar08 nima
check_json "and told" '[.[] | select(.key.step == "redefine-lpar08").values.outcome] | . == ["failed"] or . == ["timed_out"]' "$OUT"
nim_no_faults lpar08

# What a client is refused for, before anything is done.
refused() { # NAME STATUS WORDS OPTION...
    _name=$1 _status=$2 _words=$3
    shift 3
    check_status "$_name" "$_status" setup "$@"
    check "it says so" grep -q "$_words" "$ERR"
}
cp lpar08.before "$(file lpar08)"
nim_attr nima lpar08 Cstate 'Base Operating System installation is being performed'
refused "a busy client" 6 'lpar08 is busy (Base Operating System installation' --redefine lpar08 nima
check_status "in spite of that it is asked again right before" 3 setup --despite busy --redefine lpar08 nima
check_json "and not touched" '[.[] | select(.key.step == "redefine-lpar08").values | .outcome == "failed" and (.message | test("^not done: "))] == [true]' "$OUT"
nim_attr nima lpar08 Cstate 'ready for a NIM operation'
nim_attr nima lpar08 current_master nimb.example.com
refused "a client that this machine has" 6 'lpar08 is controlled by nimb' --redefine lpar08 nima
nim_attr nima lpar08 current_master nima.example.com
nim_set lpar08 oslevel 5200-10-03-0744
refused "a client that is too old" 6 'lpar08 is older than AIX 5.3' --redefine lpar08 nima
nim_set lpar08 oslevel 7300-02-01-2320
sed 's/lpar08/lpar99/' lpar08.before >"$(file lpar08)"
refused "a name that leads to another machine" 6 'is that of lpar99' --redefine lpar08 nima
cp lpar08.before "$(file lpar08)"
nim_down lpar08
refused "a client that does not answer" 5 'lpar08 gives no answer' --redefine lpar08 nima
check_status "which nobody else waits for" 0 setup --check --redefine lpar12 nima
check_status "--check of all: not to be seen" 5 setup --check --redefine-all nima
nim_up lpar08
rm "$(file lpar08)"
check "a client without a file gets one" setup --redefine lpar08 nima
check_json "with a finding beforehand, and done" '.[-1].done == 1' "$OUT"
check "all know both" setup --check --return --redefine-all nima
done_testing
