//! The timers of users who are held in memory: when one of their memberships could next change by itself.
//!
//! The profiles have the timer of every user as of the last checkpoint; here are those that have changed since.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
};

use kindling_core::{ids::UserId, time::Timestamp};

const START: (Timestamp, UserId) = (Timestamp::from_ms(i64::MIN), UserId(i64::MIN));

/// Timers that the profiles do not have yet.
#[derive(Debug)]
pub(super) struct Timers {
    recent: Generation,
    in_flight: Generation,
    /// How far the timers in the profiles have been worked off since the last checkpoint.
    cursor: (Timestamp, UserId),
}

#[derive(Debug, Default)]
struct Generation {
    queue: BinaryHeap<Reverse<(Timestamp, UserId)>>,
    /// When each user stands in the queue first. A timer that moves to a later time stays where it is until its turn comes: most
    /// move with every flush, and few ever fire.
    queued: HashMap<UserId, Timestamp>,
}

impl Default for Timers {
    fn default() -> Self {
        Self { recent: Generation::default(), in_flight: Generation::default(), cursor: START }
    }
}

impl Timers {
    /// Notes when a user's timer is due.
    pub(super) fn set(&mut self, id: UserId, due: Option<Timestamp>) {
        let Some(due) = due else { return };
        match self.recent.queued.get_mut(&id) {
            Some(queued) if *queued <= due => return,
            Some(queued) => *queued = due,
            None => drop(self.recent.queued.insert(id, due)),
        }
        self.recent.queue.push(Reverse((due, id)));
    }

    /// Takes out at most `limit` users whose turn has come. Their timers may have moved; then they are to be set again.
    pub(super) fn take_due(&mut self, now: Timestamp, limit: usize) -> Vec<UserId> {
        let mut due = Vec::new();
        for generation in [&mut self.recent, &mut self.in_flight] {
            while due.len() < limit
                && let Some(Reverse((at, id))) = generation.queue.peek().copied()
                && at <= now
            {
                generation.queue.pop();
                if generation.queued.get(&id) == Some(&at) {
                    generation.queued.remove(&id);
                    due.push(id);
                }
            }
        }
        due
    }

    /// A checkpoint has been begun, which will bring the profiles all that is here.
    pub(super) fn rotate(&mut self) {
        self.in_flight = std::mem::take(&mut self.recent);
    }

    /// The checkpoint is written.
    pub(super) fn written_down(&mut self) {
        self.in_flight = Generation::default();
        self.cursor = START;
    }

    /// From where on the timers in the profiles have not been looked at.
    pub(super) const fn cursor(&self) -> (Timestamp, UserId) {
        self.cursor
    }

    /// The timers in the profiles have been looked at up to there.
    pub(super) const fn advance(&mut self, to: (Timestamp, UserId)) {
        self.cursor = to;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_fires_once_and_at_its_earliest_time() {
        let mut timers = Timers::default();
        let at = Timestamp::from_ms;
        let user = UserId(1);
        timers.set(user, Some(at(50)));
        timers.set(user, Some(at(70)));
        timers.set(user, Some(at(30)));
        timers.set(UserId(2), None);
        assert!(timers.take_due(at(29), 9).is_empty());
        assert_eq!(timers.take_due(at(30), 9), [user]);
        assert!(timers.take_due(at(60), 9).is_empty());
        timers.set(user, Some(at(90)));
        timers.rotate();
        timers.set(UserId(3), Some(at(80)));
        assert_eq!(timers.take_due(at(99), 1), [UserId(3)]);
        assert_eq!(timers.take_due(at(99), 9), [user]);
    }

    #[test]
    fn what_the_profiles_have_is_let_go_of() {
        let mut timers = Timers::default();
        timers.set(UserId(1), Some(Timestamp::from_ms(5)));
        timers.advance((Timestamp::from_ms(3), UserId(9)));
        timers.rotate();
        timers.written_down();
        assert!(timers.take_due(Timestamp::from_ms(9), 9).is_empty());
        assert_eq!(timers.cursor(), START);
    }
}
