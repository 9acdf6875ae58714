# Every tool that reads a stream to change something believes the streams of ha-json/trusted, and none of ha-json/not-trusted.
. "${0%/*}/../lib.sh"
mkdir target

read_it() { hasync --from-json target/ <"$1"; }
for file in "$ROOT"/tests/contract/ha-json/trusted/*; do
    check "hasync reads a stream: $(basename "$file" .jsonl)" read_it "$file"
done
for file in "$ROOT"/tests/contract/ha-json/not-trusted/*; do
    check_status "hasync does not trust a stream: $(basename "$file" .jsonl)" 4 read_it "$file"
done
check "and made nothing" rmdir target
done_testing
