# The stand-ins for cf-key and cfkey: digests and words as the real ones', and a carrier that reaches hosts as ssh does.
. "${0%/*}/../lib.sh"
. "$ROOT/tests/fakes/member.sh"
real=$(PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin; command -v cf-key)
CFENGINE_TEST_OVERRIDE_WORKDIR=$SCENE_DIR/work
export CFENGINE_TEST_OVERRIDE_WORKDIR
mkdir -m 700 work work/ppkeys work/inputs work/state work/lastseen
same() { # ARGUMENT...: both say the same, with the same status
    "$real" "$@" >real.said 2>real.errors </dev/null
    echo $? >>real.said
    bin/cf-key "$@" >our.said 2>our.errors </dev/null
    echo $? >>our.said
    diff real.said our.said && diff real.errors our.errors
}
for file in "$ROOT"/tests/fixtures/cfengine/*.pub; do
    name=${file##*/}
    digest() { [ "$(bin/cf-key -p "$file")" = "${name%.pub}" ]; }
    check "a digest as cf-key printed it: $name" digest
done
member_host m1 c1 || exit
if [ -n "$real" ]; then
    check "the digest of a key of ours" same -p keys/m1.pub
    check "no such file" same -p nowhere.pub
    echo none >none.pub
    check "no key" same -p none.pub
    check "a pair that is there" same -f m1/cf/ppkeys/localhost
    "$real" -f work/ppkeys/real && bin/cf-key -f work/ppkeys/ours || exit
    modes() { [ "$(stat -c %a work/ppkeys/real.priv work/ppkeys/real.pub)" = "$(stat -c %a work/ppkeys/ours.priv work/ppkeys/ours.pub)" ]; }
    check "the modes of a new pair" modes
    check "the kinds of its files" sh -c "for end in priv pub; do head -n 1 work/ppkeys/real.\$end >a; head -n 1 work/ppkeys/ours.\$end | diff a -; done"
else
    skip "the words of cf-key" "cf-key is not installed"
fi
check "cfkey makes a pair" bin/cfkey -f work/ppkeys/two
check "whose exponent is 35" sh -c "openssl rsa -RSAPublicKey_in -in work/ppkeys/two.pub -noout -text | grep -q 'Exponent: 35 '"
check "and whose private key is encrypted" grep -q '^Proc-Type: 4,ENCRYPTED' work/ppkeys/two.priv
echo SHA >bin/digest
sha() { bin/cf-key -p keys/m1.pub | grep -qxE 'SHA=[0-9a-f]{64}'; }
check "a build with other digests" sha
rm bin/digest

there() { echo 'cd /proc/self/fd/9 && pwd -P && command -v cf-key' | "$SCENE_DIR/carrier" -l root c1 /bin/sh; }
check "orders go to a host" there
printf '%s\n' "$SCENE_DIR/c1" "$SCENE_DIR/bin/cf-key" >wanted
check "and run there" diff wanted "$OUT"
member_bend c1 down
check_status "a host that is down" 255 there
member_bend c1 noise
check "one whose login script talks" there
check "says its own first" sh -c "head -n 1 '$OUT' | grep -qx 'Welcome to c1'"
member_bend c1 full
full() { echo 'echo x >/proc/self/fd/9/cf/x && echo written; rm -f /proc/self/fd/9/cf/x' | "$SCENE_DIR/carrier" c1 /bin/sh; }
check "one whose disk is full" full
check_status "writes nothing" 1 grep -q written "$OUT"
done_testing
