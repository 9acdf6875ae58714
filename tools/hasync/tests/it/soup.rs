//! Random bytes after the greeting, to both ends: they end in time, by themselves, and say so.

use crate::peer::{Ended, Peer};
use crate::served::Place;
use crate::words::*;
use proptest::prelude::*;
use serde_json::json;

fn is_an_end(ended: &Ended) {
    // `Peer::end` has seen to the deadline and to panics.
    assert!(matches!(ended.status, Some(4..=6)), "{ended:?}");
}

/// Frames whose types are those of messages, so that what is behind the types is reached, too.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let frame = (0u8..20, proptest::collection::vec(0u8..6, 0..40))
        .prop_map(|(kind, rest)| framed(&[&[kind][..], &rest].concat()));
    proptest::collection::vec(frame, 0..12).prop_map(|frames| frames.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bytes_after_the_greeting(soup in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut peer = Peer::served(&[]);
        peer.greet();
        peer.raw(&soup);
        is_an_end(&peer.end());
    }

    #[test]
    fn bytes_to_a_standby(soup in proptest::collection::vec(any::<u8>(), 0..400), delete: bool) {
        let place = Place::new();
        let mut peer = place.standby(&json!({"delete": delete.then_some("after")}));
        peer.raw(&soup);
        is_an_end(&peer.end());
        place.is_untouched("soup");
    }

    #[test]
    fn frames_to_a_standby(soup in frames(), delete: bool, dry_run: bool) {
        let place = Place::new();
        let mut peer = place.standby(&json!({"delete": delete.then_some("after"), "dry_run": dry_run}));
        peer.raw(&soup);
        // A soup may hold a goodbye, which is an end like any other.
        let ended = peer.end();
        prop_assert!(matches!(ended.status, Some(0 | 4..=6)), "{:?}", ended);
        place.outside_is_untouched("soup");
    }

    #[test]
    fn bytes_to_a_source(soup in proptest::collection::vec(any::<u8>(), 0..400)) {
        let place = Place::new();
        let mut peer = Peer::served(&[]);
        peer.greet();
        peer.raw(&job("source", &json!({"timeout_seconds": 2}), &[place.path()]));
        peer.raw(&soup);
        is_an_end(&peer.end());
    }

    #[test]
    fn frames_to_a_source(soup in frames(), ready_first: bool) {
        let place = Place::new();
        let mut peer = Peer::served(&[]);
        peer.greet();
        peer.raw(&job("source", &json!({"timeout_seconds": 2}), &[place.path()]));
        if ready_first {
            peer.send(&ready());
        }
        peer.raw(&soup);
        let ended = peer.end();
        prop_assert!(matches!(ended.status, Some(0 | 4..=6)), "{:?}", ended);
        place.is_untouched("soup");
    }
}
