# What hasync --set makes of random sets, changes on either side, kills and rollbacks is what a model of hasync-set(5) says.
# Here the seeds are the same each time: a change is to blame for what fails. HATOOLS_RANDOM_SETS cases from
# HATOOLS_RANDOM_SETS_SEED on are other ones, such as $(date +%Y%m%d)000 each day. One that fails says its seed and its steps.
. "${0%/*}/../lib.sh"
model() { python3 -B "$ROOT/tests/real/random_sets" "$@"; }
once_wrong() { for seed in 2 4 5072 5150 5178 60200; do model --seed "$seed" || return; done; }
check "sets that once were brought otherwise" once_wrong
check "random sets" model --cases "${HATOOLS_RANDOM_SETS:-8}" --seed "${HATOOLS_RANDOM_SETS_SEED:-7967}"
done_testing
