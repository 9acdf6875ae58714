# shells: ksh93 mksh
# The procedure of "Alternate NIM Master Configurations and Applications", sections 1 to 6, done with the tools: at each step the
# listings, the niminfo files and the messages are those of the document.
. "${0%/*}/../lib.sh"
. "$ROOT/tests/fakes/nim.sh"
at_exit() { nim_cleanup; }
fixtures=$ROOT/tests/fixtures/nim
# Server A is nima, server B nimb, the client lpar07. lpar08 and lpar12 are further clients, from before there was an alternate.
nim_world "$SCENE_DIR/world"
for name in lpar07 lpp_73 spot_73 lpar07_sysb lpar07_im; do nim_remove nima "$name"; done
rm "$(nim_file lpar07 /etc/niminfo)"
nim_listen
port=
[ "$(id -u)" -eq 0 ] || port='--despite port' # nobody else may listen on 514, the port of shell
tool() { host=$1 tool=$2; shift 2; on "$host" "$tool" -e rsh-nim --state-directory "$SCENE_DIR/state" "$@"; }
silent() { [ ! -s "$ERR" ]; }
# The listing as the document has it, a blank between the columns; its further clients are ours.
lists() { on "$1" lsnim | awk '$1 != "lpar08" && $1 != "lpar12" { print $1, $2, $3 }' | diff "$2" -; }
niminfo_is() { diff "$2" "$(nim_file "$1" /etc/niminfo)"; }
state_of() { on "$1" lsnim -l "$2" | haniminfo --lsnim | jq -r 'select(.type == "object") | .values.attributes | "\(.current_master) \(.sync_required)"'; }
is() { wanted=$1; shift; got=$("$@"); echo "$got"; [ "$got" = "$wanted" ]; } # WORDS COMMAND...
masters() { printf 'export %s\n' NIM_NAME=master NIM_CONFIGURATION=master NIM_MASTER_PORT=1058 NIM_REGISTRATION_PORT=1059 "$@"; }

# 1.) Define Server A as NIM Master
cat >base <<LSNIM
master machines master
boot resources boot
nim_script resources nim_script
master_net networks ent
LSNIM
masters NIM_MASTER_HOSTNAME=nima.example.com >a-alone
check "1: A is a master" niminfo_is nima a-alone
check "1: haniminfo knows it" haniminfo "$(nim_file nima /etc/niminfo)"
check_json "1: by its own file" '.[0] | .role == "master" and .master_hostname == "nima.example.com" and .problems == []' "$OUT"
check "1: it has what a new master has" lists nima base

# 2.) Initializing Server B as the Alternate
check "2: B becomes an alternate of A" tool nimb hanim-setup nima
check "2: silently" silent
check "2: by niminit" nim_called nimb niminit -a is_alternate=yes -a name=nimb -a pif_name=en0 -a master=nima -a connect=nimsh \
    -a platform=chrp -a netboot_kernel=64
{ cat base; echo nimb machines alternate_master; } >a-knows-b
check "2: A has the alternate master" lists nima a-knows-b
masters NIM_MASTER_HOSTNAME=nimb.example.com 'NIM_ALTERNATE_MASTER="nima.example.com"' >b
check "2: B's niminfo is the document's" niminfo_is nimb b
check "2: A's is as it was" niminfo_is nima a-alone
check "2: haniminfo calls B an alternate master" haniminfo "$(nim_file nimb /etc/niminfo)"
check_json "2: of A" '.[0] | .role == "alternate_master" and .alternate_masters == ["nima.example.com"]' "$OUT"
check "2: the clients are not synchronised any more" is 'nima.example.com yes' state_of nima lpar08

# 3.) Initiate Server A as alternate of Server B
check "3: A becomes an alternate of B" tool nimb hanim-setup --return nima
check "3: silently" silent
check "3: by niminit on A" nim_called nima niminit -a is_alternate=yes -a name=nima -a pif_name=en0 -a master=nimb -a connect=nimsh \
    -a platform=chrp -a netboot_kernel=64
masters NIM_MASTER_HOSTNAME=nima.example.com 'NIM_ALTERNATE_MASTER="nimb.example.com"' >a
check "3: A's niminfo is the document's, with both quotes plain" niminfo_is nima a
{ cat a-alone; printf 'export NIM_ALTERNATE_MASTER="nimb.example.com\342\200\235\n'; } >a-printed
check_status "3: as it is printed, haniminfo finds the curly one" 1 haniminfo a-printed
check_json "3: and its line" '.[0].problems | map(select(.severity == "error") | .line) == [6]' "$OUT"
{ cat base; echo nima machines alternate_master; } >b-new
check "3: B has nothing but A" lists nimb b-new

# 4.) Defining a Client to Server A
check "4: the client is defined to A" on lpar07 niminit -a name=lpar07 -a master=nima -a pif_name=en0
client() { # MASTER OTHER ADDRESS: the client's niminfo under that master; NIM_HOSTS stays as it was
    printf '%s\n' '#------------------ Network Install Manager ---------------' \
        '# warning - this file contains NIM configuration information' '#       and should only be updated by NIM'
    printf 'export %s\n' NIM_NAME=lpar07 NIM_HOSTNAME=lpar07.example.com NIM_CONFIGURATION=standalone "NIM_MASTER_HOSTNAME=$1" \
        NIM_MASTER_PORT=1058 NIM_REGISTRATION_PORT=1059 'NIM_SHELL="shell"' "NIM_MASTER_HOSTNAME_LIST=\"$1 $2\"" \
        NIM_BOS_IMAGE=/SPOT/usr/sys/inst.images/installp/ppc/bos NIM_BOS_FORMAT=rte \
        'NIM_HOSTS=" 127.0.0.1:loopback:localhost  192.0.2.57:lpar07.example.com  192.0.2.10:nima.example.com "' \
        'NIM_MOUNTS=""' 'ROUTES=" default:0:192.0.2.1 "'
}
client nima.example.com nimb.example.com >client-of-a
client nimb.example.com nima.example.com >client-of-b
check "4: its niminfo is the document's" niminfo_is lpar07 client-of-a
shows_client() { on nima lsnim -l lpar07 | diff "$fixtures/lsnim/client-shell" -; }
check "4: lsnim -l of it is the document's" shows_client
check "4: the clients from before are defined again" tool nimb hanim-setup --return --redefine-all nima
for name in lpar07 lpar08 lpar12; do
    check "4: $name has no sync_required" is 'nima.example.com no' state_of nima "$name"
    check "4: and knows both masters" is 'nima.example.com nimb.example.com' \
        sh -c "haniminfo '$(nim_file "$name" /etc/niminfo)' | jq -r '.master_hostname_list | join(\" \")'"
done
check "4: the one that knew both was left alone" is '-a name=lpar07 -a master=nima -a pif_name=en0' \
    sh -c "awk -F '\t' '\$1 == \"lpar07\" && sub(/^niminit /, \"\", \$2) { print \$2 }' '$NIM_WORLD/log'"

# 5.) Synchronizing the Alternate Master's NIM database
nim_object nima lpar07_sysb class=resources type=mksysb 'Rstate=ready for use' location=/nim/mksysb/lpar07.mksysb alloc_count=0 server=master
nim_object nima lpar07_spot class=resources type=spot 'Rstate=ready for use' location=/nim/spot/spot_73/usr version=7 release=3 mod=2 alloc_count=0 server=master
nim_object nima lpar07_im class=resources type=image_data 'Rstate=ready for use' location=/nim/im_data/lpar07.image.data alloc_count=0 server=master
{
    cat a-knows-b
    printf '%s\n' 'lpar07 machines standalone' 'lpar07_sysb resources mksysb' 'lpar07_spot resources spot' 'lpar07_im resources image_data'
} >a-full
content() { on "$1" ls /nim | paste -sd ' ' -; }
check "5: A has the document's resources" lists nima a-full
check "5: B has no resources" lists nimb b-new
df_of() { on "$1" df -g /nim | diff "$fixtures/system/df-g-$1" -; }
check "5: /nim of A" df_of nima
check "5: what is in it" is 'im_data lost+found lpp mksysb spot' content nima
check "5: /nim of B" df_of nimb
check "5: nothing is in it" is 'lost+found' content nimb
check "5: A controls the client" on nima nim -o lslpp lpar07
nim_forget_calls
check_status "5: the first synchronisation needs force" 6 tool nima hanim-sync --replicate nimb
check "5: that is said" grep -q -e '--force' "$ERR"
never() { ! nim_calls nima | grep -q '^nim '; }
check "5: before nim is asked" never
check "5: the database and the resources are brought" tool nima hanim-sync --force --replicate nimb
cp "$OUT" sync.jsonl
check "5: silently" silent
check "5: by this command" nim_called nima nim -Fo sync -a replicate=yes nimb
check_json "5: the document's words are told as they come" '[.[] | select(.type == "progress") | .. | strings | select(test("^(Level|Replicat[a-z]+ resource|nim_master)"))] ==
    ["Level check is successful.", "Replicating resource lpar07_sysb", "Replicated resource lpar07_sysb", "Replicating resource lpar07_spot",
    "Replicated resource lpar07_spot", "Replicating resource lpar07_im", "Replicated resource lpar07_im", "nim_master_recover Complete"]' sync.jsonl
check_json "5: each resource is seen at its place on B" '.[0].schema == "hanim-sync/1" and .[-1].ok and
    ([.[] | select(.type == "object" and .values.at_location) | .key.name] | sort) == ["lpar07_im", "lpar07_spot", "lpar07_sysb"]' sync.jsonl
{
    cat base
    printf '%s\n' 'lpar07 machines standalone' 'lpar07_sysb resources mksysb' 'lpar07_spot resources spot' 'lpar07_im resources image_data' \
        'nima machines alternate_master'
} >b-full
check "5: B has the document's objects, and A as before" lists nimb b-full
check "5: what is in /nim of B" is 'im_data lost+found mksysb spot' content nimb
same_content() { for part in im_data mksysb spot; do diff -r "$(nim_file nima "/nim/$part")" "$(nim_file nimb "/nim/$part")" || return; done; }
check "5: it is what A has" same_content
sed 's/nimb\.example/nima.example/' "$fixtures/messages/0042-378" >no-control
refused() { on nimb nim -o lslpp lpar07 2>&1 | diff no-control -; }
check "5: B controls no client yet, in the document's words" refused

# 6.) Taking Over Clients
check "6: before the takeover the client's niminfo names A" niminfo_is lpar07 client-of-a
# shellcheck disable=SC2086
check "6: B takes the clients over" tool nimb hanim-takeover $port nima
check_json "6: all three" '[.[] | select(.type == "client") | .key.client] | sort == ["lpar07", "lpar08", "lpar12"]' "$OUT"
check_json "6: each with its evidence" '[.[] | select(.type == "client") | .values] | length == 3 and all(.state == "taken" and .niminfo_master == "nimb.example.com")' "$OUT"
check "6: by this command" nim_called nimb nim -o takeover -a show_progress=yes -a async=no nima
check "6: the listing of B stays the document's" lists nimb b-full
check "6: the client's niminfo names B, and then A" niminfo_is lpar07 client-of-b
check "6: B controls it" on nimb nim -o lslpp lpar07
lost() { on nima nim -o lslpp lpar07 2>&1 | diff "$fixtures/messages/0042-378" -; }
check "6: A does not, in the document's words" lost
# shellcheck disable=SC2086
check "6: A takes them back" tool nima hanim-takeover $port nimb
check "6: by this command" nim_called nima nim -o takeover -a show_progress=yes -a async=no nimb
check "6: the client's niminfo is as before" niminfo_is lpar07 client-of-a
check "6: A controls it" on nima nim -o lslpp lpar07

# Conclusion: do both masters still say the same?
report() {
    on nima lsnim -l | haniminfo --lsnim >a.jsonl && on nimb lsnim -l | haniminfo --lsnim >b.jsonl && hadiff a.jsonl b.jsonl
}
told() { # NAME JSON
    check_json "$1" 'map(select(.type == "difference") | .values.change + " " + .key.key.name + " " + (.values.fields | map(.field) | join(" "))) | sort == '"($2 | sort)" "$OUT"
}
own='"changed master values.interfaces", "only_left nimb ", "only_right nima "'
check_status "the masters differ in what is their own" 1 report
told "and in nothing else" "[$own]"
nim_attr nima lpar12 Cstate 'Base Operating System installation is being performed'
nim_remove nimb lpar08
nim_object nima lpp_74 class=resources type=lpp_source location=/nim/lpp/lpp_74 server=master
check_status "work on one master only" 1 report
told "is what the report names" "[\"changed lpar12 values.attributes.Cstate\", $own, \"only_left lpar08 \", \"only_left lpp_74 \"]"
done_testing
