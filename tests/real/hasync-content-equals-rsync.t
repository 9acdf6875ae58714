# How files are written, with the options that say how, is how rsync writes them: rsync is the judge.
. "${0%/*}/../lib.sh"
mkdir carrier
cat >carrier/here <<'END'
#!/bin/sh
while [ "$1" = -l ]; do shift 2; done
shift
exec "$@"
END
chmod +x carrier/here
here=$SCENE_DIR/carrier/here

copy() { # WAY SRC DEST OPTION...
    way=$1 src=$2 dest=$3
    shift 3
    case $way in
        local) hasync "$@" "$src" "$dest" ;;
        push) hasync "$@" -e "$here" "$src" "host:$SCENE_DIR/$dest" ;;
        pull) hasync "$@" -e "$here" "host:$SCENE_DIR/$src" "$dest" ;;
    esac
}

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
    check "$way -S" copy "$way" holes/ "sparse-$way" -aS
    check "$way -S made what is there" same -a holes/ "sparse-$way/"
    for file in holes/*; do
        name=${file##*/}
        check "$way -S: $name takes no more room than rsync's" test "$(blocks "sparse-$way/$name")" -le "$(blocks "judged/$name")"
    done
    check "$way without -S" copy "$way" holes/ "full-$way" -a
    check "$way without -S made what is there" same -a holes/ "full-$way/"
    check "$way without -S: zeros are written" test "$(blocks "full-$way/only-one")" -ge 6144
done
check "push -S of a changed file" eval 'printf changed | dd of=holes/real bs=1 seek=5242990 conv=notrunc && touch holes/real && copy push holes/ sparse-push -aS'
check "push -S of a changed file made what is there" same -a holes/ sparse-push/
check "push -S of a changed file leaves its holes" test "$(blocks sparse-push/real)" -le "$(blocks judged/real)"

truncate -s 64G huge
printf end | dd of=huge bs=1 seek=68719476000 conv=notrunc 2>/dev/null
tail -c 1000 huge >huge.end
ends_alike() { tail -c 1000 "$1" | cmp huge.end -; }
for way in local push pull; do
    mkdir "huge-$way"
    check "$way -S of 64 GiB of nothing" copy "$way" huge "huge-$way/" -aS
    check_json "$way -S of 64 GiB of nothing sends little, and at once" '.[-1] | .literal_bytes + .received_bytes + .sent_bytes < 300000 and .elapsed_seconds < 10' "$OUT"
    check "$way -S of 64 GiB keeps its length" test "$(stat -c %s "huge-$way/huge")" = "$(stat -c %s huge)"
    check "$way -S of 64 GiB keeps its end" ends_alike "huge-$way/huge"
done
done_testing
