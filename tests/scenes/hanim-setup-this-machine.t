# What this machine is to NIM already decides: a client or a master of its own is refused, and never unconfigured.
# shells: ksh93 mksh
. "${0%/*}/../lib.sh"
. "$ROOT/tests/fakes/nim.sh"
at_exit() { nim_cleanup; }
setup() { on nimb hanim-setup -e rsh-nim --state-directory "$SCENE_DIR/state" "$@"; }
untouched() { [ ! -e "$SCENE_DIR/state" ] && ! cut -f 2 "$NIM_WORLD/log" | grep -q '^niminit'; }
found() { # CHECK OUTCOME: what the refused run told
    check_json "the finding is in the stream" \
        ".[0].schema == \"hanim-setup/1\" and (.[-1] | .ok == false and .error.message != null) and ([.[] | select(.type == \"finding\" and .key.check == \"$1\").values.outcome] | index(\"$2\") != null)" "$OUT"
}
refused() { # NAME STATUS CHECK OUTCOME WORDS OPTION...
    _label=$1 _status=$2 _check=$3 _outcome=$4 _words=$5
    shift 5
    check_status "$_label" "$_status" setup "$@"
    found "$_check" "$_outcome"
    check "it says why: $_words" grep -q "$_words" "$ERR"
}

nim_world "$SCENE_DIR/world"
on nimb niminit -a name=nimb -a master=nima -a pif_name=en0 >/dev/null
nim_forget_calls
refused "a client of somebody" 6 this-machine refused 'nimb is a client of nima.example.com' nima
refused "and its name is taken for that" 6 name refused '1 more: see the findings' nima
rm "$(nim_file nimb /etc/niminfo)"
nim_remove nima nimb
on nimb nimconfig -a netname=net -a pif_name=en0 >/dev/null
nim_forget_calls
check_status "a master without anything of its own: may be" 1 setup --check nima
nim_object nimb lpar44 class=machines type=standalone
nim_object nimb lpp_73 class=resources type=lpp_source location=/nim/lpp
refused "a master of its own" 6 this-machine refused 'with 1 client and 1 resource: .*nim -o unconfig master' nima
check "none was touched" untouched
check_status "--check: no" 1 setup --check nima
check_status "in spite of it: what is asked for is done" 0 setup --despite this-machine nima
nim_remove nima nimb
refused "half of a pair" 6 this-machine refused 'nimb names nima as its alternate, and nima does not know nimb' nima
nim_world "$SCENE_DIR/pair"
nim_pair
nim_attr nimb nima connect shell
check_status "two protocols: not as it should be" 1 setup --check nima
check_json "it says which" '[.[] | select(.key == {check: "protocol", item: "connect"}).values.found] == ["nima uses nimsh for nimb, nimb uses shell for nima"]' "$OUT"
check_status "but there is nothing to do" 0 setup nima

done_testing
