PATH=$PATH:/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin:/usr/local/sbin
LC_ALL=C
export PATH LC_ALL
umask 077
# The tools of cfengine stand in its work directory, too.
work_in() { PATH=$1/bin:$PATH; }
flush() { sync "$1" 2>/dev/null || sync; }
_text='FNR == 1 { name = FILENAME; sub(/^.*\//, "", name); print "text " name } FNR <= 64 { print "=" substr($0, 1, 200) }'
# look DIRECTORY: the directory of keys, for KeyDirectory::parse.
look() {
    printf 'user '
    id -u
    [ -d "$1" ] || { echo absent; return; }
    printf 'directory '
    ls -lnd "$1/."
    ls -lnA "$1" | sed 's/^/entry /'
    # No link is followed but that of the host's own key, and no key has so many blocks of 512 bytes.
    find "$1/." ! -name . -prune -name '*.pub' -type f -size -64 -exec cksum {} + | sed 's/^/sum /'
    find "$1/." ! -name . -prune -name '*.pub' -type f -size -64 -exec awk "$_text" {} +
    [ ! -h "$1/localhost.pub" ] || find -L "$1/localhost.pub" -type f -size -64 -exec awk "$_text" {} +
    [ ! -f "$1/localhost.pub" ] || printf 'printed %s\n' "$(cf-key -p "$1/localhost.pub" 2>/dev/null </dev/null)"
}
# put DIRECTORY NAME BYTES <TEXT
put() {
    _t=$1/.$2.hatools-$$
    if [ -d "$1/$2" ]; then echo "$1/$2: is a directory"; return 1; fi
    if cat >"$_t" && [ "$(wc -c <"$_t")" -eq "$3" ] && flush "$_t" && mv -f "$_t" "$1/$2"; then return; fi
    rm -f "$_t"
    return 1
}
# drop DIRECTORY NAME SUM: where it is still the file that was looked at.
drop() {
    if [ "$(cksum <"$1/$2")" = "$3" ]; then rm -f "$1/$2"; else echo "$1/$2: was changed meanwhile"; return 1; fi
}
# clean DIRECTORY NAME: what a killed run left.
clean() { rm -f "$1/$2"; }
# forget DIGEST: cf-key ends with 252 where it never saw the key, and its database is not what is trusted.
forget() { cf-key -x -r "$1" </dev/null >/dev/null 2>&1 || :; }
# directory PATH: with all above it, which others may need.
directory() { [ -d "$1" ] || (umask 022 && mkdir -p "$1"); }
# prepare WORK-DIRECTORY: what cfengine wants there.
prepare() {
    directory "$1" || return
    for _d in inputs outputs ppkeys; do
        [ -d "$1/$_d" ] || mkdir -m 700 "$1/$_d" || return
    done
}
# make_pair DIRECTORY PROGRAM: a new pair, not yet under its final name.
make_pair() {
    rm -f "$1/.hatools-next.priv" "$1/.hatools-next.pub"
    if _s=$("$2" -f "$1/.hatools-next" 2>&1 </dev/null) && [ -s "$1/.hatools-next.priv" ] && [ -s "$1/.hatools-next.pub" ]; then
        chmod 600 "$1/.hatools-next.priv" "$1/.hatools-next.pub" && flush "$1/.hatools-next.priv" && flush "$1/.hatools-next.pub"
        return
    fi
    echo "$2: ${_s:-made no pair of keys}"
    return 1
}
# install_pair DIRECTORY OLD: that pair becomes the host's own; the one before it is kept under the name OLD.
install_pair() {
    if [ -n "$2" ] && [ -f "$1/localhost.priv" ] && [ -f "$1/.hatools-next.priv" ] && [ ! -f "$1/localhost.priv.$2" ]; then
        ln "$1/localhost.priv" "$1/localhost.priv.$2" && ln "$1/localhost.pub" "$1/localhost.pub.$2" || return
    fi
    [ ! -f "$1/.hatools-next.priv" ] || mv -f "$1/.hatools-next.priv" "$1/localhost.priv" || return
    mv -f "$1/.hatools-next.pub" "$1/localhost.pub" && flush "$1"
}
# sum_of FILE: to tell whether two hosts have the same.
sum_of() { cksum <"$1"; }
# trace PATH: what tells that something happened there. ls shows no seconds, and cksum no time.
trace() {
    if [ -d "$1" ]; then
        find "$1" -type f -exec ls -ln {} + -exec cksum {} + 2>/dev/null | cksum
    elif [ -e "$1" ]; then
        ls -ln "$1"
        cksum <"$1"
    else
        echo absent
    fi
}
