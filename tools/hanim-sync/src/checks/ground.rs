//! Two masters for the tests: nima, and nimb with its database.

use crate::backup::Backups;
use crate::facts::{Here, Pair};
use ha_nim::lsnim::{Listing, parse_long};
use ha_nim::master::Master;
use ha_nim::niminfo::Niminfo;

pub(super) const NIMA: &str = "export NIM_NAME=master\nexport NIM_CONFIGURATION=master\n\
    export NIM_MASTER_PORT=1058\nexport NIM_REGISTRATION_PORT=1059\n\
    export NIM_MASTER_HOSTNAME=nima.example.com\nexport NIM_ALTERNATE_MASTER=\"nimb.example.com\"\n";

pub(super) const NIMB: &str = "export NIM_NAME=master\nexport NIM_CONFIGURATION=master\n\
    export NIM_MASTER_PORT=1058\nexport NIM_REGISTRATION_PORT=1059\n\
    export NIM_MASTER_HOSTNAME=nimb.example.com\nexport NIM_ALTERNATE_MASTER=\"nima.example.com\"\n";

const COMMON: &str = "\
master_net:
   class    = networks
   type     = ent
   routing1 = default 192.0.2.1
lpar07:
   class          = machines
   type           = standalone
   current_master = nima.example.com
   if1            = master_net lpar07.example.com 8EB2200AA002 ent0
   Cstate         = ready for a NIM operation
lpp_73:
   class    = resources
   type     = lpp_source
   location = /nim/lpp/lpp_73
   server   = master
spot_73:
   class    = resources
   type     = spot
   location = /nim/spot/spot_73/usr
   server   = master
boot:
   class    = resources
   type     = boot
   server   = master
   reserved = yes
";

fn master(niminfo: &str, other: &str) -> Master {
    let objects = format!(
        "master:\n   class = machines\n   type  = master\n{other}:\n   class   = machines\n   type    \
         = alternate_master\n   connect = nimsh\n   if1     = master_net {other}.example.com 0\n{COMMON}"
    );
    Master {
        niminfo: Some(Niminfo::parse(niminfo.as_bytes())),
        listing: parse_long(objects.as_bytes()),
        not_listed: None,
        oslevel: Some("7300-02-01-2320".into()),
        master_fileset: Some("7.3.2.0".into()),
        spot_fileset: Some("7.3.2.0".into()),
    }
}

pub(super) fn pair_of(nima: &str, nimb: &str) -> Pair {
    Pair {
        here: Here { master: master(nima, "nimb"), level: Some("7.3.2.0".into()) },
        there: master(nimb, "nima"),
        alternate: "nimb".into(),
        host: "nimb.example.com".into(),
        places: None,
        names: [Ok(Vec::new()), Ok(Vec::new())],
        backups: Ok(Backups { newest: None, is_new: false }),
        disputed: Vec::new(),
    }
}

pub(super) fn pair() -> Pair {
    pair_of(NIMA, NIMB)
}

pub(super) fn set(listing: &mut Listing, object: &str, attribute: &str, value: &str) {
    let found = listing.objects.iter_mut().find(|one| one.name == object).unwrap();
    found.attributes.push((attribute.into(), value.into()));
}
