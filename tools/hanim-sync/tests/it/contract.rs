//! Lines of every published version are kept: what they have, today's lines have, too.

use crate::ground::world;
use ha_json::Value;

fn today(name: &str) -> Vec<Value> {
    let script = match name {
        "done.jsonl" => "sync --replicate --refresh nimb",
        "partial.jsonl" => {
            "nim_fault nima sync lpar07_im 0042-154; rm -r world/nimb/root/nim/im_data; nim_remove nimb nima
             sync --replicate --stale nimb"
        }
        "check.jsonl" => {
            "nim_attr nima lpar07 sync_required yes; nim_set nimb oslevel 7300-01-01-2200
             sync --check --replicate --stale nimb"
        }
        "different.jsonl" => {
            r#"printf '#!/bin/sh\n"%s/bin/nim" "$@"\nNIM_HOST=nimb nim-edit nimb attr lpar12 connect shell
                NIM_HOST=nimb nim-edit nimb remove nima\n' "$NIM_FAKES" >bin/nim; chmod +x bin/nim
            on nima env PATH="$PWD/bin:$NIM_FAKES/bin:$PATH" "$BIN" --state-directory "$PWD/run" -e rsh-nim --replicate nimb"#
        }
        "failed.jsonl" => "nim_fault nima sync - die; sync --replicate nimb",
        "refused.jsonl" => "sync nimc",
        other => panic!("{other} is kept, and no test makes such lines"),
    };
    world(script).lines
}

#[test]
fn no_field_of_a_published_line_is_renamed_removed_or_retyped() {
    assert_eq!(ha_testing::compare("hanim-sync-1", today), Ok(6));
}
