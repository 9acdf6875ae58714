//! An object of the NIM database, as `lsnim -l` shows it.

use std::collections::BTreeMap;

/// The attributes of a machine that name a resource allocated to it are called as these types are.
///
/// Source: the types that `nim -o define` knows, "Using NIM resources" (AIX 7.3, Installing).
pub const RESOURCE_TYPES: [&str; 34] = [
    "adapter_def",
    "boot",
    "bosinst_data",
    "devexports",
    "dump",
    "exclude_files",
    "fb_script",
    "file_res",
    "fix_bundle",
    "home",
    "image_data",
    "installp_bundle",
    "ios_mksysb",
    "linux_source",
    "log",
    "lpp_source",
    "mksysb",
    "nim_script",
    "ovf_vm",
    "paging",
    "resolv_conf",
    "root",
    "savevg",
    "savewpar",
    "script",
    "secattrs",
    "shared_home",
    "shared_root",
    "spot",
    "tmp",
    "vg_data",
    "vopt_iso",
    "wpar_spec",
    "live_update_data",
];

/// An object: a machine, a resource, a network, a group or a management object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object {
    /// Its name in NIM.
    pub name: String,
    /// Name and value as they stand, in their order; a value that runs over several lines has them
    /// parted by newlines.
    pub attributes: Vec<(String, String)>,
}

/// A network interface of a machine: an `ifN` attribute.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Interface {
    /// The number in the attribute's name.
    pub index: u64,
    /// The NIM network that it is on.
    pub network: String,
    /// The host name at that interface.
    pub hostname: Option<String>,
    /// The hardware address as NIM writes it, `0` where it is not known.
    pub mac: Option<String>,
    /// The logical adapter, such as `ent0`.
    pub adapter: Option<String>,
}

impl Object {
    /// The value of an attribute; of the last one where it occurs several times.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().rfind(|(its, _)| its == name).map(|(_, value)| value.as_str())
    }

    /// `machines`, `resources`, `networks`, `groups`, `management`.
    pub fn class(&self) -> &str {
        self.get("class").unwrap_or_default()
    }

    /// The type, such as `standalone` or `lpp_source`.
    pub fn kind(&self) -> &str {
        self.get("type").unwrap_or_default()
    }

    /// Whether it is a machine that a master installs: what a takeover is about.
    pub fn is_client(&self) -> bool {
        self.class() == "machines" && matches!(self.kind(), "standalone" | "diskless" | "dataless")
    }

    /// Whether it is the other master.
    pub fn is_alternate_master(&self) -> bool {
        self.class() == "machines" && self.kind() == "alternate_master"
    }

    /// Its interfaces by their number: `ifN = NETWORK HOSTNAME MAC [ADAPTER]`.
    pub fn interfaces(&self) -> Vec<Interface> {
        let mut all: Vec<Interface> =
            self.attributes.iter().filter_map(|(name, value)| interface(name, value)).collect();
        all.sort_by_key(|interface| interface.index);
        all
    }

    /// The host name at its first interface: how a master reaches it. Its own name without one.
    pub fn hostname(&self) -> String {
        let first = self.interfaces().into_iter().next();
        first.and_then(|interface| interface.hostname).unwrap_or_else(|| self.name.clone())
    }

    /// The resources allocated to a machine, by type, in their order. A resource that is one's own
    /// attribute in a group is a member there, not an allocation.
    pub fn allocations(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut all: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        if self.class() == "machines" {
            for (name, value) in &self.attributes {
                if RESOURCE_TYPES.contains(&name.as_str()) {
                    all.entry(name).or_default().push(value);
                }
            }
        }
        all
    }
}

/// Reads an attribute that is an interface; `None` for every other.
pub fn interface(name: &str, value: &str) -> Option<Interface> {
    let index = name.strip_prefix("if")?.parse().ok()?;
    let mut words = value.split_whitespace().map(str::to_owned);
    Some(Interface {
        index,
        network: words.next()?,
        hostname: words.next(),
        mac: words.next(),
        adapter: words.next(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(attributes: &[(&str, &str)]) -> Object {
        let attributes =
            attributes.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Object { name: "lpar07".into(), attributes }
    }

    #[test]
    fn interfaces_come_in_the_order_of_their_numbers() {
        let object = machine(&[
            ("if10", "net2 h10 0"),
            ("if2", "net1 h2 8EB2200AA002 ent0"),
            ("if_supported", "chrp.64 ent"),
        ]);
        let all = object.interfaces();
        assert_eq!(all.iter().map(|one| one.index).collect::<Vec<_>>(), [2, 10]);
        assert_eq!(all[0].adapter.as_deref(), Some("ent0"));
        assert_eq!((all[1].mac.as_deref(), all[1].adapter.as_deref()), (Some("0"), None));
        assert_eq!(object.hostname(), "h2");
        assert_eq!(machine(&[]).hostname(), "lpar07");
    }

    #[test]
    fn resources_of_a_machine_are_allocations_and_those_of_a_group_are_not() {
        let of = |class| {
            machine(&[("class", class), ("spot", "s"), ("lpp_source", "a"), ("lpp_source", "b")])
        };
        let machine = of("machines");
        assert_eq!(machine.allocations()["lpp_source"], ["a", "b"]);
        assert_eq!(machine.allocations()["spot"], ["s"]);
        assert!(of("groups").allocations().is_empty());
    }
}
