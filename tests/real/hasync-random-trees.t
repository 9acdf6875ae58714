# What hasync makes of random trees with random options is what rsync makes of them: rsync is the judge.
# Here the seeds are the same each time: a change is to blame for what fails. HATOOLS_RANDOM_TREES cases from
# HATOOLS_RANDOM_TREES_SEED on are other ones, such as $(date +%Y%m%d)000 each day. One that fails says its seed, and is made smaller.
. "${0%/*}/../lib.sh"
rsync_since 3.5.0 "random trees" || { done_testing; exit; }
judge() { python3 -B "$ROOT/tests/real/random_trees" --failures 1 --tries 150 "$@"; }
check "trees that once were made otherwise" judge --cases 0 --seeds 463911 464663 465114 521217 270 460461 460712 460718 461165 1159 1349 3025 50037 90380 20261129151 \
    3280 70163 90045 90349 410234 410244 410555 410812 410843 411007 411385 411878 411984 420163 440304 441661 20261129145 \
    461879 462716 463248 463498 465169 465285 466331 466491 466803 467034 467468 467857 468004 468791 642526 700712 706151 706339
check "random trees" judge --cases "${HATOOLS_RANDOM_TREES:-120}" --seed "${HATOOLS_RANDOM_TREES_SEED:-7967}"
done_testing
