# Lines of every published version of every schema are kept in tests/contract, and none is forgotten.
. "${0%/*}/../lib.sh"
cd "$ROOT" || exit

# Every schema name that the sources or the manual pages say is one that somebody may read.
schemas=$(grep -rhoE '"[a-z][a-z-]*/[0-9]+"' --include='*.rs' common/*/src tools/*/src | tr -d '"' | sort -u)
# In the unit tests of common/json, and not emitted by any tool.
for schema in $schemas; do
    case $schema in thing/* | x/*) continue ;; esac
    grep -rq "\"$schema\"" --include='*.rs' tools/*/src || continue
    check "$schema has published lines" ls "tests/contract/$(echo "$schema" | tr / -)"/*.jsonl
done
for file in tests/contract/*/*.jsonl; do
    schema=$(basename "$(dirname "$file")" | sed 's,\(.*\)-,\1/,')
    check_json "$file begins with $schema and says how it ended" \
        ".[0].schema == \"$schema\" and (.[-1].ok | type) == \"boolean\" and (length == 1 or (.[0].type == \"begin\" and .[-1].type == \"end\" and .[-1].records == length - 2))" "$file"
    check "$file has one value in a line" awk '!/^\{.*\}$/ { exit 1 }' "$file"
done
done_testing
