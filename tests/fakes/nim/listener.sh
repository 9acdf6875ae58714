# shellcheck shell=sh disable=SC2034,SC2154
# Tells the listener which ports are open now, and waits until they are.
: >"$NIM_WORLD/ports.new"
while read -r m fqdn address nim_address mac cpuid; do
    [ -e "$NIM_WORLD/$m/set/listens" ] || continue
    [ ! -s "$NIM_WORLD/$m/set/down" ] || continue
    [ ! -s "$NIM_WORLD/$m/set/port" ] || continue
    for _port in $(cat "$NIM_WORLD/$m/set/listens"); do echo "$address $_port"; done
done <"$NIM_WORLD/hosts" >"$NIM_WORLD/ports.new"
mv "$NIM_WORLD/ports.new" "$NIM_WORLD/ports"
rm -f "$NIM_WORLD/ports.done"
read -r _listener <"$NIM_WORLD/listener.pid"
kill -HUP "$_listener"
_left=200
until [ -e "$NIM_WORLD/ports.done" ] || [ "$_left" -eq 0 ]; do sleep 0.01; _left=$((_left - 1)); done
