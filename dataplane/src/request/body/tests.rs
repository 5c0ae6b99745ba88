use super::*;
use proptest::prelude::*;
use std::collections::VecDeque;

/// A client's body in pieces, and then trailer fields.
struct Pieces {
    pieces: VecDeque<Bytes>,
    trailers: Option<HeaderMap>,
    has_length: bool,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Polled {
        if let Some(piece) = self.pieces.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn size_hint(&self) -> SizeHint {
        match self.has_length {
            true => SizeHint::with_exact(self.pieces.iter().map(|one| one.len() as u64).sum()),
            false => SizeHint::default(),
        }
    }
}

fn body(lengths: &[usize], has_trailers: bool, has_length: bool) -> RequestBody {
    let pieces = lengths.iter().zip(0u8..).map(|(length, byte)| vec![byte; *length].into());
    let trailers = has_trailers.then(|| [("x-sum".parse().unwrap(), "1".parse().unwrap())]);
    let pieces = Pieces {
        pieces: pieces.collect(),
        trailers: trailers.map(|trailers| trailers.into_iter().collect()),
        has_length,
    };
    let state = Rc::new(RequestState::new());
    RequestBody::new(Incoming::Http2(Box::pin(pieces)), &state, None, TrailerFilter::default())
}

/// The data of up to so many frames, and how many fields follow.
fn read(body: &mut RequestBody, frames: usize) -> Result<(Vec<u8>, usize), BoxError> {
    let (mut data, mut fields) = (Vec::new(), 0);
    for _ in 0..frames {
        let Poll::Ready(frame) =
            Pin::new(&mut *body).poll_frame(&mut Context::from_waker(std::task::Waker::noop()))
        else {
            panic!("pending");
        };
        match frame.transpose()?.map(Frame::into_data) {
            Some(Ok(piece)) => data.extend(piece),
            Some(Err(frame)) => fields += frame.into_trailers().unwrap().len(),
            None => break,
        }
    }
    Ok((data, fields))
}

#[tokio::test]
async fn a_body_is_sent_again_whole_with_its_trailers_and_goes_on_from_the_client() {
    let (all, _) = read(&mut body(&[9, 1, 70], false, false), 9).unwrap();
    for (taken, has_trailers) in
        [(0, true), (1, true), (2, false), (3, true), (4, true), (5, false)]
    {
        let mut first = body(&[9, 1, 70], has_trailers, false);
        let mut again = first.fork().unwrap();
        read(&mut first, taken).unwrap();
        drop(first);
        assert!(again.has_rest());
        assert_eq!(again.is_short(), taken >= 4, "{taken}");
        assert_ne!(again.size_hint().exact(), Some(0), "{taken}");
        assert_eq!(read(&mut again, 9).unwrap(), (all.clone(), usize::from(has_trailers)));
        assert!(again.is_end_stream());
    }
}

#[tokio::test]
async fn more_than_is_kept_is_not_sent_again() {
    let length = MAX_KEPT_BYTES / 2 + 1;
    let mut first = body(&[length; 2], false, true);
    assert!(first.is_long() && !first.is_short());
    let mut again = first.fork().unwrap();
    read(&mut first, 1).unwrap();
    assert!(again.has_rest());
    read(&mut first, 1).unwrap();
    assert!(!again.has_rest() && first.has_rest() && first.fork().is_none());
    assert!(read(&mut again, 1).is_err());
    let just_short = body(&[MAX_KEPT_BYTES], false, true);
    assert!(just_short.is_short() && !just_short.is_long());
}

#[tokio::test]
async fn what_nobody_sends_again_is_not_kept() {
    let mut only = body(&[1, 1], false, true);
    read(&mut only, 1).unwrap();
    assert!(only.fork().is_none() && only.has_rest());
    let mut first = body(&[1, 1], false, true);
    let again = first.fork();
    read(&mut first, 1).unwrap();
    drop(again);
    read(&mut first, 1).unwrap();
    assert!(first.fork().is_none());
}

#[test]
fn no_body_is_sent_again_as_it_is() {
    let mut none = RequestBody::empty();
    assert!(none.is_short() && none.has_rest() && !none.is_long() && none.is_end_stream());
    assert!(none.fork().unwrap().is_end_stream());
    assert_eq!(read(&mut none, 2).unwrap(), (vec![], 0));
}

proptest! {
    /// However often the tries stop, and wherever.
    #[test]
    fn every_try_sends_the_same(
        lengths in prop::collection::vec(0usize..30_000, 1..6),
        has_trailers: bool,
        has_length: bool,
        stops in prop::collection::vec(0usize..8, 0..4),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let _guard = runtime.enter();
        let has_length = has_length && !has_trailers;
        let total: usize = lengths.iter().sum();
        let (all, fields) = read(&mut body(&lengths, has_trailers, has_length), 99).unwrap();
        let mut spare = body(&lengths, has_trailers, has_length);
        for stop in stops {
            let Some(mut sent) = spare.fork() else {
                prop_assert!(total > MAX_KEPT_BYTES);
                return Ok(());
            };
            let before = read(&mut sent, stop).unwrap().0;
            prop_assert!(all.starts_with(&before));
        }
        match spare.has_rest() {
            true => prop_assert_eq!(read(&mut spare, 99).unwrap(), (all, fields)),
            false => prop_assert!(total > MAX_KEPT_BYTES),
        }
    }
}
