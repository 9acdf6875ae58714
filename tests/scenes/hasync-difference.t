# How much of a large file that changed crosses a connection: only what is new, wherever the rest of it stood.
. "${0%/*}/../lib.sh"

. "$ROOT/tests/fakes/here.sh"

# Makes the file from pieces of others: NAME:START:LENGTH, in units of 4 KiB and one byte where it ends with b.
build() { # FILE PIECE...
    _to=$1
    shift
    : >"$_to"
    for _piece in "$@"; do
        _from=${_piece%%:*} _rest=${_piece#*:}
        _start=${_rest%%:*} _length=${_rest#*:}
        tail -c +"$((_start + 1))" "$_from" | head -c "$_length" >>"$_to"
    done
}
head -c 12000000 /dev/urandom >noise
head -c 9000000 /dev/urandom >other

# Brings the new file over the old one; at most so many bytes of it may be new.
difference() { # MOST
    mkdir -p from to
    mv new from/file && touch -d @1700000000 from/file
    cp old to/file && touch -d @1600000000 to/file
    hasync -a -e "$HERE" from/ host:"$PWD/to/" >out || return
    cmp from/file to/file || return
    # shellcheck disable=SC2016 # jq's own variable
    jq -se --argjson most "$1" '.[-1] | .ok and .literal_bytes <= $most' out >/dev/null ||
        { jq -c 'select(.type == "end")' out; return 1; }
}

cp noise old

build new noise:0:5000000 other:0:10 noise:5000010:6999990
check "ten bytes in place: one block" difference 4096

build new other:0:1 noise:0:12000000
check "a byte at the front" difference 270000

build new noise:1:11999999
check "a byte less at the front" difference 270000

build new other:0:300000 noise:0:12000000
check "300 KB at the front" difference 700000

build new other:0:5000000 noise:0:12000000
check "5 MB at the front, further than a segment is looked for around its place" difference 8000000

build new noise:6000000:6000000
check "the first half gone" difference 2500000

build new noise:6000000:6000000 noise:0:6000000
check "the two halves exchanged" difference 4000000

build new noise:0:12000000 other:0:100000
check "100 KB more at the end" difference 110000

build new noise:0:7000000
check "cut" difference 5000

build new other:0:9000000
check "nothing of the old file" difference 9000000

: >new
check "nothing at all" difference 0
done_testing
