# How files are written, with the options that say how, is how rsync writes them: rsync is the judge.
. "${0%/*}/../lib.sh"
. "$ROOT/tests/fakes/here.sh"

same() { # the judge compares every byte; it may say nothing
    rsync -nci --modify-window=-1 --info=nonreg0 "$@" >difference || return
    head -n 10 difference
    [ ! -s difference ]
}

blocks() { stat -c %b "$1"; }

# --- holes ---------------------------------------------------------------
python3 - <<'END'
import os, random
random.seed(1)
os.mkdir("holes")
noise = random.randbytes
def make(name, *parts):
    with open("holes/" + name, "wb") as file:
        for hole, data in parts:
            file.seek(hole, 1)
            file.write(data)
        file.truncate()
make("none", (0, noise(700000)))
make("small", (0, b"x" + bytes(30000) + b"y"))
make("written", (0, noise(5000) + bytes(3 << 20) + noise(5000)))
make("real", (5 << 20, noise(300)), (1 << 20, noise(300000)), (100000, noise(9000)))
make("begins-with-one", (2 << 20, b"x"))
make("empty", (0, b""))
for name, size in ("ends-with-one", 9 << 20), ("only-one", 3 << 20), ("short-one", 4097):
    make(name, (0, b"" if name == "only-one" else noise(300)))
    os.truncate("holes/" + name, size)
END
rsync -aS holes/ judged
for way in local push pull; do
    check "$way -S" by_way "$way" holes/ "sparse-$way" -aS
    check "$way -S made what is there" same -a holes/ "sparse-$way/"
    for file in holes/*; do
        name=${file##*/}
        check "$way -S: $name takes no more room than rsync's" test "$(blocks "sparse-$way/$name")" -le "$(blocks "judged/$name")"
    done
    check "$way without -S" by_way "$way" holes/ "full-$way" -a
    check "$way without -S made what is there" same -a holes/ "full-$way/"
    check "$way without -S: zeros are written" test "$(blocks "full-$way/only-one")" -ge 6144
done
check "push -S of a changed file" eval 'printf changed | dd of=holes/real bs=1 seek=5242990 conv=notrunc && touch holes/real && by_way push holes/ sparse-push -aS'
check "push -S of a changed file made what is there" same -a holes/ sparse-push/
check "push -S of a changed file leaves its holes" test "$(blocks sparse-push/real)" -le "$(blocks judged/real)"

truncate -s 64G huge
printf end | dd of=huge bs=1 seek=68719476000 conv=notrunc 2>/dev/null
tail -c 1000 huge >huge.end
ends_alike() { tail -c 1000 "$1" | cmp huge.end -; }
for way in local push pull; do
    mkdir "huge-$way"
    check "$way -S of 64 GiB of nothing" by_way "$way" huge "huge-$way/" -aS
    check_json "$way -S of 64 GiB of nothing sends little, and at once" '.[-1] | .literal_bytes + .received_bytes + .sent_bytes < 300000 and .elapsed_seconds < 10' "$OUT"
    check "$way -S of 64 GiB keeps its length" test "$(stat -c %s "huge-$way/huge")" = "$(stat -c %s huge)"
    check "$way -S of 64 GiB keeps its end" ends_alike "huge-$way/huge"
done
# --- files written where they stand -------------------------------------
python3 - <<'END'
import os, random
random.seed(2)
for place in "old", "new":
    os.mkdir(place)
def make(name, old, new):
    for place, data in ("old", old), ("new", new):
        if data is not None:
            with open(place + "/" + name, "wb") as file:
                file.write(data)
noise = random.randbytes
large, other = noise(9 << 20), noise(300000)
make("absent", None, large[:400000])
make("small", b"old", b"newer")
make("shorter", large[:500000], large[:100000])
make("grown", large[:500000], large[:900000])
make("front", large, b"x" + large)
make("cut", large, large[12345:])
make("moved", large, large[5 << 20:] + large[:5 << 20])
make("edited", large, large[:1000] + noise(100) + large[1100:7000000] + noise(5000) + large[7005000:])
make("another", large[:2000000], other)
make("emptied", large[:2000000], b"")
make("zeroed", large[:3000000], large[:1000] + bytes(2500000) + large[2501000:3000000])
make("not-alike", other[:200000], large[:800000])
make("same-length", other, large[:300000])
make("longer-here", large[:90], b"xyz")
END
find old -exec touch -d '2001-01-01' {} +
ln old/edited old/twin
ln new/edited new/twin
ln -s small old/was-a-link
echo file >new/was-a-link
for way in local push pull; do
    cp -a old "place-$way"
    twin=$(stat -c %i "place-$way/edited")
    check "$way --inplace" by_way "$way" new/ "place-$way" -a --inplace
    check "$way --inplace made what is there" same -a new/ "place-$way/"
    check "$way --inplace keeps the file" test "$twin" = "$(stat -c %i "place-$way/edited")" -a "$(stat -c %h "place-$way/edited")" = 2
    cp -a old "holes-$way"
    check "$way --inplace -S" by_way "$way" new/ "holes-$way" -aS --inplace
    check "$way --inplace -S made what is there" same -a new/ "holes-$way/"
    check "$way --inplace -S makes holes" test "$(blocks "holes-$way/zeroed")" -lt 1400
done
check "push --inplace sends what is new only" eval 'cp -a old lean && by_way push new/edited lean/ -a --inplace'
check_json "push --inplace sent what is new only" '.[-1] | .literal_bytes < 100000 and .matched_bytes > 9000000' "$OUT"

rsync -a --append-verify old/ appended-judge/ && rsync -a --append-verify new/ appended-judge/ 2>/dev/null
chmod 600 old/same-length
for way in local push pull; do
    cp -a old "appended-$way"
    check "$way --append-verify" by_way "$way" new/ "appended-$way" -a --append-verify
    for name in absent small shorter grown front cut another emptied not-alike same-length longer-here; do
        check "$way --append-verify: $name" cmp "appended-judge/$name" "appended-$way/$name"
    done
    check "$way --append-verify leaves alone what is not shorter" test "$(stat -c '%a %Y' "appended-$way/same-length")" = "$(stat -c '%a %Y' old/same-length)"
done
for way in local push pull; do
    cp -a old "kept-$way"
    check "$way --append-verify -b" by_way "$way" new/ "kept-$way" -ab --append-verify
    for name in grown front not-alike; do
        check "$way --append-verify -b keeps $name as it was" cmp "old/$name" "kept-$way/$name~"
    done
done
check "push --append-verify of a file that has grown" eval 'cp -a old lean2 && by_way push new/grown lean2/ -a --append-verify'
check_json "push --append-verify sends what it has grown by" '.[-1] | .literal_bytes == 400000 and .matched_bytes == 500000 and .sent_bytes < 410000' "$OUT"
done_testing
