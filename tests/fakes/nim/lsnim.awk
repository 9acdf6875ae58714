# The objects of a database as lsnim lists them. mode: plain, long, columns (-Z), allocated.
BEGIN { FS = "\t"; wanted = split(attributes, want, " "); for (i = 1; i <= wanted; i++) is_wanted[want[i]] = 1 }
!($1 in seen) { seen[$1] = 1; name[++objects] = $1 }
{
    n = ++count[$1]
    key[$1, n] = $2
    text[$1, n] = $3
    if ($2 == "class") class_of[$1] = $3
    if ($2 == "type") type_of[$1] = $3
}
function shown(o, i) { return (!wanted || key[o, i] in is_wanted) }
function columns(o,    i, j, part, parts, line, title, value) {
    title = "#name:"; line = o ":"
    for (j = 1; j <= (wanted ? wanted : count[o]); j++) {
        title = title (wanted ? want[j] : key[o, j]) ":"
        for (i = 1; i <= count[o]; i++) {
            if (wanted ? key[o, i] != want[j] : i != j) continue
            value = text[o, i]
            if (key[o, i] ~ /^(if|routing)[0-9]+$/) gsub(/ +/, ":", value) # an absent one is dropped, one with blanks is more
            line = line value ":"
        }
    }
    if (!titled++) print title
    print line
}
END {
    for (k = 1; k <= objects; k++) {
        o = name[k]
        if (object != "" && o != object) continue
        if (mode == "allocated") {
            for (i = 1; i <= count[o]; i++)
                if (text[o, i] in class_of && class_of[text[o, i]] == "resources" && type_of[text[o, i]] == key[o, i])
                    printf "%-19s %s\n", text[o, i], key[o, i]
            continue
        }
        if (class != "" && class_of[o] != class) continue
        if (type != "" && type_of[o] != type) continue
        if (mode == "plain") { printf "%-19s %-14s %s\n", o, class_of[o], type_of[o]; continue }
        if (mode == "columns") { columns(o); continue }
        width = 0; any = 0
        for (i = 1; i <= count[o]; i++) if (shown(o, i)) { any = 1; if (length(key[o, i]) > width) width = length(key[o, i]) }
        if (!any) continue
        print o ":"
        for (i = 1; i <= count[o]; i++) if (shown(o, i)) {
            value = text[o, i]
            gsub(/\\n/, "\n", value)
            printf "   %-" width "s = %s\n", key[o, i], value
        }
    }
}
