# What has changed in a resource NIM does not bring again: it is named, and brought where that is asked.
# shells: ksh93 mksh
. "${0%/*}/../lib.sh"
. "$ROOT/tests/fakes/nim.sh"
at_exit() { nim_cleanup; }
state=$SCENE_DIR/run
sync() { on nima hanim-sync --state-directory "$state" -e rsh-nim --replicate "$@"; }
silent() { [ ! -s "$ERR" ]; }
resource() { echo "[.[] | select(.type == \"resource\" and .key.resource == \"$1\").values] | length == 1 and (.[0] | $2)"; }
nim_world world
nim_synced
lpp=$(nim_file nima /nim/lpp/lpp_73) there=$(nim_file nimb /nim/lpp/lpp_73)
check "what is the same" sync --stale nimb
check_json "is not stale" '[.[] | select(.type == "resource").values.stale] == [false, false, false, false]' "$OUT"

echo 'bos.rte 7.3.2.1' >"$lpp/installp/ppc/bos.2"
echo more >>"$lpp/installp/ppc/bos"
echo gone >"$there/installp/ppc/gone"
echo 'another backup' >"$(nim_file nima /nim/mksysb/lpar07.mksysb)"
check "it is seen before" sync --check --stale nimb
check_json "11: as a warning with the figures" \
    'any(.[]; .key.check == "stale" and .key.item == "lpp_73" and .values.outcome == "warning" and (.values.found | contains("lpp_73 differs (+2 files, -1, ") and contains("replication will not refresh it")))' "$OUT"
check_status "and after a synchronisation, which is not enough" 3 sync --stale nimb
check_json "what is stale" "$(resource lpp_73 '.stale and .changed_files == 2 and .deleted_files == 1 and .refreshed == null and (.some_paths | index("installp/ppc/bos.2"))')" "$OUT"
check_json "and what is not" "$(resource spot_73 '.stale == false')" "$OUT"
check_json "each is an item that failed" '[.[] | select(.type == "error")] | map(.item) == ["lpar07_sysb", "lpp_73"] and all(.[]; .reason == "stale")' "$OUT"

plan() { sync --dry-run --refresh nimb; }
check "a plan with --refresh" plan
check_json "has a step for each" '[.[] | select(.type == "step").id] == ["sync", "refresh-1", "refresh-2"]' "$OUT"
check "--refresh" sync --refresh nimb
check_json "brings it" "$(resource lpp_73 '.refreshed')" "$OUT"
check_json "and counts it" '.[-1].stale == 2 and .[-1].refreshed == 2' "$OUT"
check "is silent" silent
check "the directory is the same now" diff -r "$lpp" "$there"
check "and the file" cmp "$(nim_file nima /nim/mksysb/lpar07.mksysb)" "$(nim_file nimb /nim/mksysb/lpar07.mksysb)"

echo more >>"$lpp/installp/ppc/bos"
piped() { plan | on nima harun; }
check "harun does it, too" piped
check "and the directory is the same" diff -r "$lpp" "$there"

echo more >>"$(nim_file nima /nim/spot/spot_73/usr/lpp/bos)"
check "a SPOT is brought, too" sync --refresh nimb
check_json "with a warning" 'any(.[]; .type == "warning" and .item == "spot_73" and (.message | contains("make a SPOT anew")))' "$OUT"

touch -d '2 days ago' "$there/installp/ppc/bos"
check_status "another time is another content" 3 sync --stale nimb
check "but not with --checksum" sync --stale --checksum nimb
check_json "which looks into the files" "$(resource lpp_73 '.stale == false and .attributes_only > 0')" "$OUT"

# A file system made for what is to come: NIM passes over a place that is there.
nim_fs nimb /nim/new 1000 900
mkdir -p "$(nim_file nima /nim/new)" && echo new >"$(nim_file nima /nim/new)/bos"
nim_size nima /nim/new 901
nim_object nima lpp_new class=resources type=lpp_source server=master location=/nim/new
check_status "a place that is there, empty, and too small" 6 sync nimb
check_json "is refused" '.[-1].error.message | contains("lpp_new needs 901 KiB, 900 KiB free on nimb:/nim/new")' "$OUT"
nim_fs nimb /nim/new 2000 1900
check_status "with room, it is still empty afterwards" 3 sync nimb
check_json "and that is told, with what helps" '[.[] | select(.type == "error")] | length == 1 and (.[0] | .item == "lpp_new" and .reason == "no_content" and (.message | contains("/nim/new is empty there") and contains("--refresh brings it")))' "$OUT"
check "it does" sync --refresh nimb
check "the directory is the same" cmp "$(nim_file nima /nim/new/bos)" "$(nim_file nimb /nim/new/bos)"
rm "$(nim_file nima /nim/new/bos)" "$(nim_file nimb /nim/new/bos)"
check "one that is empty here, too, is as it should be" sync nimb
nim_remove nima lpp_new

# Where it cannot be seen.
mkdir bin
printf '#!/bin/sh\necho "sh: hasync:  not found." >&2\nexit 127\n' >bin/no-hasync
# shellcheck disable=SC2016
printf '#!/bin/sh\ncase $* in *"hasync --serve"*) exec no-hasync ;; esac\nexec rsh-nim "$@"\n' >bin/carrier
chmod +x bin/*
# shellcheck disable=SC2031 # that of on() is its own
PATH=$SCENE_DIR/bin:$PATH
without() { on nima hanim-sync --state-directory "$state" -e carrier --replicate --stale "$@" nimb; }
check_status "no hasync on the alternate" 3 without
check_json "is told of each" '[.[] | select(.type == "resource").values | select(.stale == null and (.why | contains("has no hasync there")))] | length == 4' "$OUT"
check "before, it is a warning" without --check
check_json "with the cause" 'any(.[]; .key.check == "stale" and .values.outcome == "warning" and (.values.found | contains("was not compared")))' "$OUT"
done_testing
