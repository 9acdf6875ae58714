# shellcheck shell=sh
# Sourced by scenes of hasync that try each way: inside this machine, and over a connection from either end.
# $HERE is a remote shell whose host is this machine.
HERE=$ROOT/tests/fakes/here

by_way() { # WAY SRC DEST OPTION...: local, push or pull; paths are those of the scene
    _way=$1 _src=$2 _dest=$3
    shift 3
    case $_way in
        local) hasync "$@" "$_src" "$_dest" ;;
        push) hasync "$@" -e "$HERE" "$_src" "host:$SCENE_DIR/$_dest" ;;
        pull) hasync "$@" -e "$HERE" "host:$SCENE_DIR/$_src" "$_dest" ;;
    esac
}
