# What lsnim printed becomes records that jq and hadiff read, and nothing that is not certain is taken for one.
. "${0%/*}/../lib.sh"
. "$ROOT/tests/fakes/nim.sh"
at_exit() { nim_cleanup; }
samples=$ROOT/tests/fixtures/nim/lsnim
nim_world "$SCENE_DIR/world"
said() { grep -q "$1" "$ERR"; }

of_nima() { on nima lsnim -l | haniminfo --lsnim; }
check "a whole database goes through a pipe" of_nima
check_json "as objects in the order of their names" \
    '.[0].schema == "hanim/1" and (.[1:-1] | map(.type) | unique) == ["object"] and
    (.[1:-1] | map(.key.name)) == (["boot", "lpar07", "lpar07_im", "lpar07_sysb", "lpar08", "lpar12", "lpp_73", "master", "master_net", "nim_script", "spot_73"])' "$OUT"
check_json "what has parts is parted, and stands nowhere else" \
    'map(select(.key.name == "lpar07"))[0].values | .interfaces == [{index: 1, network: "master_net", hostname: "lpar07.example.com", mac: "8EB2200AA002", adapter: "ent0"}] and
    (.attributes | has("if1") or has("class") | not) and .class == "machines" and .attributes.netboot_kernel == "64"' "$OUT"
check_json "and nothing is wrong with it" '.[-1] | .ok and .listing == "long" and .problems == 0 and .objects == 11' "$OUT"
check "standard error is silent" test ! -s "$ERR"
short() { on nima lsnim | haniminfo --lsnim; }
check "a plain listing is known, too" short
check_json "what it does not show is null" \
    '.[-1].listing == "short" and (map(select(.key.name == "spot_73"))[0].values | [.class, .type, .attributes, .interfaces] == ["resources", "spot", null, null])' "$OUT"
one() { on nima lsnim -Z -a if1 lpar07 | haniminfo --lsnim; }
check "an interface that -Z parts is put together" one
check_json "with its parts" '.[1].values.interfaces[0] | [.hostname, .adapter] == ["lpar07.example.com", "ent0"]' "$OUT"

nim_attr nima lpar08 err_info 'mount: giving up\n0042-175 c_installp: failed\nmount: not in hosts database'
check "values of several lines go through" of_nima
check_json "whole, and what follows them is no other object's" \
    '(.[1:-1] | length) == 11 and (map(select(.key.name == "lpar08"))[0].values.attributes | .err_info == "mount: giving up\n0042-175 c_installp: failed\nmount: not in hosts database" and .cpuid == "00068AAA1200")' "$OUT"

check_status "fields of -Z that are not certain are failed items" 3 haniminfo --lsnim "$samples/Z-missing-field"
check_json "and the others are there" 'map(select(.type == "object") | .key.name) == ["vio2"]' "$OUT"
check "with the way out" said 'line 2: vio1 has 2 fields for 3 attributes.* use lsnim -l$'
check_status "a listing that was cut is not whole" 3 haniminfo --lsnim "$samples/cut"
check_status "a message among the objects, too" 3 haniminfo --lsnim "$samples/message-among"
check "values that are not as they should be are told" haniminfo --lsnim "$samples/wrong-values"
check_json "where they stand" 'map(select(.type == "problem") | .line) == [4, 7, 11] and .[-1].problems == 3' "$OUT"

unknown() { on nima lsnim -l lpar99 2>&1 | haniminfo --lsnim; }
check_status "a message in place of a listing is not to be trusted" 4 unknown
check "it is explained" said '0042-053: there is no NIM object named "lpar99"; .*: see lsnim for the names$'
failed() { on nima lsnim -l lpar99 2>/dev/null | haniminfo --lsnim; }
check_status "nothing from an lsnim that failed is not to be trusted" 4 failed
check "and the option for it is told" said 'is empty: lsnim failed, or there is no such object; .* --empty-ok$'
none() { on nima lsnim -l -t alternate_master | haniminfo --lsnim --empty-ok; }
check "with it, no objects are an answer" none
check_json "of no objects" 'length == 2 and .[1].ok and .[1].objects == 0' "$OUT"
check_status "a niminfo is no listing" 4 haniminfo --lsnim "$(nim_file nima /etc/niminfo)"
check_status "a file that is not there has failed" 6 haniminfo --lsnim nowhere
check_status "an option that is for listings, without one" 2 haniminfo --empty-ok
check_status "a listing is not written" 2 haniminfo --lsnim --write /tmp/never --yes-nim-owns-this-file

haniminfo --lsnim "$samples/two-masters-nima" >nima.jsonl
haniminfo --lsnim "$samples/two-masters-nimb" >nimb.jsonl
check "a master is as itself" hadiff nima.jsonl nima.jsonl
check_status "two masters differ" 1 hadiff nima.jsonl nimb.jsonl
check_json "in these objects" \
    'map(select(.type == "difference") | .values.change + " " + .key.key.name) | sort ==
    ["changed lpar07", "changed lpar08", "changed lpp_73", "changed master", "only_left lpar12", "only_left nimb", "only_right nima"]' "$OUT"
check_json "field by field" 'map(select(.type == "difference" and .key.key.name == "lpar08"))[0].values.fields | map(.field) | sort == ["values.attributes.current_master", "values.interfaces"]' "$OUT"
cut() { sed 5q nimb.jsonl | hadiff nima.jsonl -; }
check_status "a stream that was cut is no report" 4 cut
haniminfo --lsnim "$samples/cut" >cut.jsonl 2>/dev/null
check_status "nor is one of a listing that was cut" 4 hadiff nima.jsonl cut.jsonl
done_testing
