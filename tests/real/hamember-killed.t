# However hamember ends, each key that a host has is a whole one under its right name, and the next run ends as an undisturbed one.
# HATOOLS_KILLS: how many times each of its runs is killed.
. "${0%/*}/../lib.sh"
. "$ROOT/scripts/cfengine.sh"
at_exit() { cfengine_down; }
reason=$(cfengine_possible loopback) || {
    skip "hamember that is killed" "$reason"
    done_testing
}
cfengine_new loopback 2 2 1 && cfengine_up || exit
# A pair that is made is the same one each time, so that what two runs leave can be compared.
for name in first second; do
    CFENGINE_TEST_OVERRIDE_WORKDIR=$SCENE_DIR/maker cf-key -f "$SCENE_DIR/$name" >made 2>&1 || { cat made; exit; }
done
for host in m2 m3; do
    rm "$(work $host)/bin" && mkdir -m 700 "$(work $host)/bin" && ln -s /usr/bin/cf-* "$(work $host)/bin/" && rm "$(work $host)/bin/cf-key" || exit
    [ $host = m3 ] && made=first || made=second
    cat >"$(work $host)/bin/cf-key" <<END
#!/bin/sh
[ "\$1" = -f ] || exec /usr/bin/cf-key "\$@"
for half in priv pub; do cp "$SCENE_DIR/$made.\$half" "\$2.\$half"; sleep 0.05; done
END
    chmod 755 "$(work $host)/bin/cf-key" || exit
done
member_json "members=[$(member_entry m1), $(member_entry m2), $(member_entry m3)]" >member.json || exit
run() { on m1 hamember --here m1 --config "$SCENE_DIR/member.json" -e "$CFLAB/carrier" "$@"; }

# What all have, and what hamember knows.
keep() { # NAME
    mkdir "$1" && for host in m1 m2 m3 c1 c2; do
        mkdir -p "$1/$host/cf" || return
        for what in ppkeys inputs; do [ ! -e "$(work $host)/$what" ] || cp -a "$(work $host)/$what" "$1/$host/cf/" || return; done
    done && cp -a "$CFLAB/state" "$1/"
}
bring_back() { # NAME
    rm -rf "$CFLAB"/*/cf/ppkeys "$CFLAB"/*/cf/inputs "$CFLAB/state" && cp -a "$1/." "$CFLAB/"
}
tree() { # names, modes, contents; but for what cfengine writes
    (cd "$CFLAB" && for path in */cf/ppkeys */cf/inputs state; do
        find "$path" ! -name 'cf_promises_*' -printf '%p %M\n' && find "$path" -type f ! -name 'cf_promises_*' -exec sha256sum {} +
    done | sort)
}
# Each key that there is, with its digest as cf-key tells it.
know() { # FILE...
    for file; do echo "$(sha256sum <"$file" | cut -d ' ' -f 1) $(_read_digest "$file")"; done >>known
}
know "$CFLAB"/*/cf/ppkeys/localhost.pub first.pub second.pub
whole() { # NAME: a key has the name of its digest, or the one that it had before, when it was kept under NAME
    (cd "$1" && sha256sum */cf/ppkeys/*.pub) >was
    (cd "$CFLAB" && sha256sum */cf/ppkeys/*.pub) >is || return
    awk -v user="$CF_USER" '
        FILENAME == "known" { digest[$1] = $2; next }
        FILENAME == "was" { before[$2] = $1; next }
        { name = $2; sub(/.*\//, "", name) }
        !($1 in digest) { print $2 " is no whole key"; wrong = 1; next }
        name != "localhost.pub" && name != user "-" digest[$1] ".pub" && before[$2] != $1 { print $2 " has " digest[$1]; wrong = 1 }
        END { exit wrong }' known was is
}
python=$(command -v /usr/bin/python3 || command -v python3)
now() { date +%s.%N; }
killed() { # alone|all SECONDS ARGUMENTS...: whether it was killed, or had ended before
    how=$1 seconds=$2
    shift 2
    on m1 "$python" "$ROOT/tests/real/hamember/killer.py" "$how" "$seconds" hamember --here m1 --config "$SCENE_DIR/member.json" -e "$CFLAB/carrier" "$@" >session
}
# Those that go on by themselves have ended.
quiet() { ! ps -o stat= -s "$(cat session)" | grep -q '^[^Z]'; }
again() { # ARGUMENTS...: as one does who finds it killed
    # Told again, a new key is another one.
    if [ "$1" = --new-key ] && [ "$(digest "$2")" != "$(cat old)" ]; then set -- --pending; fi
    run "$@"
}

kills=${HATOOLS_KILLS:-8} all=0 seed=0
check_killed() { # NAME KEPT ARGUMENTS...: from what was kept, undisturbed, and then killed and run again
    what=$1 from=$2
    shift 2
    bring_back "$from" || return
    begun=$(now)
    check "$what, undisturbed" run "$@"
    lasts=$(echo "$begun $(now)" | awk '{ print $2 - $1 }')
    tree >"$from.wanted"
    cp "$CFLAB/state/hamember.json" "$from.state"
    i=0 tries=0
    while [ $i -lt "$kills" ] && [ $tries -lt $((kills * 4)) ]; do
        tries=$((tries + 1)) seed=$((seed + 1)) how=alone
        [ $((seed % 2)) -eq 0 ] || how=all
        # Spread over the run, with chance within each part: the same for the same number.
        after=$(awk -v all="$lasts" -v i="$i" -v n="$kills" -v seed="$seed" 'BEGIN { srand(seed); printf "%.3f", all * (i + rand()) / n }')
        bring_back "$from" || return
        if ! killed "$how" "$after" "$@"; then
            # It was done before: earlier then.
            lasts=$(echo "$lasts" | awk '{ print $1 * 0.9 }')
            continue
        fi
        i=$((i + 1)) all=$((all + 1))
        whole "$from" >odd 2>&1 || { cat odd; check "$what, killed after $after s ($how): each key is whole" false; }
        again "$@" >last 2>&1 || { cat last; check "$what, killed after $after s ($how): the next run ends well" false; }
        wait_for 20 quiet
        tree >is && diff "$from.wanted" is >difference || { cat difference; diff "$from.state" "$CFLAB/state/hamember.json"; check "$what, killed after $after s ($how): the next run ends as an undisturbed one" false; }
    done
    check "$what, killed $kills times: keys are whole, and the next run does the rest" test "$i" -eq "$kills"
}

keep new
check_killed "m3 is added, and gets a pair" new MEMBER_ADDED: m3
check "m3 trusts all, and all trust it" eval 'trusts m3 m1 m2 c1 c2 && trusts m1 m3 && trusts m2 m3 && trusts c1 m1 m2 m3 && trusts c2 m1 m2 m3'
check "m3 is accepted" accepted m3 c1 c2
keep added
# One wrong key, one wrong name, and none.
on m1 cp "$(work m1)/ppkeys/localhost.pub" "$(work c1)/ppkeys/$CF_USER-$(digest m3).pub" &&
    mv "$(work c2)/ppkeys/$CF_USER-$(digest m3).pub" "$(work c2)/ppkeys/$CF_USER-$(address m3).pub" &&
    rm "$(work m2)/ppkeys/$CF_USER-$(digest m3).pub" || exit
keep bent
check_killed "wrong keys of m3 are mended" bent MEMBER_ADDED: m3
check "m3 is accepted" accepted m3 c1 c2
tree >is
check "as when it was added" diff new.wanted is
check_killed "m3 is deleted" added MEMBER_DELETED: m3
check "nobody trusts it" eval 'for host in m1 m2 c1 c2; do trusts_not $host m3 || return; done'
check "m3 is refused, and m1 and m2 accepted" eval 'refused m3 c1 c2 && accepted m1 c1 c2 && accepted m2 c1 c2'
digest m2 >old
check_killed "m2 gets a new key" added --new-key m2
check "m2 is accepted with it" accepted m2 c1 c2
check "and nobody trusts the old one" eval 'for host in m1 m2 m3 c1 c2; do trusts_not $host "$(cat old)" || return; done'
check "it was killed $all times" test "$all" -ge $((kills * 4))
done_testing
