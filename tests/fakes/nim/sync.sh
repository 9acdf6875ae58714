# shellcheck shell=sh disable=SC2154
# nim -o sync: the output of the seed, made from the two databases. What it does to the alternate's: SOURCES.nim.
. "$fakes/disks.sh"
pause() { if delayed; then wait_delay; fi; }
bytes() { value=$(wc -c <"$1") && value=$((value)); } # FILE

[ "$force" = yes ] || { option force no && force=$value; }
option replicate no && replicate=$value
option reset_clients no && reset_clients=$value
db_get "$NIM_HOST" "$target" type
[ "$value" = alternate_master ] || error 8 '0042-008 NIMstate: Request denied - sync'
fault sync - && case $how in hang) stay ;; esac
sync_fault=$how
if is_down "$target"; then
    complain '0042-001 nim: processing error encountered on "master":'
    refused m_sync "$target" From_Master '   '
    exit 6
fi
peer=$NIM_WORLD/$target
[ -e "$peer/db" ] || error 8 "0042-008 m_sync: \"$target\" is not configured as a NIM master"
setting "$target" synced
[ -n "$value" ] || [ "$force" = yes ] ||
    error 8 "0042-008 m_sync: the NIM database on \"$target\" is not one that was restored from this master. Use the force option to overwrite it."
printf 'a %s\n' './etc/objrepos/nim_attr 8 blocks' './etc/objrepos/nim_attr.vc 8 blocks' './etc/objrepos/nim_object 8 blocks' \
    './etc/objrepos/nim_object.vc 8 blocks' './etc/NIM.level 1 blocks' './etc/niminfo 2 blocks'
backup=/export/nim/backups/$target.$(date +%H%M%S%m%d%Y).backup
mkdir -p "$peer/root/export/nim/backups" && cp "$peer/db" "$peer/root$backup"
printf '%s\n' 'The original NIM database was backed up to the' '        following location prior to this operation:' \
    "        \"$backup\"" '' '0513-044 The nimesis Subsystem was requested to stop.' \
    '0513-004 The Subsystem or Group, nimd, is currently inoperative.' '0513-083 Subsystem has been Deleted.' \
    '0513-083 Subsystem has been Deleted.'
awk -F '\t' '!seen[$1]++ { objects++ } END { print objects " objects deleted"; print NR " objects deleted" }' "$peer/db"
pause
IFS=$tab read -r theirs _ <"$peer/fileset.bos.sysmgt.nim.master"
IFS= read -r ours <"$root/etc/NIM.level"
printf '%s\n' 'Restoring the NIM database from /tmp/_nim_dir_17626/mnt0' 'x ./etc/NIM.level, 8 bytes, 1 tape blocks' '' \
    "The level of the NIM master fileset on this machine is: $theirs" "The level of the NIM database backup is: $ours" ''
if [ "$theirs" != "$ours" ]; then
    complain 'Level check failed.' '0042-001 nim: processing error encountered on "master":' \
        '   0042-001 m_sync: the level of the NIM database backup is not that of the NIM master fileset.' ''
    exit 1
fi
case $sync_fault in die) kill -9 $$ ;; esac
bytes "$root/etc/niminfo"
printf '%s\n' 'Level check is successful.' '' 'x ./etc/objrepos/nim_attr, 4096 bytes, 8 tape blocks' \
    'x ./etc/objrepos/nim_attr.vc, 4096 bytes, 8 tape blocks' 'x ./etc/objrepos/nim_object, 4096 bytes, 8 tape blocks' \
    'x ./etc/objrepos/nim_object.vc, 4096 bytes, 8 tape blocks' 'x ./etc/NIM.level, 8 bytes, 1 tape blocks' \
    "x ./etc/niminfo, $value bytes, 1 tape blocks" '0513-071 The nimesis Subsystem has been added.' \
    '0513-071 The nimd Subsystem has been added.' \
    '0513-059 The nimesis Subsystem has been started. Subsystem PID is 28042.' 'Finished restoring the NIM database'
# The other master stays known to the alternate where it was; states are reset, allocations gone.
knows=no connect=
if db_get "$target" "$NIM_HOST" connect; then knows=yes connect=$value; fi
for each in platform netboot_kernel if1 cable_type1; do
    db_get "$NIM_HOST" "$target" "$each"
    eval "$each=\$value"
done
target=$target platform=$platform netboot_kernel=$netboot_kernel if1=$if1 cable_type1=$cable_type1 awk -F '\t' -v OFS='\t' '
    NR == FNR { if ($2 == "class") class[$1] = $3; if ($2 == "type") type[$1] = $3; next }
    $1 == ENVIRON["target"] { next }
    class[$1] == "machines" && ($3 in class) && class[$3] == "resources" && type[$3] == $2 { next }
    $1 == "master" && $2 ~ /^(platform|netboot_kernel|if1|cable_type1)$/ { $3 = ENVIRON[$2] }
    class[$1] == "machines" && $2 ~ /^(Cstate|prev_state)$/ { $3 = "ready for a NIM operation" }
    class[$1] == "machines" && $2 ~ /^(Cstate_result|err_info|info)$/ { next }
    $2 == "alloc_count" { $3 = 0 }
    $2 == "Rstate" { $3 = "ready for use" }
    1' "$home/db" "$home/db" >"$peer/db.$$" && mv "$peer/db.$$" "$peer/db"
[ "$knows" = no ] || define_alternate "$target" "$NIM_HOST" "$connect" ent0
printf yes >"$peer/set/synced"
printf '%s\n' "Updating master definition in database from $target definition" "  Updated master attribute platform to $platform" \
    "  Updated master attribute netboot_kernel to $netboot_kernel" "  Updated master attribute if1 to $if1" \
    "  Updated master attribute cable_type1 to $cable_type1" 'Finished updating master definition' 'Resetting machines'
db_names "$NIM_HOST" class machines
for each in $names; do echo "  Reset $each"; done
echo 'Finished resetting machines'
db_names "$NIM_HOST" type standalone
clients=$names
for each in $clients; do printf '%s\n' "Removing NIM client $each" 'Finished removing client'; done
printf '%s\n' 'Resetting NIM resources' 'Finished resetting NIM resources'
db_names "$NIM_HOST" class resources
lost='' spots='' served=''
for each in $names; do
    case $each in boot | nim_script) continue ;; esac
    db_get "$NIM_HOST" "$each" server
    [ "$value" = master ] && served="$served $each"
done
replicate_one() { # RESOURCE
    db_get "$NIM_HOST" "$1" location
    place=$value
    [ ! -e "$peer/root$place" ] || return 0
    echo "Replicating resource $1"
    pause
    if fault sync "$1"; then
        case $how in lost) return 1 ;; *) nim_fault_text sync; return 1 ;; esac
    fi
    size_of "$NIM_HOST" "$place"
    need=$size
    holds "$target" "$place"
    if [ "$need" -gt "$free" ]; then
        complain "$place: There is not enough space in the file system."
        return 1
    fi
    mkdir -p "$peer/root${place%/*}" && cp -Rp "$root$place" "$peer/root$place"
    fs_set "$target" "$point" "$device" "$total" $((free - need))
    sizes_copy "$NIM_HOST" "$target" "$place"
    db_get "$NIM_HOST" "$1" type
    if [ "$value" = spot ]; then
        for attribute in version release mod; do db_get "$NIM_HOST" "$1" "$attribute" && echo "$attribute=$value"; done
    fi
    echo "Replicated resource $1"
}
if [ "$replicate" = yes ]; then
    echo 'Replicating NIM resources. Please wait, takes time....'
    for each in $served; do
        replicate_one "$each" || lost="$lost $each "
        case $sync_fault in cut) exit 0 ;; kill) kill -9 $$ ;; esac
    done
    echo 'Finished Replicating NIM resources'
fi
status=0
case $sync_fault in 0042-*) how=$sync_fault; nim_fault_text sync; status=$code; [ "$ends" = no ] || exit "$status" ;; esac
echo 'Checking NIM resources'
for each in $served; do
    if [ "$replicate" != yes ]; then
        gone=yes
    else
        case $lost in *" $each "*) gone=yes ;; *) gone=no ;; esac
    fi
    if [ "$gone" = yes ]; then
        echo "  Removing $each"
        db_remove "$target" "$each"
        continue
    fi
    echo "  Keeping $each"
    db_get "$NIM_HOST" "$each" type
    [ "$value" != spot ] || spots="$spots $each"
done
printf '%s\n' 'Finished checking NIM resources' 'Checking NIM SPOTs'
for each in $spots; do echo "  checking $each"; done
echo 'Finished checking SPOTs'
if [ "$reset_clients" = yes ]; then
    masters_of "$NIM_HOST"
    for each in $clients; do
        reachable "$each" || continue
        db_get "$NIM_HOST" "$each" connect
        client_niminfo "$each" "$value" "$masters"
        db_set "$NIM_HOST" "$each" sync_required no
        db_set "$target" "$each" sync_required no
    done
fi
case $sync_fault in cut) exit 0 ;; esac
echo 'nim_master_recover Complete'
exit "$status"
