# A machine becomes an alternate of a NIM master, the master its alternate, and the clients know both; a second run does nothing.
# shells: ksh93 mksh
. "${0%/*}/../lib.sh"
. "$ROOT/tests/fakes/nim.sh"
at_exit() { nim_cleanup; }
STATE=$SCENE_DIR/state
setup() { on nimb hanim-setup -e rsh-nim --state-directory "$STATE" "$@"; }
is() { on nimb hanim-setup -e rsh-nim --is "$1" "${2:-nima}"; }
niminfo() { cat "$(nim_file "$1" /etc/niminfo)"; }
has() { niminfo "$1" | grep -qxF "$2"; } # HOST LINE
silent() { test ! -s "$ERR"; }

# Sections 1 and 2 of the seed.
nim_world "$SCENE_DIR/world"
check_status "before: not an alternate" 1 is alternate
check_json "each thing that is missing is told" '.[0] | .ok and .holds == false and ([.evidence[].holds] | all(not)) and (.evidence | length == 3)' "$OUT"
check_status "--check: nothing stands in the way, and it is not done yet" 1 setup --check nima.example.com
check_json "every check wrote a finding" '[.[] | select(.type == "finding").key.check] | unique | length == 13' "$OUT"
check_json "nothing is refused or unknown" '.[-1] | .ok and .status == 1 and .refused == 0 and .unknown == 0' "$OUT"
check_json "keys are unique" '[.[] | select(.type == "finding").key] | length == (unique | length)' "$OUT"
check "and nothing was done" test ! -e "$(nim_file nimb /etc/niminfo)"
check "not even a state was made" test ! -e "$STATE"
check "nimb becomes an alternate of nima" setup nima.example.com
check_json "as a run of one step" '.[0].schema == "harun/1" and .[-1].done == 1 and .[-1].ok' "$OUT"
check "silently" silent
check "niminit was told what the seed tells it" nim_called nimb niminit -a is_alternate=yes -a name=nimb -a pif_name=en0 \
    -a master=nima.example.com -a connect=nimsh -a platform=chrp -a netboot_kernel=64
check "nimb names nima" has nimb 'export NIM_ALTERNATE_MASTER="nima.example.com"'
check "it is so on both" is alternate
check "by a full name, too" is alternate nima.example.com
check_status "nima is not an alternate of nimb" 1 is return
check_status "no client knows both" 1 is client=lpar07
check "nothing runs on it" is idle=lpar07
check "--check: what was asked for is so" setup --check nima
check_json "the way back and the clients are warnings" '[.[] | select(.values.outcome == "warning").key.check] | unique == ["clients", "port", "return"]' "$OUT"

# Sections 3 and 4.
nim_forget_calls
check "nima becomes an alternate of nimb, and the clients are defined again" setup --return --redefine-all nima
check_json "what was so is told" '[.[] | select(.type == "event") | [.key.step, .values.outcome]] == [["initialise", "already"], ["return-direction", "done"], ["redefine-lpar07", "done"], ["redefine-lpar08", "done"], ["redefine-lpar12", "done"]]' "$OUT"
check "names swapped" nim_called nima niminit -a is_alternate=yes -a name=nima -a pif_name=en0 -a master=nimb -a connect=nimsh \
    -a platform=chrp -a netboot_kernel=64
check "nima names nimb" has nima 'export NIM_ALTERNATE_MASTER="nimb.example.com"'
check "a client keeps its protocol" nim_called lpar07 niminit -a name=lpar07 -a master=nima.example.com -a master_port=1058 -a connect=shell
for client in lpar07 lpar08 lpar12; do
    check "$client lists both" has $client 'export NIM_MASTER_HOSTNAME_LIST="nima.example.com nimb.example.com"'
    check "and it is so on nima" is client=$client
done
check "the way back is there" is return

# Again: from cron, with a bare environment.
nim_forget_calls
program=$(command -v hanim-setup)
bare() { env -i NIM_WORLD="$NIM_WORLD" NIM_REAL_PATH="$NIM_REAL_PATH" NIM_HOST=nimb PATH="$NIM_FAKES/bin" "$program" -e rsh-nim --state-directory "$STATE" "$@" </dev/null; }
check "a second run, from cron" bare --return --redefine-all nima
check_json "has nothing to do" '.[-1] | .ok and .done == 0 and .already == 2' "$OUT"
called_niminit() { cut -f 2 "$NIM_WORLD/log" | grep '^niminit'; }
check_status "no niminit was called" 1 called_niminit
check "--check: all is set up" setup --check --return --redefine-all nima
check "nothing is left to repair" test ! -e "$STATE/hanim/state.json"

# What else niminit can be told, and a carrier without a status.
nim_world "$SCENE_DIR/other"
nim_set nimb interfaces 'en0 en3'
NIM_CARRIER=c_rsh && export NIM_CARRIER
check "with everything said" setup --name standby --interface en3 --return --return-name primary --return-interface en1 \
    --platform chrp --netboot-kernel mp --master-port 1058 --registration-port 1059 --cable-type N/A nima.example.com
check "niminit was told all of it" nim_called nimb niminit -a is_alternate=yes -a name=standby -a pif_name=en3 \
    -a master=nima.example.com -a connect=nimsh -a platform=chrp -a netboot_kernel=mp -a master_port=1058 \
    -a registration_port=1059 -a cable_type=N/A
check "--verbose tells what is done" setup --verbose --redefine lpar08 nima
told() { grep -q "redefine-lpar08: do: done" "$ERR"; }
check "on standard error" told
check_status "a client that is not there" 6 is client=lpar99
told() { grep -qx "hanim-setup: lpar99: is no object of nima" "$ERR"; }
check "is no answer" told
nim_down nima
check_status "nima does not answer: nobody knows" 5 is alternate
check_json "and that is said" '.[0] | .ok == false and .holds == null and .error.kind == "busy"' "$OUT"
check_status "no question" 2 is whatever
done_testing
