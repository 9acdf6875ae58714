# What hasync makes of random trees with random options is what rsync makes of them: rsync is the judge.
# HATOOLS_RANDOM_TREES: how many. They are others each day; one that fails says its seed, and is made smaller.
. "${0%/*}/../lib.sh"
judge() { python3 -B "$ROOT/tests/real/random_trees" "$@"; }
check "random trees of today" judge --cases "${HATOOLS_RANDOM_TREES:-200}" --seed "$(date +%Y%m%d)000" --failures 1 --tries 150
done_testing
