//! The order in which a worker's connections are served. A worker is one thread: whoever has little
//! to do would wait for everyone who has much.
//!
//! While the worker keeps up, connections are served as their events come. Once it has worked for a
//! [`SLICE`] without looking for new events, connections queue, in [`CLASSES`] by how long their turns
//! take. Each class gets the same time: those whose turns are short wait for each other, and at most
//! for one of those whose turns are long, however many there are.

mod read_turn;

pub(crate) use read_turn::ReadTurn;

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};
use tokio::task::{spawn_local, yield_now};

/// After so much work, the worker looks for new events.
pub(crate) const SLICE: Duration = Duration::from_micros(200);

/// How long turns of the first class take at most; those of each further class take up to four times
/// as long, and those of the last any time.
const SHORT_TURN: Duration = Duration::from_micros(64);

/// How many classes there are.
const CLASSES: usize = 4;

/// What is expected of a new connection: more than of most that have had a turn.
const EXPECTED: Duration = SLICE;

/// The connections of a worker that wait to be served.
#[derive(Default)]
pub(crate) struct RunQueue {
    classes: [Class; CLASSES],
    /// How long the class that was called last has been served.
    latest: Cell<Duration>,
    /// How long connections have been served since the worker last looked for new events.
    worked: Cell<Duration>,
    /// Whether a task calls those that wait.
    is_calling: Cell<bool>,
}

/// Connections whose turns take about as long.
#[derive(Default)]
struct Class {
    waiting: RefCell<VecDeque<Rc<Seat>>>,
    /// How long they have been served since connections began to queue, counted from where the other
    /// classes were when the first of those that wait came.
    served: Cell<Duration>,
}

/// What the queue knows of a connection.
struct Seat {
    /// How long its turns take: the longest of late, less a quarter with each that is shorter.
    turn: Cell<Duration>,
    state: Cell<State>,
    waker: RefCell<Waker>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It is not in the queue, or has left it.
    Idle,
    /// It is in the queue.
    Waiting,
    /// It was called, and is served when it is polled.
    Called,
}

/// A connection's future, which is polled when its turn has come.
pub(crate) struct Queued<F> {
    future: F,
    queue: Rc<RunQueue>,
    seat: Rc<Seat>,
}

impl RunQueue {
    /// Lets a connection be served in turn.
    pub(crate) fn queued<F>(self: &Rc<Self>, future: F) -> Queued<F>
    where
        F: Future<Output = ()> + Unpin,
    {
        let seat = Seat {
            turn: Cell::new(EXPECTED),
            state: Cell::new(State::Idle),
            waker: RefCell::new(Waker::noop().clone()),
        };
        Queued { future, queue: self.clone(), seat: Rc::new(seat) }
    }

    /// Whether a connection that has been woken is served now. If not, it will be woken again.
    fn is_next(self: &Rc<Self>, seat: &Rc<Seat>, waker: &Waker) -> bool {
        match seat.state.get() {
            State::Called => seat.state.set(State::Idle),
            State::Waiting => {
                seat.waker.borrow_mut().clone_from(waker);
                return false;
            }
            State::Idle => {
                if self.must_wait(seat) {
                    self.add(seat, waker);
                    return false;
                }
            }
        }
        true
    }

    /// Whether the worker must look for new events, or others were there before.
    fn must_wait(&self, seat: &Seat) -> bool {
        let sooner = &self.classes[..=seat.class()];
        self.worked.get() >= SLICE || sooner.iter().any(|class| !class.waiting.borrow().is_empty())
    }

    fn add(self: &Rc<Self>, seat: &Rc<Seat>, waker: &Waker) {
        seat.state.set(State::Waiting);
        seat.waker.borrow_mut().clone_from(waker);
        let class = &self.classes[seat.class()];
        let mut waiting = class.waiting.borrow_mut();
        if waiting.is_empty() {
            class.served.set(class.served.get().max(self.latest.get()));
        }
        waiting.push_back(seat.clone());
        if !self.is_calling.replace(true) {
            spawn_local(self.clone().call());
        }
    }

    /// Calls those that wait until there are none.
    async fn call(self: Rc<Self>) {
        loop {
            // This looks for new events, and goes on when all that is ready has been polled.
            yield_now().await;
            self.worked.set(Duration::ZERO);
            while self.worked.get() < SLICE {
                if !self.call_next() {
                    return self.rest();
                }
                after_what_is_ready().await;
            }
        }
    }

    /// Calls as many as are likely to fill the slice, or the next one; `false` if nobody waits.
    fn call_next(&self) -> bool {
        let mut worked = self.worked.get();
        let mut has_called = false;
        while worked < SLICE
            && let Some(next) = self.next()
        {
            worked += next.turn.get();
            next.state.set(State::Called);
            next.waker.borrow().wake_by_ref();
            has_called = true;
        }
        has_called
    }

    /// Whose turn it is of those that wait: the first of the class that was served least.
    fn next(&self) -> Option<Rc<Seat>> {
        loop {
            let waiting = self.classes.iter().filter(|class| !class.waiting.borrow().is_empty());
            let class = waiting.min_by_key(|class| class.served.get())?;
            self.latest.set(class.served.get());
            let seat = class.waiting.borrow_mut().pop_front()?;
            if seat.state.get() == State::Waiting {
                return Some(seat);
            }
        }
    }

    /// Nobody waits any more.
    fn rest(&self) {
        self.is_calling.set(false);
        self.latest.set(Duration::ZERO);
        self.classes.iter().for_each(|class| class.served.set(Duration::ZERO));
    }

    /// A connection has had a turn.
    fn served(&self, seat: &Seat, time: Duration) {
        self.worked.set(self.worked.get() + time);
        if self.is_calling.get() {
            // The one that it was called from, however long its turn was.
            let class = &self.classes[seat.class()];
            class.served.set(class.served.get() + time);
        }
        seat.turn.set(time.max(seat.turn.get() * 3 / 4));
    }
}

impl Seat {
    /// The class of its turns.
    fn class(&self) -> usize {
        let longer = |class: &usize| self.turn.get() > SHORT_TURN * 4_u32.pow(*class as u32);
        (0..CLASSES - 1).take_while(longer).count()
    }
}

/// Goes on when all that is ready has been polled, without looking for new events.
async fn after_what_is_ready() {
    let mut is_woken = false;
    poll_fn(|cx| {
        if is_woken {
            return Poll::Ready(());
        }
        is_woken = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl<F> Future for Queued<F>
where
    F: Future<Output = ()> + Unpin,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if !self.queue.is_next(&self.seat, cx.waker()) {
            return Poll::Pending;
        }
        let start = Instant::now();
        let polled = Pin::new(&mut self.future).poll(cx);
        self.queue.served(&self.seat, start.elapsed());
        polled
    }
}

impl<F> Drop for Queued<F> {
    fn drop(&mut self) {
        self.seat.state.set(State::Idle);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
