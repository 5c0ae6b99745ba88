use super::*;
use tokio::task::JoinHandle;

/// Works for so long.
fn work(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        std::hint::spin_loop();
    }
}

/// What happened, in order.
type Log = Rc<RefCell<String>>;

fn seat(turn: Duration) -> Rc<Seat> {
    let (state, waker) = (Cell::new(State::Idle), RefCell::new(Waker::noop().clone()));
    Rc::new(Seat { turn: Cell::new(turn), state, waker })
}

/// A connection that notes its name whenever it is served, and works for so long, so many times.
fn busy(
    queue: &Rc<RunQueue>,
    log: &Log,
    name: char,
    time: Duration,
    times: usize,
) -> JoinHandle<()> {
    let (log, mut left) = (log.clone(), times);
    let served = poll_fn(move |cx| {
        log.borrow_mut().push(name);
        work(time);
        left -= 1;
        if left == 0 {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    });
    spawn_local(queue.queued(Box::pin(served)))
}

#[tokio::test(flavor = "local")]
async fn who_has_little_to_do_does_not_wait_for_those_who_have_much() {
    let (queue, log) = (Rc::<RunQueue>::default(), Log::default());
    // It sleeps until it is woken, and then has one thing to do.
    let (woken, waker) = (Rc::new(Cell::new(false)), Rc::new(RefCell::new(Waker::noop().clone())));
    let quiet = {
        let (log, woken, waker) = (log.clone(), woken.clone(), waker.clone());
        poll_fn(move |cx| {
            waker.borrow_mut().clone_from(cx.waker());
            if !woken.get() {
                return Poll::Pending;
            }
            log.borrow_mut().push('!');
            Poll::Ready(())
        })
    };
    let quiet = spawn_local(queue.queued(Box::pin(quiet)));
    let others: Vec<_> = ('a'..='p').map(|name| busy(&queue, &log, name, SLICE * 5, 8)).collect();
    let ring = {
        let log = log.clone();
        spawn_local(async move {
            while log.borrow().len() < 60 {
                yield_now().await;
            }
            log.borrow_mut().push('?');
            woken.set(true);
            waker.borrow().wake_by_ref();
        })
    };
    ring.await.unwrap();
    quiet.await.unwrap();
    for other in others {
        other.await.unwrap();
    }
    let log = log.borrow();
    let (asked, served) = (log.find('?').unwrap(), log.find('!').unwrap());
    assert!(served - asked <= 2, "{} turns of others: {log}", served - asked - 1);
    assert_eq!(log.len(), 16 * 8 + 2, "everyone is served to the end");
}

#[tokio::test(flavor = "local")]
async fn those_whose_turns_are_long_get_their_share() {
    let (queue, log) = (Rc::<RunQueue>::default(), Log::default());
    let short: Vec<_> = (0..8).map(|_| busy(&queue, &log, 's', SHORT_TURN / 2, 20_000)).collect();
    let long = busy(&queue, &log, 'l', SHORT_TURN * 16, 30);
    // In the order of arrival there would be eight for each.
    long.await.unwrap();
    assert!(log.borrow().matches('s').count() >= 300, "{}", log.borrow());
    short.into_iter().for_each(|one| one.abort());
}

#[test]
fn each_class_gets_the_same_time() {
    let queue = Rc::<RunQueue>::default();
    queue.is_calling.set(true);
    queue.worked.set(SLICE);
    let turns = [1, 4, 16, 64].map(|times| SHORT_TURN * times);
    let seats: Vec<_> = turns.iter().flat_map(|turn| [turn; 3]).map(|turn| seat(*turn)).collect();
    let mut served = [0; CLASSES];
    for seat in &seats {
        assert!(!queue.is_next(seat, Waker::noop()));
    }
    for _ in 0..850 {
        let next = queue.next().unwrap();
        served[next.class()] += 1;
        next.state.set(State::Called);
        assert!(queue.is_next(&next, Waker::noop()));
        queue.served(&next, next.turn.get());
        assert!(!queue.is_next(&next, Waker::noop()));
    }
    assert_eq!(served, [640, 160, 40, 10]);
}

#[test]
fn a_turn_that_is_longer_than_expected_counts_for_the_class_that_it_was_expected_in() {
    let queue = Rc::<RunQueue>::default();
    queue.is_calling.set(true);
    queue.worked.set(SLICE);
    let short = seat(SHORT_TURN);
    assert!(!queue.is_next(&short, Waker::noop()));
    let mut turns = 0;
    for _ in 0..1000 {
        // There is always another new connection.
        let new = seat(EXPECTED);
        assert!(!queue.is_next(&new, Waker::noop()));
        let next = queue.next().unwrap();
        next.state.set(State::Idle);
        if Rc::ptr_eq(&next, &short) {
            turns += 1;
            queue.served(&short, SHORT_TURN);
            assert!(!queue.is_next(&short, Waker::noop()));
        } else {
            queue.served(&next, SHORT_TURN * 9);
        }
    }
    assert_eq!(turns, 900);
}

#[test]
fn who_comes_later_gets_nothing_for_having_been_away() {
    let queue = Rc::<RunQueue>::default();
    queue.is_calling.set(true);
    queue.worked.set(SLICE);
    let (short, long) = (seat(SHORT_TURN), seat(SHORT_TURN * 16));
    let called = |name: &Rc<Seat>| {
        let next = queue.next().unwrap();
        queue.served(&next, next.turn.get());
        next.state.set(State::Idle);
        assert!(!queue.is_next(&next, Waker::noop()));
        Rc::ptr_eq(&next, name)
    };
    assert!(!queue.is_next(&short, Waker::noop()));
    assert!((0..100).all(|_| called(&short)));
    assert!(!queue.is_next(&long, Waker::noop()));
    let long_turns = (0..34).filter(|_| called(&long)).count();
    assert_eq!(long_turns, 2);
}

#[test]
fn the_length_of_a_turn_is_that_of_the_longest_of_late() {
    let (queue, seat) = (Rc::<RunQueue>::default(), seat(EXPECTED));
    let mut classes = Vec::new();
    for turn in [10, 10, 10, 10, 2000, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10] {
        queue.served(&seat, Duration::from_micros(turn));
        classes.push(seat.class());
    }
    assert_eq!(classes, [1, 1, 1, 0, 3, 3, 3, 2, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0]);
}

#[tokio::test(flavor = "local")]
async fn nobody_waits_for_those_who_have_left() {
    let (queue, log) = (Rc::<RunQueue>::default(), Log::default());
    let all: Vec<_> = ('a'..='h').map(|name| busy(&queue, &log, name, SLICE, 50)).collect();
    while log.borrow().len() < 20 {
        yield_now().await;
    }
    for (number, one) in all.into_iter().enumerate() {
        match number % 2 {
            0 => one.abort(),
            _ => one.await.unwrap(),
        }
    }
    while queue.is_calling.get() {
        yield_now().await;
    }
    assert!(queue.classes.iter().all(|class| class.waiting.borrow().is_empty()));
    assert!(log.borrow().len() >= 4 * 50);
}
