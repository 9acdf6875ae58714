# Lines of every published version of every schema are kept in tests/contract, and none is forgotten.
. "${0%/*}/../lib.sh"
cd "$ROOT" || exit

schemas=$(grep -rhoE 'const [A-Z_]+: &str = "[a-z][a-z-]*/[0-9]+"' --include='*.rs' common/*/src tools/*/src | cut -d '"' -f 2 | sort -u)
for schema in $schemas; do
    # A state is read by nobody but the runs of one boot of one machine.
    case $schema in ha-plan-state/*) continue ;; esac
    check "$schema has published lines" ls "tests/contract/$(echo "$schema" | tr / -)"/*.json*
done
for file in tests/contract/*/*.json; do
    check_json "$file is one value, and begins with its schema" \
        "length == 1 and .[0].schema == \"$(basename "$(dirname "$file")" | sed 's,\(.*\)-,\1/,')\"" "$file"
done
for file in tests/contract/*/*.jsonl; do
    schema=$(basename "$(dirname "$file")" | sed 's,\(.*\)-,\1/,')
    # A file that a tool keeps is no stream: it only begins with its schema.
    case $schema in hasync-manifest/*)
        check_json "$file begins with $schema" ".[0].schema == \"$schema\"" "$file"
        continue
        ;;
    esac
    check_json "$file begins with $schema and says how it ended" \
        ".[0].schema == \"$schema\" and (.[-1].ok | type) == \"boolean\" and (length == 1 or (.[0].type == \"begin\" and .[-1].type == \"end\" and .[-1].records == length - 2))" "$file"
    check "$file has one value in a line" awk '!/^\{.*\}$/ { exit 1 }' "$file"
done
done_testing
