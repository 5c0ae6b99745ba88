//! What is known of one name, and when it is to be looked up again. Pure: time and randomness are
//! handed in.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

/// The bounds of how long an answer is used, whatever its TTL.
const MIN_TTL: Duration = Duration::from_secs(1);
const MAX_TTL: Duration = Duration::from_secs(60 * 60);

/// How long the last addresses of a name that stops resolving are kept.
pub(super) const KEPT: Duration = Duration::from_secs(5 * 60);

/// How long after its first failed look-up a name is looked up again; doubles with each further one.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// The longest such time.
const MAX_RETRY: Duration = Duration::from_secs(30);

/// How many addresses of each family are used.
const MAX_ADDRESSES: usize = 64;

/// How often it is logged that a name does not resolve.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// What the look-up of one family's records has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Addresses, and how long they hold.
    Found(Vec<IpAddr>, Duration),
    /// There are none.
    Nothing,
    /// Nobody has answered, or with an error.
    Failed,
}

impl Answer {
    /// How long the addresses hold that were found.
    pub(super) fn ttl(&self) -> Option<Duration> {
        match self {
            Self::Found(_, ttl) => Some(*ttl),
            Self::Nothing | Self::Failed => None,
        }
    }
}

/// What is known of one name.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// IPv6 and IPv4.
    families: [Family; 2],
    /// How many look-ups in a row have failed, at least in part.
    failures: u32,
    /// Since when the name does not resolve.
    failing: Option<Instant>,
    logged: Option<Instant>,
}

/// The last addresses of one family.
#[derive(Debug, Default)]
struct Family {
    addresses: Vec<IpAddr>,
    /// Since when look-ups fail.
    failing: Option<Instant>,
}

impl Family {
    /// Takes an answer; `resolves` tells whether the name has addresses of any family.
    fn answered(&mut self, answer: Answer, resolves: bool, now: Instant) {
        match answer {
            Answer::Found(mut addresses, _) => {
                addresses.sort_unstable();
                addresses.dedup();
                addresses.truncate(MAX_ADDRESSES);
                *self = Self { addresses, failing: None };
            }
            Answer::Nothing if resolves => *self = Self::default(),
            Answer::Nothing | Answer::Failed => {
                let since = *self.failing.get_or_insert(now);
                if now.saturating_duration_since(since) >= KEPT {
                    self.addresses.clear();
                }
            }
        }
    }

    /// For how long its last addresses are still kept, if look-ups fail.
    fn kept(&self, now: Instant) -> Option<Duration> {
        let since = self.failing.filter(|_| !self.addresses.is_empty())?;
        Some(KEPT.saturating_sub(now.saturating_duration_since(since)))
    }
}

impl Record {
    /// Takes the answers for IPv6 and IPv4. Returns after which time the name is to be looked up
    /// again; `random` from 0 to 1 keeps names and replicas from moving in lockstep.
    pub(super) fn answered(&mut self, answers: [Answer; 2], now: Instant, random: f64) -> Duration {
        let ttl = answers.iter().filter_map(Answer::ttl).min();
        let has_failed = ttl.is_none() || answers.contains(&Answer::Failed);
        for (family, answer) in self.families.iter_mut().zip(answers) {
            family.answered(answer, ttl.is_some(), now);
        }
        self.failures = if has_failed { self.failures.saturating_add(1) } else { 0 };
        self.failing = if ttl.is_some() { None } else { self.failing.or(Some(now)) };
        let held = ttl.map(|ttl| shortened(ttl.clamp(MIN_TTL, MAX_TTL), 0.05, random).max(MIN_TTL));
        let retried = has_failed.then(|| shortened(retry_delay(self.failures), 0.25, random));
        let kept = self.families.iter().filter_map(|family| family.kept(now)).min();
        [held, retried, kept].into_iter().flatten().min().unwrap_or(MAX_RETRY)
    }

    /// The addresses, each once, in an order that does not depend on the name servers'.
    pub(super) fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.families.iter().flat_map(|family| family.addresses.iter().copied())
    }

    /// Since when the name does not resolve.
    pub(super) fn failing(&self) -> Option<Instant> {
        self.failing
    }

    /// Whether it is to be logged again what is wrong with it.
    pub(super) fn is_log_due(&mut self, now: Instant) -> bool {
        let is_due = self.logged.is_none_or(|at| now.saturating_duration_since(at) >= LOG_INTERVAL);
        if is_due {
            self.logged = Some(now);
        }
        is_due
    }
}

fn retry_delay(failures: u32) -> Duration {
    let doubled = failures.saturating_sub(1).min(16);
    FIRST_RETRY.saturating_mul(1 << doubled).min(MAX_RETRY)
}

/// A time shortened by up to `share` of it.
fn shortened(full: Duration, share: f64, random: f64) -> Duration {
    full.mul_f64(1.0 - share * random.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn v4(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    fn v6(last: u16) -> IpAddr {
        [0x2001, 0xdb8, 0, 0, 0, 0, 0, last].into()
    }

    fn found(addresses: &[IpAddr], ttl: u64) -> Answer {
        Answer::Found(addresses.to_vec(), SECOND * u32::try_from(ttl).unwrap_or(u32::MAX))
    }

    fn addresses(record: &Record) -> Vec<IpAddr> {
        record.addresses().collect()
    }

    #[test]
    fn ttls_are_honoured_within_their_bounds() {
        for (ttl, least, most) in [
            (0, SECOND, SECOND),
            (1, SECOND, SECOND),
            (100, SECOND * 95, SECOND * 100),
            (3600, SECOND * 3420, SECOND * 3600),
            (1 << 31, SECOND * 3420, SECOND * 3600),
        ] {
            for (random, delay) in [(0.0, most), (1.0, least)] {
                let answers = [Answer::Nothing, found(&[v4(1)], ttl)];
                let next = Record::default().answered(answers, Instant::now(), random);
                assert_eq!(next, delay, "{ttl} {random}");
            }
        }
        // The shorter one of two counts.
        let answers = [found(&[v6(1)], 300), found(&[v4(1)], 20)];
        assert_eq!(Record::default().answered(answers, Instant::now(), 0.0), SECOND * 20);
    }

    #[test]
    fn all_addresses_count_whatever_their_order() {
        let (mut one, mut other) = (Record::default(), Record::default());
        let now = Instant::now();
        one.answered([found(&[v6(2), v6(1)], 9), found(&[v4(2), v4(1), v4(2)], 9)], now, 0.0);
        other.answered([found(&[v6(1), v6(2)], 9), found(&[v4(1), v4(2)], 9)], now, 0.0);
        assert_eq!(addresses(&one), [v6(1), v6(2), v4(1), v4(2)]);
        assert_eq!(addresses(&one), addresses(&other));
    }

    #[test]
    fn a_name_that_stops_resolving_keeps_its_last_addresses_for_five_minutes() {
        for nothing in [Answer::Nothing, Answer::Failed] {
            let (mut record, start) = (Record::default(), Instant::now());
            record.answered([Answer::Nothing, found(&[v4(1)], 60)], start, 0.5);
            let failed = start + SECOND * 60;
            let (mut now, mut times) = (failed, 0);
            loop {
                let next = record.answered([nothing.clone(), nothing.clone()], now, 0.5);
                assert_eq!(record.failing(), Some(failed));
                assert!(next <= MAX_RETRY);
                if addresses(&record).is_empty() {
                    break;
                }
                (now, times) = (now + next, times + 1);
            }
            assert_eq!(now, failed + KEPT, "they go when their time is over");
            assert!((10..30).contains(&times), "{times}");
            // It is looked up for as long as it is named, and comes back as if it were new.
            record.answered([Answer::Nothing, found(&[v4(2)], 60)], now, 0.5);
            assert_eq!((addresses(&record), record.failing()), (vec![v4(2)], None));
        }
    }

    #[test]
    fn a_family_that_fails_beside_the_other_is_kept_and_asked_for_soon() {
        let (mut record, now) = (Record::default(), Instant::now());
        record.answered([found(&[v6(1)], 60), found(&[v4(1)], 60)], now, 0.0);
        let next = record.answered([Answer::Failed, found(&[v4(2)], 60)], now, 0.0);
        assert_eq!((addresses(&record), next), (vec![v6(1), v4(2)], SECOND));
        assert_eq!(record.failing(), None);
        // One that has gone is not.
        let next = record.answered([Answer::Nothing, found(&[v4(2)], 60)], now, 0.0);
        assert_eq!((addresses(&record), next), (vec![v4(2)], SECOND * 60));
    }

    #[test]
    fn failures_are_logged_once_a_minute() {
        let (mut record, start) = (Record::default(), Instant::now());
        let logged = (0..180).filter(|second| record.is_log_due(start + SECOND * *second));
        assert_eq!(logged.collect::<Vec<_>>(), [0, 60, 120]);
    }

    fn answers() -> impl Strategy<Value = Answer> {
        prop_oneof![
            (prop::collection::vec(any::<u8>(), 1..200), any::<u32>()).prop_map(|(last, ttl)| {
                Answer::Found(last.into_iter().map(v4).collect(), SECOND * ttl)
            }),
            Just(Answer::Nothing),
            Just(Answer::Failed),
        ]
    }

    proptest! {
        #[test]
        fn whatever_is_answered_the_next_look_up_is_due_and_addresses_are_bounded(
            answered in prop::collection::vec((answers(), answers(), 0.0..1.0, 0..4000_u32), 1..40)
        ) {
            let (mut record, mut now) = (Record::default(), Instant::now());
            let mut last_found = None;
            for (v6, v4, random, later) in answered {
                if v6.ttl().or(v4.ttl()).is_some() {
                    last_found = Some(now);
                }
                let next = record.answered([v6, v4], now, random);
                prop_assert!(next <= MAX_TTL && next > Duration::ZERO, "{next:?}");
                prop_assert!(record.addresses().count() <= 2 * MAX_ADDRESSES);
                if last_found.is_none() {
                    prop_assert_eq!(record.addresses().count(), 0);
                }
                if record.failing().is_none() {
                    prop_assert!(record.addresses().count() > 0);
                }
                now += SECOND * later;
            }
        }
    }
}
