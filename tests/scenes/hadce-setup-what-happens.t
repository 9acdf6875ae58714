# What an administrator sees of hadce-setup: chapter 3 of the guide on a standby that is a directory, and on a machine.
. "${0%/*}/../lib.sh"

mkdir -p node/etc node/var
printf '# none\nssh\t22/tcp\n' >node/etc/services
jq -n --arg state "$SCENE_DIR/state" '{schema: "hadce-config/1", configuration: "standby-cascading",
    dce_servers: ["security", "cds", "dts"], clients: ["dce", "dfs"], dfs: true, service_addresses: ["9.3.240.2"],
    running_dce: ["false"], running_dfs: ["false"], state_directory: $state}' >dce.json
standby() { hadce-setup --config dce.json --node standby --root node --cell abc.com "$@"; }
outcome_of() { echo "map(select(.key == {step: \"$1\", item: $2}).values)[0].outcome"; } # STEP ITEM, as JSON

check_status 'a bare node is not set up' 1 standby
cp "$ERR" said
check_json 'every step of the guide is told, and what to do about it' \
    '.[0].schema == "hadce-setup/1" and ([.[].values.number | numbers] | unique == [range(1; 12)])
        and ([.[] | select(.values.outcome == "failed").values.fix | length > 0] | all)' "$OUT"
check 'nothing is said on standard error' test ! -s said
check 'and nothing was made' test "$(find node | sort | tr '\n' ' ')" = 'node node/etc node/etc/services node/var '

to_harun() { standby --apply --dry-run | jq -s 'map(select(.do.path // "" | endswith("/krb5") | not)) | .[-1].records = length - 2 | .[]' | harun; }
check 'a part of it is done by way of a plan' to_harun
check 'that part' test -d node/var/dce
check 'and no other' test ! -e node/krb5

check 'it is done' standby --apply
check_json 'what was left is told as done' '.[0].schema == "harun/1" and .[-1].done == 1' "$OUT"
cp node/etc/services once
check 'again' standby --apply
check_json 'there is nothing to do' '.[-1].ok and .[-1].records == 0' "$OUT"
check 'the line of kerberos5 is there once, with tabs' test "$(grep -c "^kerberos5	88/udp		kdc\$" node/etc/services)" -eq 1
check 'and stays' cmp once node/etc/services
links() { readlink node/: && readlink node/.:; }
check 'the links' links
cp "$OUT" said
check 'lead where the DFS guide says, and not both where this one says' test "$(cat said)" = '/.../abc.com/fs
/.../abc.com'

mkdir -p node/usr/bin
for program in start.dce stop.dce start.dfs stop.dfs; do
    echo '#!/bin/sh' >"node/usr/bin/$program" && chmod +x "node/usr/bin/$program"
done
echo 'RPC_UNSUPPORTED_NETADDRS=9.3.240.1:9.3.240.66' >node/etc/environment
check 'when the rest is done by hand the node is set up' standby
check_json 'but for what only a person sees' '.[-1].outcomes | .failed == 0 and .person > 0' "$OUT"

# The guide's own lines append on every run: the pattern matches a letter, and some shells write \t as it stands.
cp node/etc/services as-the-guide-has-it
for _ in 1 2; do
    # shellcheck disable=SC2028 # as it is printed
    grep "kerberos5[b|t.]" as-the-guide-has-it >/dev/null || echo "kerberos5\t88/udp\t\tkdc" >>as-the-guide-has-it
done
check 'the lines of the guide append each time' test "$(grep -c kerberos5 as-the-guide-has-it)" -eq 3
grep -v kerberos5 as-the-guide-has-it >node/etc/services
echo 'kerberos	88/udp	kerberos5 krb5 kerberos-sec	# Kerberos v5' >>node/etc/services
check 'an alias will do' standby
echo 'kerberos5	750/udp' >node/etc/services
check_status 'another port will not' 1 standby
check_json 'and is left to a person' \
    'map(select(.key.step == "services-kerberos5").values)[0] | .found == "line 1 gives it port 750" and (.apply | not)' "$OUT"
cp node/etc/services before
rm node/: && ln -s /.../abc.com/dfs node/:
check 'what is there is not replaced' standby --apply
check 'not the line' cmp before node/etc/services
check 'and not the link' test "$(readlink node/:)" = /.../abc.com/dfs
check_status 'which is told' 1 standby
check_json 'as it is' 'map(select(.key.item == "/:").values)[0] | .outcome == "failed" and .found == "leads to /.../abc.com/dfs"' "$OUT"

echo 'ours	88/udp
kerberos5	88/udp' >node/etc/services
check_status 'nor will another service at that port above it' 1 standby
check_json 'which is told' 'map(select(.key.step == "services-kerberos5").values)[0] | .found == "line 1 gives the port to ours"' "$OUT"
: >node/etc/environment
check_status 'without the variable nobody has decided what DCE shall not use' 1 standby
check_json 'which is told' 'map(select(.key.step == "excluded-addresses").values)[0] | .found == "RPC_UNSUPPORTED_NETADDRS is not set"' "$OUT"
echo 'RPC_UNSUPPORTED_NETADDRS=' >node/etc/environment
check_status 'an empty value is a decision' 1 standby
check_json 'that a person looks at' "$(outcome_of excluded-addresses '"/etc/environment"') == \"person\"" "$OUT"
echo 'RPC_UNSUPPORTED_NETADDRS=9.3.240.1:9.3.240.66' >node/etc/environment
mkdir 'an image' && mkdir 'an image/etc' && echo a file >'an image/krb5' && mkdir 'an image/var'
image() { hadce-setup --config dce.json --node standby --root 'an image' --cell abc.com; }
check_status 'an image' 1 image
check_json 'fixes are for the image and not for this machine' \
    'map(select(.key.item == "/var/dce" and .values.apply).values.fix)[0] | test("^mkdir -p .*/an image/var/dce.$")' "$OUT"
jq '.shared_mounts = ["/krb5/a"]' dce.json >beneath.json
beneath() { hadce-setup --config beneath.json --node standby --root 'an image' --cell abc.com; }
check_status 'a mount point beneath a file' 1 beneath
check_json 'is left to a person' 'map(select(.key.item == "/krb5/a" and .key.step == "mount-point").values.apply) == [false]' "$OUT"

check_status 'another cell than the configured one is wrong usage' 2 sh -c \
    'mkdir -p node/opt/dcelocal && echo "cellname /.../other.com" >node/opt/dcelocal/dce_cf.db &&
        exec hadce-setup --config dce.json --node standby --root node --cell abc.com'
check_status 'so is no node' 2 hadce-setup --config dce.json
rm node/etc/services && ln -s services node/etc/services && rm -r node/opt
check_status 'what cannot be looked at is told, and the rest' 3 standby
check_status 'but then nothing is done' 6 standby --apply

jq '.configuration = "mutual-cascading" | .dce_servers = [] | .clients = ["dce"] | .dfs = false | .shared_mounts = []' dce.json >mutual.json
echo 'RPC_UNSUPPORTED_NETADDRS=9.3.240.1:9.3.240.2:9.3.240.66' >node/etc/environment
rm node/etc/services && : >node/etc/services
mutual() { hadce-setup --config mutual.json --node standby --root node "$@"; }
check_status 'in mutual takeover' 1 mutual
check_json 'a value as before a takeover is left to a person' "$(outcome_of excluded-addresses '"/etc/environment"') == \"person\"" "$OUT"

# A root of our own, with addresses and mounts, in which the machine itself is set up.
cat >world <<'EOF'
set -e
mount -t tmpfs tmpfs "$SCENE_DIR/root"
cd "$SCENE_DIR/root"
for path in /*; do
    case $path in /etc | /dce) continue ;; esac
    if [ -h "$path" ]; then cp -P "$path" .
    elif [ -d "$path" ]; then mkdir ".$path"; mount --rbind "$path" ".$path"; fi
done
mkdir -p etc dce/krb5 dce/etc dce/var
echo 'ssh	22/tcp' >etc/services
echo TZ=UTC0 >etc/environment
mount -t tmpfs tmpfs dce/krb5
ip link add dce0 type veth peer name dce1
for address in 9.3.240.1 9.3.240.2 9.3.240.66; do ip address add $address/24 dev dce0; done
ip link set dce0 up
cd "$SCENE_DIR"
exec chroot "$SCENE_DIR/root" sh -c "cd '$SCENE_DIR' && . ./inside"
EOF
cat >inside <<'EOF'
setup() { hadce-setup --config mounts.json --node "$@"; }
setup standby --cell abc.com --apply && cat /etc/environment && readlink /: && test -d /... || exit 9
setup highest-priority --expect mounted >owner
setup standby --cell abc.com --expect unmounted >standby
EOF
jq '.shared_mounts = ["/dce/krb5", "/dce/etc", "/dce/var"]' dce.json >mounts.json
mkdir root
own() { unshare --mount --net -- "$@" 2>/dev/null; }
if own sh -c 'ip link add dce0 type veth peer name dce1 && mount -t tmpfs tmpfs "$SCENE_DIR/root"'; then
    in_its_root() { own sh world; }
    check_status 'the machine itself is set up but for the programs of DCE' 1 in_its_root
    cp "$OUT" said
    check 'the addresses that DCE shall not use are those of haenv' grep -qx 'RPC_UNSUPPORTED_NETADDRS=9.3.240.1:9.3.240.66' said
    check 'the variables of others stay' grep -qx TZ=UTC0 said
    check 'the link is in the root' grep -qx /.../abc.com/fs said
    check_json 'the service address is seen' "$(outcome_of service-address '"9.3.240.2"') == \"ok\"" owner
    check_json 'what is mounted is seen' "$(outcome_of mounted '"/dce/krb5"') == \"ok\"" owner
    check_json 'and what is not' "$(outcome_of mounted '"/dce/etc"') == \"failed\"" owner
    check_json 'the standby must let it go' "$(outcome_of unmounted '"/dce/krb5"') == \"failed\"" standby
    check_json 'and let the others go' "$(outcome_of unmounted '"/dce/etc"') == \"ok\"" standby
else
    skip 'the machine itself is set up' 'no namespace with mounts and adapters can be made here'
fi

done_testing
