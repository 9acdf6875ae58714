# scripts/events/nim-takeover, as PowerHA's post-event of node_down: only where it is switched on, and only for the other NIM master.
. "${0%/*}/../fakes/machine.sh"; machine "$@"
. "${0%/*}/../lib.sh"
[ "$MACHINE" = yes ] || { skip "the events" "no machine of its own: $NO_MACHINE"; done_testing; }
. "$ROOT/tests/fakes/nim.sh"
at_exit() { nim_cleanup; }
nim_world world && nim_synced && nim_listen || exit
nim_attr nimb lpar07 connect nimsh
echo 3901 >"$NIM_WORLD/lpar07/set/listens"
nim_down nima
# This node is node2, on which nimb runs; nima ran on node1. PowerHA gives a script next to no environment.
shell=$(readlink "/proc/$$/exe")
event() {
    timeout 60 env -i HATOOLS_BIN="$NIM_FAKES/bin:$HATOOLS_BIN" LOCALNODENAME=node2 NIM_HOST=nimb NIM_WORLD="$NIM_WORLD" \
        NIM_REAL_PATH="$NIM_REAL_PATH" "$shell" "$ROOT/scripts/events/nim-takeover" "$@" </dev/null
}
conf() { printf '%s\n' "$@" >/etc/hatools/events.conf; }
says() { grep -q "$1" "$ERR"; }
not_called() { ! nim_calls nimb | grep -E '^(nim|rsh-nim|lsnim)( |$)'; }
nothing() { # WHY ARGUMENT...
    _why=$1
    shift
    check "nothing is done: $_why" event "$@"
    check "and it says so" says "nothing to do: .*$_why"
    check "nobody was asked" not_called
}
refused() { # WHY ARGUMENT...
    _why=$1
    shift
    check_status "refused: $_why" 2 event "$@"
    check "and it says so" says "REFUSED.*$_why"
    check "nobody was asked" not_called
}

conf 'HATOOLS_NIM_NODE=node1' 'HATOOLS_NIM_MASTER=nima' 'HATOOLS_NIM_RSH=rsh-nim'
nothing "by hand: hanim-takeover MASTER" node_down 0 node1
conf 'HATOOLS_NIM_TAKEOVER=yes' 'HATOOLS_NIM_MASTER=nima'
refused "put HATOOLS_NIM_NODE=NODE" node_down 0 node1
conf 'HATOOLS_NIM_TAKEOVER=yes' 'HATOOLS_NIM_NODE=node1'
refused "put HATOOLS_NIM_MASTER=NAME" node_down 0 node1
conf 'HATOOLS_NIM_TAKEOVER=yes' 'HATOOLS_NIM_NODE=node2' 'HATOOLS_NIM_MASTER=nima'
refused "is this node itself" node_down 0 node2
conf 'HATOOLS_NIM_TAKEOVER=yes' 'HATOOLS_NIM_NODE=node1' 'HATOOLS_NIM_MASTER=nima' 'HATOOLS_NIM_RSH=rsh-nim'
nothing "node3 goes down" node_down 0 node3
nothing "stopped by force" node_down 0 node1 forced
refused "no node is named" node_down

nim_fault nimb takeover lpar12 0042-175
check_status "node1 goes down: what can be taken over is" 3 event node_down 0 node1
check "and it says so" says "lpar12: 0042-175: the installation on the machine failed"
nim_no_faults nimb
check "the next time the rest is" event node_down_complete 0 node1
check "and it says so" says "done: hanim-takeover"
ours() { [ "$(on nimb lsnim -a current_master | grep -c nimb.example.com)" -eq 3 ]; }
check "all clients are nimb's" ours
check_json "what was done is in the log" 'map(select(.type == "end")) | length == 2 and .[1].clients_taken == 3 and .[1].split_brain_expected' /var/log/hatools/events.jsonl
done_testing
