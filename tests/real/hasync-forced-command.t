# A key whose line in authorized_keys is a forced command lets one thing happen beneath one directory, and nothing else.
. "${0%/*}/../lib.sh"
. "$ROOT/scripts/lab.sh"
at_exit() { lab_down; }
lab_up || exit

mkdir root root/in outside src
echo secret >outside/file
ln -s "$SCENE_DIR/outside" root/in/absolute
ln -s ../../outside root/in/relative
ln -s ../kept root/in/within
echo kept >root/kept
echo one >src/one
head -c 400000 /dev/urandom >src/large
cp -a outside outside.before
# A key of each kind, and one that must not be able to run anything.
for key in push pull plain; do
    ssh-keygen -q -t ed25519 -N '' -C "$key" -f "$LAB/$key" || exit
done
key() { echo "restrict,command=\"$2\" $(cat "$LAB/$1.pub")"; } # NAME COMMAND
# What the client wants to be run is there in SSH_ORIGINAL_COMMAND; the program never looks.
{
    key push "hasync --serve --root $SCENE_DIR/root --write-only"
    key pull "hasync --serve --root $SCENE_DIR/root --read-only"
    key plain "hasync --serve --root $SCENE_DIR/root"
} >>"$LAB/client.pub"
grep -c '^restrict' "$LAB/client.pub" | sed 's/^/# lines with a forced command: /'
with() { # KEY ARGUMENT...
    _key=$1
    shift
    hasync "$@" -e "ssh -F $LAB/ssh_config -i $LAB/$_key"
}
# The lab's own key comes first in its file, or it would be taken.
sed "s|IdentityFile .*|IdentityFile none|" "$LAB/ssh_config" >"$LAB/config" && mv "$LAB/config" "$LAB/ssh_config" || exit
refused() { # NAME WORDS COMMAND...
    _what=$1 _words=$2
    shift 2
    check_status "$_what" 6 "$@"
    check "$_what: it says why" grep -qF -e "$_words" "$ERR"
}
same() { diff -r "$@"; }
safe() { diff -r outside.before outside && [ "$(cat root/kept)" = kept ]; }
anywhere() { grep -rl secret "$@" | grep . ; }

for key in push plain; do
    check "$key: what may be pushed is" with $key -a --delete src/ "standby:pushed"
    check "$key: it is there" same src root/pushed
    check "$key: and by the whole path, which is the same place" with $key -a src/ "standby:$SCENE_DIR/root/whole/"
    refused "$key: nothing may be pulled" "nothing may be read here" with $key -a standby:in/ got/
    refused "$key: nor verified from there" "nothing may be read here" with $key verify -a standby:in/ src/
    for path in "$SCENE_DIR/outside" "$SCENE_DIR/root/../outside" ../outside in/../../outside "$SCENE_DIR/" "$SCENE_DIR/root-not"; do
        refused "$key: nothing goes to $path" "leads out of" with $key -a --delete src/ "standby:$path"
    done
    for path in in/absolute in/relative; do
        check_status "$key: nothing goes over $path" 6 with $key -a --delete src/ "standby:$path/"
    done
    for option in "--backup-dir=$SCENE_DIR/outside" --backup-dir=../outside "--partial-dir=$SCENE_DIR/outside"; do
        echo "changed for $option" >src/one
        _got=0
        with $key -ab --delete "$option" src/ standby:pushed >"$OUT" 2>"$ERR" || _got=$?
        check "$key: no $option" test "$_got" -ne 0
    done
    # An old file that is there for comparing would tell what is in it.
    for option in --link-dest --copy-dest --compare-dest; do
        with $key -a "$option=$SCENE_DIR/outside" src/ standby:pushed >"$OUT" 2>"$ERR"
    done
    check "$key: nothing outside was touched" safe
    rm -rf root/whole root/pushed
done

mkdir -p root/gone/old && ln -s "$SCENE_DIR/outside" root/gone/way && mkdir empty
check "a deletion stays beneath" with push -a --delete empty/ standby:gone
check "all of it went there" test -z "$(ls root/gone)"
check "and nothing outside" safe

check "pull: what may be read is" with pull -a standby:in/ got/
check "pull: links came as links" test -L got/relative
rm -rf got
for option in -L -k --copy-unsafe-links; do
    check_status "pull: $option brings what is beneath, and says what is not" 3 with pull -ai $option standby:in/ got/
    check_json "pull: $option: both links are named" \
        '[.[] | select(.type == "error" and .reason == "outside") | .item] | sort == ["absolute", "relative"]' "$OUT"
    check "pull: $option: nothing of outside came" test ! -e got/relative -a ! -L got/relative
    rm -rf got
done
check_status "pull: a link that stays beneath is followed" 3 with pull -aL standby:in/ got/
check "pull: and what it leads to came" test "$(cat got/within)" = kept
rm -rf got
check_status "pull: what came of a list" 3 sh -c 'printf "in/within\nin/absolute/file\nkept\n" >list; exec "$@"' sh \
    hasync -e "ssh -F $LAB/ssh_config -i $LAB/pull" -aL --files-from=list standby: got/
check "pull: a list brings what is beneath" test -f got/kept -a -f got/in/within
check "pull: and no more" test ! -e got/in/absolute
rm -rf got
check "pull: -R keeps the path beneath the root" with pull -aR standby:in/within got/
check "pull: it is there" test -L got/in/within
rm -rf got
for path in "$SCENE_DIR/outside/" "$SCENE_DIR/root/../outside/" ../outside/ in/../../outside/file / /etc/hostname \
    in/absolute/ in/relative/file; do
    refused "pull: nothing comes from $path" "leads out of" with pull -a "standby:$path" got/
done
check "pull: nothing came" test ! -e got/file
refused "pull: nothing may be pushed" "nothing may be changed here" with pull -a src/ standby:in
refused "pull: nor removed" "nothing may be removed here" with pull -a --remove-source-files standby:in/ got/
cp -a src root/src
check "pull: but it may be verified" with pull verify -a src/ standby:src
rm -rf root/src

# What the client asks for is not what is run, whatever the words.
for words in 'touch ran' 'hasync --serve' 'hasync --serve --root /; touch ran' '$(touch ran)'; do
    ssh -F "$LAB/ssh_config" -i "$LAB/pull" standby "$words" </dev/null >"$OUT" 2>"$ERR"
    check "the words '$words' run nothing else" grep -q '^hasync-protocol ' "$OUT"
done
check "nothing ran" test -z "$(find "$SCENE_DIR" "$HOME" -maxdepth 1 -name ran)"
for path in '/usr/bin/touch ran;' 'hasync --serve --root / --' "sh -c 'touch ran' --"; do
    with push -a --hasync-path="$path" src/ standby:pushed >"$OUT" 2>"$ERR"
    refused "with another --hasync-path nothing more is let in" "leads out of" \
        with push -a --hasync-path="$path" src/ "standby:$SCENE_DIR/outside"
done
check "and nothing of that ran either" test -z "$(find "$SCENE_DIR" "$HOME" -maxdepth 1 -name ran)"
check "nothing outside was touched" safe
check_status "nothing of it came anywhere" 1 anywhere src root/pushed got
done_testing
