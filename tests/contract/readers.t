# Every tool that reads a stream to change something believes the streams of ha-json/trusted, and none of ha-json/not-trusted.
. "${0%/*}/../lib.sh"
mkdir a target && echo content >a/file || exit

# /a/file of the streams is the one here.
read_it() { sed "s,/a/file,$SCENE_DIR/a/file," "$1" >stream && hasync --from-json target/ <stream; }
for file in "$ROOT"/tests/contract/ha-json/not-trusted/*; do
    harun_it() { harun <"$file"; }
    check_status "harun does not trust a stream: $(basename "$file" .jsonl)" 4 harun_it
    check_status "hasync does not trust a stream: $(basename "$file" .jsonl)" 4 read_it "$file"
done
check "and made nothing" rmdir target
for file in "$ROOT"/tests/contract/ha-json/trusted/*; do
    mkdir target
    check "hasync reads a stream: $(basename "$file" .jsonl)" read_it "$file"
    check "and does what it says: $(basename "$file" .jsonl)" cmp a/file "target/$SCENE_DIR/a/file"
    rm -rf target
done
done_testing
