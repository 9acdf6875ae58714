# shellcheck shell=sh
# Sourced by the service managers of the pair's nodes: what runs, and what is told about it. A service, a "unit", is described by
# the file /usr/lib/pair/units/NAME.service, in systemd's words:
#   Description=  ExecStart=  a daemon that stays in the foreground   X-Ready=  a command that is true when it serves
#   WantedBy=     without it, the unit can be neither enabled nor disabled: it is static
# What runs is kept in /run/units, which a boot empties. A unit's daemon is a real process, in a session of its own: who kills it
# makes the unit "failed", as does a daemon that ends with an error.
# /etc/units.broken/NAME bends a unit. It has one or more of these lines:
#   start fails, start hangs, start lies (says ok, and nothing runs)
#   stop fails, stop hangs, stop lies (says ok, and it runs on), stop loses (says ok, the unit is inactive, its daemon runs on)

UNITS=/usr/lib/pair/units
RUNNING=/run/units
mkdir -p "$RUNNING" /var/log/units

unit_is() { [ -n "$1" ] && [ -e "$UNITS/$1.service" ]; } # NAME
unit_says() { sed -n "s/^$2=//p" "$UNITS/$1.service" | head -n 1; } # NAME KEY
unit_is_broken() { grep -qxF "$2" "/etc/units.broken/$1" 2>/dev/null; } # NAME HOW
unit_pid() { cat "$RUNNING/$1.pid" 2>/dev/null; } # NAME
_unit_lives() { _unit_pid=$(unit_pid "$1") && kill -0 "$_unit_pid" 2>/dev/null && ! grep -q '^State:[[:space:]]*Z' "/proc/$_unit_pid/status" 2>/dev/null; }

unit_state() { # NAME: prints active, inactive or failed
    if _unit_lives "$1"; then echo active
    elif [ -e "$RUNNING/$1.failed" ]; then echo failed
    elif [ -e "$RUNNING/$1.pid" ]; then
        # It ended by itself; that its keeper has not written how may be a moment, or the keeper was killed.
        _tries=20
        until [ -e "$RUNNING/$1.exit" ] || [ "$((_tries -= 1))" -lt 0 ]; do sleep 0.01; done
        case $(cat "$RUNNING/$1.exit" 2>/dev/null) in
            # What systemd.service(5) calls a clean exit: 0, and HUP, INT, PIPE, TERM.
            0 | 129 | 130 | 141 | 143) echo inactive ;;
            *) echo failed ;;
        esac
    else echo inactive; fi
}

unit_start() { # NAME
    if _unit_lives "$1"; then return 0; fi
    rm -f "$RUNNING/$1.pid" "$RUNNING/$1.exit" "$RUNNING/$1.failed"
    if unit_is_broken "$1" "start hangs"; then while :; do sleep 1000; done; fi
    if unit_is_broken "$1" "start fails"; then : >"$RUNNING/$1.failed"; return 1; fi
    if unit_is_broken "$1" "start lies"; then return 0; fi
    # A clean environment, as an init gives it.
    UNIT=$1 EXEC=$(unit_says "$1" ExecStart) env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        CLUSTER="$CLUSTER" NODE="$NODE" UNIT="$1" EXEC="$(unit_says "$1" ExecStart)" setsid sh -c '
            setsid sh -c "echo \$\$ >/run/units/$UNIT.pid; exec $EXEC" &
            wait $!
            echo $? >"/run/units/$UNIT.exit"' >>"/var/log/units/$1.log" 2>&1 </dev/null 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
    _ready=$(unit_says "$1" X-Ready)
    _tries=500
    until [ -s "$RUNNING/$1.pid" ] && { [ -z "$_ready" ] || sh -c "$_ready" >/dev/null 2>&1; }; do
        if [ -e "$RUNNING/$1.exit" ] || [ "$((_tries -= 1))" -lt 0 ]; then
            ! _unit_lives "$1" || kill -KILL "-$_unit_pid" 2>/dev/null
            rm -f "$RUNNING/$1.pid"
            : >"$RUNNING/$1.failed"
            return 1
        fi
        sleep 0.02
    done
    _unit_lives "$1" || { rm -f "$RUNNING/$1.pid"; : >"$RUNNING/$1.failed"; return 1; }
}

unit_stop() { # NAME
    if unit_is_broken "$1" "stop hangs"; then while :; do sleep 1000; done; fi
    if unit_is_broken "$1" "stop fails"; then return 1; fi
    if unit_is_broken "$1" "stop lies"; then return 0; fi
    if unit_is_broken "$1" "stop loses"; then rm -f "$RUNNING/$1.pid" "$RUNNING/$1.failed"; return 0; fi
    if _unit_lives "$1"; then
        kill -TERM "-$_unit_pid" 2>/dev/null
        _tries=250
        while _unit_lives "$1"; do
            [ "$((_tries -= 1))" -ge 0 ] || kill -KILL "-$_unit_pid" 2>/dev/null
            sleep 0.02
        done
    fi
    rm -f "$RUNNING/$1.pid" "$RUNNING/$1.exit" "$RUNNING/$1.failed"
}
