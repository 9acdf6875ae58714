# shellcheck shell=sh
# Sourced behind machine.sh and lib.sh: that machine as a management node of a pair: its addresses, mounts and host name are real, its
# services and xCAT's commands are stand-ins that keep state and write what they are told to $SCENE_DIR/said.
#   node_pair [JQ-FILTER]   makes pair.json, changed by the filter
#   node_bend NAME HOW      the command or service NAME "fails" or "hangs", until it is "well"
#   node_state              what goes with the role and is here, one in a line
export SCENE_DIR
bin=$SCENE_DIR/bin
mkdir -p "$bin" "$SCENE_DIR/runs" "$SCENE_DIR/bent" /opt/shared /opt/install "$SCENE_DIR/state"
chmod 755 "$SCENE_DIR/state"
python3 "$ROOT/scripts/sample-xcat-db" "$SCENE_DIR/db" 5 || exit
XCATCFG=SQLite:$SCENE_DIR/db
PATH=$bin:$PATH
export XCATCFG PATH
printf 'shared /opt/shared tmpfs noauto 0 0\ninstall /opt/install tmpfs noauto 0 0\n' >/etc/fstab
cat >"$bin/systemctl" <<'END'
#!/bin/sh
for unit; do :; done
case $1 in
    is-active) [ -e "$SCENE_DIR/runs/$unit" ] || exit 3; exit 0 ;;
    show) if [ -e "$SCENE_DIR/runs/$unit" ]; then echo ActiveState=active; else echo ActiveState=inactive; fi; exit 0 ;;
esac
echo "systemctl $*" >>"$SCENE_DIR/said"
case $(cat "$SCENE_DIR/bent/$unit" 2>/dev/null) in
    fails) echo "Job for $unit.service failed." >&2; exit 1 ;;
    hangs) exec sleep 1000 ;;
esac
case $1 in
    start) : >"$SCENE_DIR/runs/$unit" ;;
    stop) rm -f "$SCENE_DIR/runs/$unit" ;;
esac
END
cat >"$bin/command-of-xcat" <<'END'
#!/bin/sh
name=${0##*/}
case "$name $*" in "tabdump site" | "exportfs ") ;; *) echo "$name $*" >>"$SCENE_DIR/said" ;; esac
case $(cat "$SCENE_DIR/bent/$name" 2>/dev/null) in
    fails) echo "Error: $name does not" >&2; exit 1 ;;
    hangs) exec sleep 1000 ;;
esac
[ "$name" = exportfs ] || [ -e "$SCENE_DIR/runs/xcatd" ] || { echo "Unable to open socket connection to xcatd daemon on localhost:3001." >&2; exit 1; }
case "$name $*" in
    "exportfs -a") : >"$SCENE_DIR/exported" ;;
    "exportfs -ua") rm -f "$SCENE_DIR/exported" ;;
    "exportfs ") [ ! -e "$SCENE_DIR/exported" ] || echo "/opt/install <world>" ;;
    "lsxcatd -v") echo "Version 2.16.5" ;;
esac
END
chmod +x "$bin/systemctl" "$bin/command-of-xcat"
for command in tabdump lsxcatd makedns makedhcp makeconservercf exportfs; do ln -s command-of-xcat "$bin/$command"; done
node_pair() { # [JQ-FILTER]
    jq -n --arg state "$SCENE_DIR/state" --arg proof "$SCENE_DIR/proof" '{schema: "hapair-config/1", service_manager: "systemd",
        nodes: [{name: "node2", address: "9.3.240.1"}, {name: "node1", address: "9.3.240.3"}],
        vip: {name: "mn", address: "9.3.240.9", prefix: 24, adapter: "en0"}, host_name: "mn", database: {engine: "sqlite"},
        shared_mounts: ["/opt/shared", "/opt/install"], services: ["named", "conserver"], conserver: "conserver", state_directory: $state,
        proof: $proof, timeouts_seconds: {start: 3, stop: 3, mount: 5, command: 3, probe: 6}}' | jq "${1:-.}" >pair.json && chmod 600 pair.json
}
node_bend() { if [ "$2" = well ]; then rm -f "bent/$1"; else echo "$2" >"bent/$1"; fi; }
node_state() {
    ip -o address show to 9.3.240.9 | awk '{ print $2, $4 }'
    for path in /opt/shared /opt/install; do ! grep -q " $path " /proc/self/mountinfo || echo "$path"; done
    ls runs
    [ ! -e exported ] || echo exported
    hostname
}
