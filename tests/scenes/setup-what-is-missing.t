# scripts/setup installs what is missing, and does without what only the labs need.
. "${0%/*}/../lib.sh"
SHELL_UNDER_TEST=$(readlink "/proc/$$/exe")
# Only what is in this PATH is there: nothing of this machine is touched.
mkdir bin && for program in /usr/sbin/* /usr/bin/*; do ln -sf "$program" bin/; done
printf '#!/bin/sh\n' >empty && chmod +x empty
sed "s,/usr/sbin/\\\$1,/nowhere/,; s,/usr/sbin/policy-rc.d,$SCENE_DIR/policy,; s,/usr/libexec/samba/samba-dcerpcd,$SCENE_DIR/empty,
    s,/usr/lib[^ ]*/postgres ,$SCENE_DIR/empty ,; s,/usr/lib[^ ]*/psqlodbcw.so,$SCENE_DIR/empty,g" "$ROOT/scripts/setup" >setup-here
check_status "it looks nowhere else" 1 grep -n '/usr/' setup-here
rm -f bin/apt-get bin/dnf bin/sudo bin/id
for program in cargo ksh93 hostname modprobe xmllint pacemakerd crm_mon corosync ocf-tester krb5kdc kadmin.local kinit rpcclient \
    psql mariadb-install-db isql arping ping chronyd dnsmasq dig cf-key; do
    rm -f bin/$program && ln -s "$SCENE_DIR/empty" bin/$program
done
# What the compiler finds.
: >sql.h
CPATH=$SCENE_DIR
export CPATH
cat >apt-get <<'END'
#!/bin/sh
echo "$*" >>"$SCENE_DIR/calls"
for package; do :; done
[ "$1" != update ] || package=update
case $package in
    update) [ ! -e "$SCENE_DIR/no-network" ] ;;
    jq) ln -s "$SCENE_DIR/empty" "$SCENE_DIR/bin/jq" ;;
    *) echo "E: Unable to locate package $package" >&2; exit 100 ;;
esac
END
printf '#!/bin/sh\necho ${ID:-0}\n' >bin/id
chmod +x apt-get bin/id && cp apt-get bin/
setup() { PATH=$SCENE_DIR/bin "$SHELL_UNDER_TEST" ./setup-here "$@"; }
says() { grep -q "$1" "$ERR"; }
installed() { grep install calls | sed 's/.* //' | paste -s -d ' ' - | grep -x "$1"; }

check "where all is there, there is nothing to do" setup
check_status "and nobody is called" 1 test -e calls
rm bin/pacemakerd bin/rpcclient
check "without what the labs need, the check is well" setup --check-only
check "and says what is skipped" says "skipped without pacemakerd rpcclient"
check "so is the setup where the package manager has none of it" setup
check "and it says so" says "not all could be installed: the scenes of the labs are skipped without pacemakerd rpcclient"
check "each was tried" installed "pacemaker smbclient"
touch no-network
check "without a network, too" setup
rm no-network
ID=1000; export ID
check "and where it is neither root nor sudo" setup
check "which it says" says "run it as root, or have sudo: the scenes of the labs are skipped"
unset ID

rm bin/jq
check_status "without what is required, the check fails" 1 setup --check-only
check "and says what" says "missing: jq$"
ID=1000; export ID
check_status "so does the setup where it is neither root nor sudo" 1 setup
unset ID
touch no-network
check_status "or has no network" 1 setup
rm no-network
rm bin/apt-get
check_status "or knows no package manager" 1 setup
cp apt-get bin/
check "else it is installed, whatever the labs lack" setup
check "it is there" test -x bin/jq
check "and no policy is left" test ! -e policy
for program in hostname unshare setsid ip; do
    rm bin/$program
    check_status "$program is required" 1 setup --check-only
    check "it is told" says "missing: $program$"
    ln -s "$SCENE_DIR/empty" bin/$program
done
done_testing
