# What an administrator sees of haenv.
. "${0%/*}/../lib.sh"

adapters=$ROOT/tests/fixtures/adapters
plain() { test "$(haenv "$@")" = "$wanted"; }
variable() { grep -c '^RPC_UNSUPPORTED_NETADDRS=' environment | grep -qx 1 && grep -qxF "RPC_UNSUPPORTED_NETADDRS=$wanted" environment; }

printf '%s\n' '# of the site' 'TZ=UTC0' '' 'LANG=C' >environment
cp environment as-it-was
check 'a file is looked at' haenv environment
cp "$ERR" said
check_json 'its variables are told, and no problem' '.[0] | .schema == "haenv/1" and .ok and (.variables | length) == 2 and .problems == []' "$OUT"
check 'nothing is said on standard error' test ! -s said
rm said

# The node of the guide: boot 9.3.240.1, service 9.3.240.2, standby 9.3.240.66.
wanted=9.3.240.1:9.3.240.66
for format in ifconfig-a.aix netstat-in.aix ip-j-addr.linux; do
    check "the example of the guide, from $format" plain --exclude-all-but 9.3.240.2 --adapters "$adapters/$format" -o value
done
from_a_pipe() { test "$(haenv --exclude-all-but 9.3.240.2 --adapters - -o value <"$adapters/netstat-in.aix")" = "$wanted"; }
check 'and from a pipe' from_a_pipe
own() { haenv --exclude-all-but 9.3.240.2 --adapters "$adapters/netstat-in.aix" --write environment; }
peer() { haenv --before-takeover 9.3.240.3 --adapters "$adapters/netstat-in.aix" --write environment; }
check 'it is written' own
check 'exactly as the guide has it' variable
head -n 4 environment >above
check 'and the lines of others stay' cmp as-it-was above
cp environment initially
check 'again' own
check_json 'nothing is changed' '.[0].changed == false' "$OUT"
check 'not a byte' cmp initially environment
check 'before a takeover' peer
wanted=9.3.240.1:9.3.240.2:9.3.240.66
check 'the own service address is excluded, too' variable
check 'and back' own
check 'the file is what it was' cmp initially environment

echo 'Name  Mtu   Network     Address  Ipkts Ierrs Opkts Oerrs  Coll' >many
number=1
while [ $number -le 12 ]; do
    echo "en$number   1500  10.0.$number      10.0.$number.1    1     0     1     0     0" >>many
    number=$((number + 1))
done
check_status 'eleven addresses are refused' 6 haenv --exclude-all-but 10.0.1.1 --adapters many --write crowded
cp "$ERR" said
check 'with their number' grep -q '11 addresses are to be excluded, and it takes 10' said
check 'and no file is made' test ! -e crowded
check_status 'a service of another node is refused' 6 haenv --exclude-all-but 9.3.240.3 --adapters "$adapters/netstat-in.aix" --write environment
check_status 'an adapter that is down is not here' 6 haenv --exclude-all-but 9.3.241.7 --adapters "$adapters/netstat-in.aix" --write environment
check_status 'what is no listing is not trusted' 4 haenv --exclude-all-but 9.3.240.2 --adapters "$adapters/netstat-in.debian" --write environment
nothing() { haenv --exclude-all-but 9.3.240.2 --adapters - --write environment </dev/null; }
check_status 'nor is the output of a command that failed' 4 nothing
check 'none of them wrote' cmp initially environment

# The service address has taken the place of the boot address, which is not there now and comes back.
printf 'en0: flags=1<UP>\n\tinet 9.3.240.2\nen1: flags=1<UP>\n\tinet 9.3.240.66\n' >swapped
check 'a node with its boot address replaced' haenv --exclude-all-but 9.3.240.2 --adapters swapped --write environment
check 'keeps the value of the guide' cmp initially environment
printf 'en0: flags=1<UP>\n\tinet 9.3.240.2\n' >alone
echo 'LANG=C' >decided
check 'nothing is to be excluded' haenv --exclude-all-but 9.3.240.2 --adapters alone --write decided
check 'and that is written down' grep -qx RPC_UNSUPPORTED_NETADDRS= decided
check 'so that it can be exported' haenv --export --only RPC_UNSUPPORTED_NETADDRS decided
printf 'A=b\\\n\nB=1\n' >joined
cp joined as-it-is
check_status 'a file with joined lines is told' 1 haenv joined
check_json 'as such' '.[0].problems[0].reason == "goes_on"' "$OUT"
check_status 'and not edited' 6 haenv --set A=1 joined
check 'it stays as it is' cmp as-it-is joined
mkfifo fifo
check_status 'nobody waits for a FIFO' 6 timeout 20 haenv --exclude-all-but 9.3.240.2 --adapters fifo
if [ "$(id -u)" -eq 0 ] && command -v flock >"$OUT"; then
    while_it_is_held() { flock held sh -c 'haenv --set A=1 --lock-wait 0 held'; }
    echo 'A=0' >held
    check 'who locks the file keeps nobody from changing it' while_it_is_held
else
    skip 'who locks the file keeps nobody from changing it' 'not root, or no flock'
fi

mkdir elsewhere
mv environment elsewhere/real
ln -s elsewhere/real environment
chmod 0640 elsewhere/real
[ "$(id -u)" -ne 0 ] || chown 12:34 elsewhere/real
ls -ln elsewhere/real | cut -d ' ' -f 1-4 >before
check 'a link is followed' haenv --set LANG=de_DE environment
check 'and stays' test -h environment
check 'the value is in the file that it leads to' grep -qx LANG=de_DE elsewhere/real
ls -ln elsewhere/real | cut -d ' ' -f 1-4 >after
check 'with its mode and its owner' cmp before after
check 'and nothing is left beside it' test "$(ls -A elsewhere)" = real
rm environment

awkward="it's \"a\" \$HOME \`id\` \$(id) \\ * ~ ; & | <x> (y) {z} !! -n  end"
check 'an awkward value is set' haenv --set "AWKWARD=$awkward" --set EMPTY= --set "BLANKS=  two  " environment
through_eval() {
    (unset AWKWARD EMPTY BLANKS
    eval "$(haenv --export environment)" &&
        test "$AWKWARD" = "$awkward" && test "${EMPTY-unset}" = '' && test "$BLANKS" = '  two  ' &&
        test "$(sh -c 'printf %s "$AWKWARD"')" = "$awkward")
}
check 'and comes back through eval, exported' through_eval
only() { (unset EMPTY; AWKWARD=mine; eval "$(haenv --export --only EMPTY environment)" && test "${EMPTY-unset}${AWKWARD}" = mine); }
check 'only what is asked for' only
missed() { eval "$(haenv --export --only EMPTY,NONE environment)"; }
check_status 'eval has the status 1 where that is not set' 1 missed
# A shell takes these for expressions, and runs what stands in them.
echo "RANDOM=x[\$(touch ran)]" >special
echo "OPTIND=x[\$(touch ran)]" >>special
echo "A=1" >>special
special() { eval "$(haenv --export special)"; }
check_status 'variables of the shell are left out' 1 special
check 'and nothing in them is run' test ! -e ran
gone() { eval "$(haenv --export no-such-file)"; }
check_status 'and 6 where there is no file' 6 gone

printf 'A=1\nif true\nA=2' >environment
check_status 'with problems the answer is no' 1 haenv environment
check_json 'and they are told by line' '[.[0].problems[] | .reason] == ["duplicate", "no_assignment", "no_final_newline"]' "$OUT"
check 'setting it' haenv --set A=3 environment
check 'leaves one line of that name' test "$(cat environment)" = 'if true
A=3'
cp environment before
check 'a dry run' haenv --set A=4 --unset A2 --dry-run environment
check_json 'tells old and new' '.[0] | .changed and .dry_run and (.changes[0] | .old == "3" and .new == "4")' "$OUT"
check 'and writes nothing' cmp before environment

at_once() {
    for number in 1 2 3 4 5 6; do haenv --set "N$number=$number" environment >/dev/null & done
    wait
    test "$(grep -c '^N[1-6]=' environment)" -eq 6
}
check 'six at once lose nothing' at_once
check_status 'wrong usage says nothing on standard output' 2 haenv --set A environment
check 'nothing at all' test ! -s "$OUT"

done_testing
