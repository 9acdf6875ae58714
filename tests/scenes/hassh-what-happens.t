# hassh ends with the status that its manual page says, and tells what is wrong before it does anything, in every shell.
# shells: dash ksh93
. "${0%/*}/../lib.sh"
unset SSH_AUTH_SOCK

usage() { # NAME WORD ARGUMENTS...
    name=$1 word=$2
    shift 2
    check_status "usage: $name" 2 hassh "$@"
    check "$name is told in one line" sh -c "grep -q -e '$word' '$ERR' && test \"\$(wc -l <'$ERR')\" -eq 1 && test ! -s '$OUT'"
}
usage "no peer" PEER
usage "a peer that is an option" 'no \[user@\]host' -- -oProxyCommand=x
usage "a peer with a blank" 'no \[user@\]host' 'a b'
usage "a name for the way back that a shell could misread" back --back 'a;b' mn2
usage "a fingerprint that is none" SHA256 --setup --fingerprint MD5:00 mn2
usage "a fingerprint without --setup" setup --fingerprint SHA256:uzkJmeLwwbkDeRAfxnt9Wc8wTKWFd8jSU9HOa4ktOWo mn2
usage "--dry-run without --setup" setup --dry-run mn2
usage "--serve with a peer" serve --serve mn2
usage "no such configuration" 'no file' -F none mn2
usage "a program with blanks" hassh-path --hassh-path 'a b' mn2
usage "no such file of host keys" 'no public key' --setup --host-key none mn2
usage "no such file of a password" none --setup --password-file none mn2
echo 'Port soup' >bad
usage "a configuration that ssh refuses" 'ssh -G' -F bad mn2
echo secret >password && chmod 644 password
usage "a password that others may read" chmod --setup --password-file password mn2
: >empty && chmod 600 empty
usage "no password" 'no password' --setup --password-file empty mn2

printf '%s\n' 'Host *' 'UserKnownHostsFile /dev/null' 'GlobalKnownHostsFile /dev/null' "IdentityFile $SCENE_DIR/none" >config
check_status "a name that is not known is a direction that fails" 1 hassh -F config --timeout 5 no-such-host.invalid
check_json "and the way back is not checked" '[.[] | select(.type == "direction").values | .state + " " + .tcp] == ["failed unresolved", "not_checked not_checked"] and .[-1].status == 1' "$OUT"
check "which is no news for cron" test ! -s "$ERR"
check_status "nor can it be set up" 1 hassh -F config --setup --timeout 5 no-such-host.invalid
check_json "and nothing is changed" '.[-1].changes == 0' "$OUT"
check "no key was made" test ! -e none
echo 'ProxyJump gate' >>config
check_status "a way by another host is not checked" 3 hassh -F config mn2
check_json "and that is an error record" '[.[] | select(.type == "error").reason] == ["not_checked"]' "$OUT"

ask() { printf '%s\n' "$@" | hassh --serve; }
check "hassh answers hassh" ask '{"request":"hello"}'
check_json "with who it is" '.[0].ok and .[0].answer.protocol == 1 and .[0].answer.uid == '"$(id -u)" "$OUT"
check_status "what is no request is not trusted" 4 ask '{"request":"run","command":"id"}'
check "nor answered" test ! -s "$OUT"
check "what cannot be done is an answer" ask '{"request":"look","key":"no key"}'
check_json "which says so" '.[0].ok == false and .[0].error.kind == "input"' "$OUT"
check "a key with a second line is no key" ask '{"request":"authorize","key":"ssh-ed25519 AAAA\nx","comment":"c","dry_run":false,"lock_wait_seconds":0}'
check_json "and is refused" '.[0].ok == false' "$OUT"
long() { head -c 200000 /dev/zero | tr '\0' x | hassh --serve; }
check_status "an endless request is not trusted" 4 long
cut_short() { printf '{"request":' | hassh --serve; }
check_status "nor one that is cut" 4 cut_short
check "no request is no error" hassh --serve </dev/null
done_testing
