# Random filter rules on random trees: what hasync brings and deletes is what rsync does, which is the judge.
# HATOOLS_FILTER_CASES: how many; HATOOLS_FILTER_SEED: the first.
. "${0%/*}/../lib.sh"
command -v rsync >/dev/null || { skip "filter rules" "there is no rsync"; done_testing; }
# Some thousand files are made and removed, and each run brings its own to disk.
if [ -w /dev/shm ]; then
    memory=$(mktemp -d /dev/shm/hatools.XXXXXX) && cd "$memory" || exit
    at_exit() { cd / && rm -rf "$memory"; }
fi
cases=${HATOOLS_FILTER_CASES:-150} seed=${HATOOLS_FILTER_SEED:-1}
check "random filter rules do what rsync makes of them" \
    python3 "$ROOT/tests/real/filters.py" --cases $((cases / 2)) --seed "$seed" work
check "and when each directory is deleted in at once" \
    python3 "$ROOT/tests/real/filters.py" --cases $((cases / 6)) --seed $((seed + cases)) --during work
check "and pushed" \
    python3 "$ROOT/tests/real/filters.py" --cases $((cases / 6)) --seed $((seed + 2 * cases)) --way push work
check "and pulled" \
    python3 "$ROOT/tests/real/filters.py" --cases $((cases / 6)) --seed $((seed + 3 * cases)) --way pull work
done_testing
