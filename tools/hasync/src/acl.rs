//! POSIX access control lists, as Linux keeps them in two extended attributes.

use crate::entry::Kind;
use nix::errno::Errno;

/// Decides on access, together with the mode.
pub(crate) const ACCESS: &str = "system.posix_acl_access";
/// What is made in a directory gets it.
pub(crate) const DEFAULT: &str = "system.posix_acl_default";

/// No list has more entries: the kernel keeps none that is longer.
pub(crate) const MOST_ENTRIES: usize = 8191;
const VERSION: u32 = 2;
const NOBODY: u32 = u32::MAX;

/// Whom an entry is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tag {
    Owner = 0x01,
    User = 0x02,
    OwningGroup = 0x04,
    Group = 0x08,
    Mask = 0x10,
    Other = 0x20,
}

impl Tag {
    pub(crate) fn of(number: u16) -> Option<Tag> {
        let tags = [Tag::Owner, Tag::User, Tag::OwningGroup, Tag::Group, Tag::Mask, Tag::Other];
        tags.into_iter().find(|tag| *tag as u16 == number)
    }

    /// True for an entry of somebody who is named by a number.
    pub(crate) fn is_named(self) -> bool {
        matches!(self, Tag::User | Tag::Group)
    }
}

/// One entry: three bits for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Allowed {
    pub(crate) tag: Tag,
    /// 0 where the tag names nobody.
    pub(crate) id: u32,
    pub(crate) bits: u8,
}

/// The lists of a thing, each empty where there is none. That for access lacks what the mode says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lists {
    pub(crate) access: Vec<Allowed>,
    pub(crate) default: Vec<Allowed>,
}

impl Lists {
    /// Takes the value of one of the attributes.
    ///
    /// # Errors
    /// `EINVAL` for one that is no list.
    pub(crate) fn take(&mut self, name: &str, value: &[u8]) -> nix::Result<()> {
        let list = parse(value).ok_or(Errno::EINVAL)?;
        if name == DEFAULT {
            self.default = list;
        } else if list.iter().any(|allowed| allowed.tag == Tag::Mask) {
            // Owner, mask and others are the three parts of the mode.
            self.access = list
                .into_iter()
                .filter(|a| a.tag.is_named() || a.tag == Tag::OwningGroup)
                .collect();
        }
        Ok(())
    }

    /// The attributes that a thing of this kind and mode has, and their values; `None` for one that
    /// it has not.
    pub(crate) fn values(&self, kind: Kind, mode: u32) -> Vec<(&'static str, Option<Vec<u8>>)> {
        let part = |tag, place: u32| Allowed { tag, id: 0, bits: (mode >> place & 0o7) as u8 };
        let mut access = self.access.clone();
        if !access.is_empty() {
            access.extend([part(Tag::Owner, 6), part(Tag::Mask, 3), part(Tag::Other, 0)]);
            sort(&mut access);
        }
        let value = |list: &[Allowed]| (!list.is_empty()).then(|| format(list));
        let mut values = vec![(ACCESS, value(&access))];
        if kind == Kind::Directory {
            values.push((DEFAULT, value(&self.default)));
        }
        values
    }

    /// Gives the users and groups in it other numbers.
    pub(crate) fn renumber(&mut self, number: impl Fn(bool, u32) -> u32) {
        for list in [&mut self.access, &mut self.default] {
            for allowed in list.iter_mut().filter(|allowed| allowed.tag.is_named()) {
                allowed.id = number(allowed.tag == Tag::Group, allowed.id);
            }
            sort(list);
        }
    }

    /// The users and groups in it: whether it is a group, and the number.
    pub(crate) fn named(&self) -> impl Iterator<Item = (bool, u32)> {
        let named = self.access.iter().chain(&self.default).filter(|a| a.tag.is_named());
        named.map(|allowed| (allowed.tag == Tag::Group, allowed.id))
    }
}

/// Puts entries in the kernel's order. Those of one number stay in theirs: the first of them decides.
fn sort(list: &mut [Allowed]) {
    list.sort_by_key(|allowed| (allowed.tag, allowed.id));
}

/// The permissions that what is made in a directory may have, by the value of its default list.
pub(crate) fn permissions(value: &[u8]) -> Option<u32> {
    let list = parse(value)?;
    let bits = |tag| list.iter().find(|a| a.tag == tag).map(|a| u32::from(a.bits));
    let group = bits(Tag::Mask).or(bits(Tag::OwningGroup))?;
    Some(bits(Tag::Owner)? << 6 | group << 3 | bits(Tag::Other)?)
}

fn parse(value: &[u8]) -> Option<Vec<Allowed>> {
    let (version, entries) = value.split_first_chunk()?;
    if u32::from_le_bytes(*version) != VERSION || entries.len() % 8 != 0 {
        return None;
    }
    let mut list = entries
        .chunks_exact(8)
        .map(|entry| {
            let tag = Tag::of(u16::from_le_bytes([entry[0], entry[1]]))?;
            let bits = u8::try_from(u16::from_le_bytes([entry[2], entry[3]])).ok()?;
            let id = u32::from_le_bytes([entry[4], entry[5], entry[6], entry[7]]);
            let id = if tag.is_named() { id } else { 0 };
            (bits <= 0o7).then_some(Allowed { tag, id, bits })
        })
        .collect::<Option<Vec<_>>>()?;
    sort(&mut list);
    Some(list)
}

fn format(list: &[Allowed]) -> Vec<u8> {
    let mut value = VERSION.to_le_bytes().to_vec();
    for allowed in list {
        value.extend_from_slice(&(allowed.tag as u16).to_le_bytes());
        value.extend_from_slice(&u16::from(allowed.bits).to_le_bytes());
        let id = if allowed.tag.is_named() { allowed.id } else { NOBODY };
        value.extend_from_slice(&id.to_le_bytes());
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_list_leaves_the_group_what_its_mask_says() {
        let entry = |tag, bits| Allowed { tag, id: 0, bits };
        let (owner, group) = (entry(Tag::Owner, 7), entry(Tag::OwningGroup, 6));
        let (mask, other) = (entry(Tag::Mask, 1), entry(Tag::Other, 2));
        assert_eq!(permissions(&format(&[owner, group, other])), Some(0o762));
        assert_eq!(permissions(&format(&[owner, group, mask, other])), Some(0o712));
        assert_eq!(permissions(&format(&[owner, other])), None);
    }

    fn entry(tag: Tag, id: u32, bits: u8) -> Allowed {
        Allowed { tag, id, bits }
    }

    #[test]
    fn what_the_mode_says_is_taken_out_and_put_back() {
        let whole = [
            entry(Tag::Owner, 0, 6),
            entry(Tag::User, 5, 7),
            entry(Tag::OwningGroup, 0, 4),
            entry(Tag::Mask, 0, 5),
            entry(Tag::Other, 0, 1),
        ];
        let mut lists = Lists::default();
        lists.take(ACCESS, &format(&whole)).unwrap();
        assert_eq!(lists.access, [entry(Tag::User, 5, 7), entry(Tag::OwningGroup, 0, 4)]);
        let back = lists.values(Kind::File, 0o651);
        assert_eq!(back, [(ACCESS, Some(format(&whole)))]);
        lists.renumber(|group, id| if group { id } else { id + 1 });
        assert_eq!(lists.named().collect::<Vec<_>>(), [(false, 6)]);
    }

    #[test]
    fn a_list_that_only_says_what_the_mode_says_is_none() {
        let mut lists = Lists::default();
        let mode = [(Tag::Owner, 6), (Tag::OwningGroup, 4), (Tag::Other, 4)];
        lists.take(ACCESS, &format(&mode.map(|(tag, bits)| entry(tag, 0, bits)))).unwrap();
        assert_eq!(lists, Lists::default());
        assert_eq!(lists.values(Kind::Directory, 0o644), [(ACCESS, None), (DEFAULT, None)]);
    }

    #[test]
    fn two_who_get_one_number_stay_in_their_order() {
        let access = vec![entry(Tag::User, 1, 4), entry(Tag::User, 2, 3)];
        let mut lists = Lists { access, ..Lists::default() };
        lists.renumber(|_, _| 7);
        assert_eq!(lists.access, [entry(Tag::User, 7, 4), entry(Tag::User, 7, 3)]);
        let mut back = Lists::default();
        let values = lists.values(Kind::File, 0o670);
        back.take(ACCESS, values[0].1.as_deref().unwrap()).unwrap();
        assert_eq!(back.access, lists.access);
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for value in
            [&b""[..], &[1, 0, 0, 0], &[2, 0, 0, 0, 1], &[2, 0, 0, 0, 3, 0, 7, 0, 0, 0, 0, 0]]
        {
            assert_eq!(Lists::default().take(ACCESS, value), Err(Errno::EINVAL), "{value:?}");
        }
    }
}
