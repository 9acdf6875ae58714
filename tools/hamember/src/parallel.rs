//! Many hosts visited at a time, no more than some, told in their order.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// Does `work` with each of `things`, at most `at_a_time` at once, and hands the outcomes to `each` in
/// the order of the things, as soon as all before are there.
pub(crate) fn in_parallel<T: Sync, R: Send>(
    things: &[T],
    at_a_time: usize,
    work: impl Fn(&T) -> R + Sync,
    mut each: impl FnMut(&T, R),
) {
    let next = AtomicUsize::new(0);
    let (sender, outcomes) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..at_a_time.min(things.len()) {
            let (sender, next, work) = (sender.clone(), &next, &work);
            scope.spawn(move || {
                while let Some((at, thing)) = {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    things.get(at).map(|thing| (at, thing))
                } {
                    if sender.send((at, work(thing))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let (mut told, mut waiting) = (0, BTreeMap::new());
        for (at, outcome) in outcomes {
            waiting.insert(at, outcome);
            while let (Some(outcome), Some(thing)) = (waiting.remove(&told), things.get(told)) {
                each(thing, outcome);
                told += 1;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn outcomes_come_in_order_and_no_more_than_some_are_under_way() {
        let things: Vec<u64> = (0..40).collect();
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let mut told = Vec::new();
        let work = |thing: &u64| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            thread::sleep(Duration::from_millis((40 - thing) % 7));
            now.fetch_sub(1, Ordering::SeqCst);
            thing * 2
        };
        in_parallel(&things, 5, work, |thing, twice| {
            assert_eq!(thing * 2, twice);
            told.push(*thing);
        });
        assert_eq!(told, things);
        let most = most.into_inner();
        assert!((2..=5).contains(&most), "{most}");
        in_parallel(&[] as &[u64], 5, |thing| *thing, |_, _| unreachable!());
    }
}
