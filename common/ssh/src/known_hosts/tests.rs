use super::*;
use proptest::prelude::*;

fn key(seed: u8) -> PublicKey {
    let bytes = ssh_key::public::Ed25519PublicKey([seed; 32]);
    PublicKey::from(ssh_key::public::KeyData::Ed25519(bytes))
}

fn text(seed: u8) -> String {
    key(seed).to_openssh().unwrap()
}

fn hashed(name: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(&[7; 20]).unwrap();
    mac.update(name.as_bytes());
    let hash: [u8; 20] = mac.finalize().into_bytes().into();
    HostPatterns::HashedName { salt: vec![7; 20], hash }.to_string()
}

fn pinned(content: &str, name: &str, seed: u8) -> String {
    String::from_utf8(pin(content.as_bytes(), name, &[key(seed)], &|_| false).content).unwrap()
}

#[test]
fn a_comment_of_any_bytes_hides_neither_a_pinned_key_nor_a_revoked_one() {
    let content = format!("mn2 {0} M\u{fc}ller\n@revoked * {0} M\u{fc}ller\n", text(1));
    // As Latin-1 has it.
    let content: Vec<u8> = content.chars().map(|c| c as u8).collect();
    let markers: Vec<Marker> = read(&content, "f").iter().map(|known| known.line.marker).collect();
    assert_eq!(markers, [Marker::Plain, Marker::Revoked]);
}

#[test]
fn names_match_as_ssh_matches_them() {
    for (patterns, name, want) in [
        ("mn1,mn2", "mn2", true),
        ("MN2", "mn2", true),
        ("*.example.com,!bad.example.com", "a.example.com", true),
        ("*.example.com,!bad.example.com", "bad.example.com", false),
        ("!bad", "good", false),
        ("mn?", "mn12", false),
        ("[mn2]:2299", "[mn2]:2299", true),
        ("mn2", "[mn2]:2299", false),
        ("*", "", true),
        ("a*b*c", "aXbXbc", true),
        ("a*b*c", "aXbX", false),
    ] {
        assert_eq!(matches(patterns, name), want, "{patterns} {name}");
    }
}

#[test]
fn hashed_names_are_found() {
    let line = format!("{} {}", hashed("mn2"), text(1));
    let line = Line::parse(line.as_bytes()).unwrap();
    assert!(line.is_of("mn2") && line.is_of("MN2") && !line.is_of("mn1"));
}

#[test]
fn what_ssh_keygen_hashed_is_found() {
    // mn2, made by ssh-keygen -H of OpenSSH 9.2 for this test.
    let line = "|1|/J4HVMed+fEehhHEXCCtRf9bztE=|smg3y540AorGabISlGG0EQf56U8= ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMZeZFgAELfANqQkaFvSJmQmJj0UPwunFghB2K2iGZBu";
    let line = Line::parse(line.as_bytes()).unwrap();
    assert!(line.is_of("mn2") && !line.is_of("mn1"));
}

#[test]
fn markers_are_told_and_broken_lines_are_none() {
    let of = |line: String| Line::parse(line.as_bytes()).map(|line| line.marker);
    assert_eq!(of(format!("@cert-authority * {}", text(1))), Some(Marker::Authority));
    assert_eq!(of(format!("@revoked\t*  {} c", text(1))), Some(Marker::Revoked));
    assert_eq!(of(format!("mn2 {}", text(1))), Some(Marker::Plain));
    for line in ["", "#mn2 x", "mn2", "mn2 ssh-ed25519", "mn2 ssh-ed25519 AAAA", "@new mn2 x y"] {
        assert_eq!(of(line.to_owned()), None, "{line}");
    }
}

#[test]
fn a_stale_line_goes_and_the_verified_key_comes() {
    let old = format!("# c\nmn1 {0}\nmn2 {0}\n", text(1));
    assert_eq!(pinned(&old, "mn2", 2), format!("# c\nmn1 {}\nmn2 {}\n", text(1), text(2)));
}

#[test]
fn one_name_among_several_is_taken_out_of_its_line() {
    let old = format!("mn1,mn2,10.0.0.2 {} comment here", text(1));
    let new = format!("mn1,10.0.0.2 {} comment here\nmn2 {}\n", text(1), text(2));
    assert_eq!(pinned(&old, "mn2", 2), new);
}

#[test]
fn a_hashed_stale_line_goes_and_marked_and_pattern_lines_stay() {
    let stay =
        format!("@revoked mn2 {0}\n@cert-authority mn2 {0}\nmn* {0}\nmn2 garbage\n", text(1));
    let old = format!("{} {}\n{stay}", hashed("mn2"), text(1));
    assert_eq!(pinned(&old, "mn2", 2), format!("{stay}mn2 {}\n", text(2)));
}

#[test]
fn a_key_that_is_known_is_not_appended_again() {
    for line in ["mn2", "x,mn2", "mn*", &hashed("mn2")] {
        let old = format!("{line} {}\n", text(2));
        assert_eq!(pinned(&old, "mn2", 2), old);
    }
}

#[test]
fn a_line_whose_key_is_right_too_is_kept() {
    let old = format!("mn2 {}\n", text(3));
    let edit = pin(old.as_bytes(), "mn2", &[key(2)], &|other| other == &key(3));
    assert_eq!(edit.content, format!("{old}mn2 {}\n", text(2)).into_bytes());
}

fn lines() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let line = prop_oneof![
        ("mn[1-3](,mn[1-3]){0,2}", 1u8..4)
            .prop_map(|(names, seed)| { format!("{names} {}", text(seed)).into_bytes() }),
        (1u8..4, "mn[1-3]")
            .prop_map(|(seed, n)| format!("{} {}", hashed(&n), text(seed)).into_bytes()),
        (1u8..4).prop_map(|seed| format!("@revoked mn2 {}", text(seed)).into_bytes()),
        proptest::collection::vec(any::<u8>(), 0..20)
            .prop_map(|bytes| bytes.into_iter().filter(|&b| b != b'\n').collect()),
    ];
    proptest::collection::vec(line, 0..8)
}

proptest! {
    #[test]
    fn an_edit_is_found_again_keeps_other_lines_and_done_twice_changes_nothing(
        lines in lines(), cut: bool, seed in 1u8..6
    ) {
        let mut content = lines.join(&b'\n');
        if !cut && !content.is_empty() {
            content.push(b'\n');
        }
        let edit = pin(&content, "mn2", &[key(seed)], &|_| false);
        let again = pin(&edit.content, "mn2", &[key(seed)], &|_| false);
        prop_assert_eq!(&again.content, &edit.content);
        prop_assert!(again.removed.is_empty() && again.pinned.is_empty());
        let of_name: Vec<Known> = read(&edit.content, "f")
            .into_iter()
            .filter(|known| known.line.marker == Marker::Plain && known.line.is_of("mn2"))
            .collect();
        prop_assert!(!of_name.is_empty());
        prop_assert!(of_name.iter().all(|known| known.line.key == key(seed)));
        // Other lines are there, byte for byte and in their order.
        let others = |content: &[u8]| -> Vec<Vec<u8>> {
            content
                .split(|&b| b == b'\n')
                .filter(|line| !line.is_empty())
                .filter(|line| {
                    !Line::parse(line).is_some_and(|l| l.marker == Marker::Plain
                        && (l.is_of("mn2") || l.key != key(seed) && l.is_of("mn1") || l.is_of("mn3")))
                })
                .map(<[u8]>::to_vec)
                .collect()
        };
        prop_assert_eq!(others(&content), others(&edit.content));
    }

    #[test]
    fn byte_soup_is_never_a_trusted_line(soup: Vec<u8>) {
        prop_assert!(read(&soup, "f").is_empty());
    }
}
