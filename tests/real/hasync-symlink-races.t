# While root's hasync works, somebody who may write there swaps names for symbolic links: nothing outside is changed, or read.
# HATOOLS_RACE_SECONDS: how long each of the two directions is attacked.
# alone: a race is won where both have a core
. "${0%/*}/../lib.sh"
. "$ROOT/tests/fakes/here.sh"
racer() { python3 "$ROOT/tests/real/racer.py" "$@"; }
attackers=
at_exit() { stop; }
seconds=${HATOOLS_RACE_SECONDS:-8}

attack() { # DIR
    rm -f attacker-*
    for _n in all directories; do
        # Not by way of a function: what is stopped is the program, not a shell around it.
        python3 "$ROOT/tests/real/racer.py" attack "$SCENE_DIR/$1" "$SCENE_DIR/victim" "$_n" >"attacker-$_n" 2>&1 &
        attackers="$attackers $!"
        until [ -s "attacker-$_n" ]; do sleep 0.05; done
        grep -q '^attacking$' "attacker-$_n" || return
    done
}
stop() {
    # shellcheck disable=SC2086 # a list
    [ -z "$attackers" ] || { kill $attackers; wait $attackers; } 2>/dev/null
    attackers=
}
many() { # COUNT: so many swaps came about
    tail -n 1 attacker-all attacker-directories | awk -v least="$1" '/^[0-9]+$/ { sum += $1 } END { print sum; exit sum < least }'
}
untouched() { racer look victim >now && cmp before now || { diff before now | head -n 20; return 1; }; }
ended() { # STATUS: in order, with items that failed, or refusing a link where backups go
    case "$1 $(head -n 1 round.err)" in 0\ * | 3\ * | '6 hasync: .old'*) ;; *) return 1 ;; esac
}

if [ "$(id -u)" -ne 0 ]; then
    skip "somebody swaps names for links while root works" "this is not root"
    done_testing
fi
for seed in 0 1; do
    mkdir "tree$seed" && racer tree "tree$seed" "$seed" || exit
done
racer victim victim || exit

cp -a tree0 copy
attack copy
case $? in
    0) ;;
    *)
        skip "somebody swaps names for links while root works" "$(tail -n 1 attacker-all)"
        done_testing
        ;;
esac
racer look victim >before
racer naive copy 2
stop
caught() { racer look victim >now && ! cmp -s before now; }
check "a program that works by paths is caught by this attacker" caught
rm -rf victim copy copy.attic*
racer victim victim || exit
racer look victim >before

cp -a tree0 copy
attack copy || exit
started=$(date +%s) rounds=0 bad=
while [ $(($(date +%s) - started)) -lt "$seconds" ]; do
    rounds=$((rounds + 1))
    for how in 'local --delete' 'push --delete-during -b' 'local -b --backup-dir=.old --delete' 'push --inplace --delete' \
        'push --partial-dir=p/q --delete-delay' 'push --delay-updates --delete' 'local --delete-before' 'push -T .old --delete' 'local --link-dest=.old -S' 'push -c --force --delete --chmod=g+w' \
        'local -b --backup-dir=.old/d1 --suffix=.b --inplace' "push --copy-dest=$SCENE_DIR/tree0 --delete -I"; do
        # shellcheck disable=SC2086 # a list of options
        set -- ${how#* }
        by_way "${how%% *}" "tree$((rounds % 2))/" copy/ -aHAX "$@" >round.out 2>round.err
        status=$?
        ended $status || bad="$bad $how: $status $(head -n 1 round.err);"
        rounds=$((rounds + 1))
    done
done
stop
echo "# $rounds runs, $(many 0) swaps"
check "there was an attack all the while" many 1000
check "and nothing of the victim changed, not even for a moment" untouched
check "each run came to its end, some names failed" test -z "$bad"
[ -z "$bad" ] || echo "# $bad" | cut -c 1-1000
check "when it is over, a run makes all right" hasync -aHAX --delete tree1/ copy/
check "and the copy is the source" hasync verify -aHAX tree1/ copy/
rm -rf copy copy.attic*

# The other side: root reads where somebody else writes.
mkdir copy
cp -a tree0 from
# A key for what is beneath: with it even links that are asked for lead nowhere else.
printf '#!/bin/sh\nexec hasync --serve --root "%s" --read-only\n' "$SCENE_DIR/from" >rooted && chmod +x rooted || exit
read_from() { # WAY OPTION...
    _from=$1
    shift
    case $_from in
        rooted) hasync "$@" -e ./rooted host:./ copy/ ;;
        *) by_way "$_from" from/ copy/ "$@" ;;
    esac
}
attack from || exit
started=$(date +%s) rounds=0 bad='' told=''
while [ $(($(date +%s) - started)) -lt "$seconds" ]; do
    for how in 'local' 'push -c' 'rooted -L' 'pull -z' 'local -F' 'rooted -k' 'pull -W -S' 'pull --remove-source-files'; do
        # shellcheck disable=SC2086 # a list of options
        set -- ${how#"${how%% *}"}
        read_from "${how%% *}" -aHAXi "$@" >round.out 2>round.err
        status=$?
        ended $status || bad="$bad $how: $status $(head -n 1 round.err);"
        # What is in the victim's directories alone can have come from there only.
        if grep -rqs 'the secret of the victim' copy round.out round.err || racer look copy | grep -Eq "user.secret|/(mine|empty) "; then
            told="$told $how"
        fi
        rounds=$((rounds + 1))
        case $how in
            *remove*)
                hasync -aHAX "tree$((rounds % 2))/" from/ >/dev/null 2>&1
                rm -rf copy && mkdir copy
                ;;
        esac
    done
done
stop
echo "# $rounds runs, $(many 0) swaps"
check "there was an attack all the while on the source" many 1000
check "nothing of the victim came into the copy, or was told" test -z "$told"
[ -z "$told" ] || echo "# $told" | cut -c 1-1000
check "nor was anything of the victim removed or changed" untouched
check "each run of these came to its end" test -z "$bad"
[ -z "$bad" ] || echo "# $bad" | cut -c 1-1000
done_testing
