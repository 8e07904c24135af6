//! Many passes as few: how many pictures go through a network at once, and several such batches under way together.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::ops::Range;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::Engine;
use crate::error::Result;

/// Bytes that a batch's values may take.
const BYTES: usize = 192 << 20;

/// Multiply-adds of a batch on the CPU: some tens of milliseconds, so that estimates sharpen visibly.
const CPU_MACS: u64 = 200_000_000;

/// Multiply-adds of a batch on a GPU.
const GPU_MACS: u64 = 2_000_000_000;

/// More pictures than this gain nothing.
const MOST: usize = 64;

/// How many pictures a batch should hold when one takes `macs` multiply-adds and `bytes` of values: at least 1.
#[must_use]
pub fn batch_size(engine: &Engine, macs: u64, bytes: usize) -> usize {
    let budget = match engine {
        Engine::Cpu => CPU_MACS,
        Engine::Gpu(..) => GPU_MACS,
    };
    let by_time = usize::try_from(budget / macs.max(1)).unwrap_or(MOST);
    let by_memory = BYTES / bytes.max(1);
    by_time.min(by_memory).clamp(1, MOST)
}

/// Splits `count` passes into batches of at most `size`, as equal as can be, so that few programs serve all.
pub fn batches(count: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    let batches = count.div_ceil(size.max(1));
    (0..batches).map(move |batch| batch * count / batches..(batch + 1) * count / batches)
}

/// How many batches may be under way together, for as long as this is held.
#[derive(Debug)]
pub struct Lanes {
    count: usize,
    /// Tells whoever gave it that it is still held.
    _held: Option<Rc<()>>,
}

impl Lanes {
    /// One batch after the other.
    pub const ONE: Self = Self {
        count: 1,
        _held: None,
    };

    /// `count` at once; `held` is dropped with the lanes.
    #[must_use]
    pub const fn several(count: usize, held: Rc<()>) -> Self {
        Self {
            count,
            _held: Some(held),
        }
    }
}

/// Work whose results come in order, several pieces of it under way at once: whoever adds them up gets the same bytes however
/// many lanes there are and whichever piece ends first.
pub struct InOrder<'a, T> {
    lanes: Lanes,
    pieces: Box<dyn Iterator<Item = Running<'a, T>> + 'a>,
    under_way: VecDeque<Piece<'a, T>>,
}

type Running<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + 'a>>;

enum Piece<'a, T> {
    Running(Running<'a, T>),
    Done(Result<T>),
}

/// The results of `pieces`, which are begun in order, too: what one draws before it first waits does not depend on time.
pub fn in_order<'a, T, F>(lanes: Lanes, pieces: impl Iterator<Item = F> + 'a) -> InOrder<'a, T>
where
    F: Future<Output = Result<T>> + 'a,
{
    InOrder {
        lanes,
        pieces: Box::new(pieces.map(|piece| Box::pin(piece) as Running<'a, T>)),
        under_way: VecDeque::new(),
    }
}

impl<T> InOrder<'_, T> {
    /// The next piece's result; `None` after the last one.
    ///
    /// # Errors
    /// That of the piece.
    pub async fn next(&mut self) -> Result<Option<T>> {
        poll_fn(|context| self.poll(context)).await.transpose()
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        for piece in &mut self.under_way {
            piece.advance(context);
        }
        while self.under_way.len() < self.lanes.count {
            let Some(begun) = self.pieces.next() else {
                break;
            };
            let mut piece = Piece::Running(begun);
            piece.advance(context);
            self.under_way.push_back(piece);
        }
        match self.under_way.pop_front() {
            None => Poll::Ready(None),
            Some(Piece::Done(result)) => Poll::Ready(Some(result)),
            Some(running) => {
                self.under_way.push_front(running);
                Poll::Pending
            }
        }
    }
}

impl<T> Piece<'_, T> {
    fn advance(&mut self, context: &mut Context<'_>) {
        if let Self::Running(work) = self
            && let Poll::Ready(result) = work.as_mut().poll(context)
        {
            *self = Self::Done(result);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::control::Control;
    use crate::error::Error;

    /// Work that ends after so many polls.
    async fn after(polls: usize, result: Result<usize>) -> Result<usize> {
        for _ in 1..polls {
            Control::new().give_way().await;
        }
        result
    }

    #[test]
    fn results_come_in_order_whichever_work_ends_first() {
        let polls = [5, 1, 9, 2, 1, 1, 3];
        for count in [1, 2, 4, 20] {
            let lanes = Lanes::several(count, Rc::new(()));
            let mut begun = 0;
            let pieces = polls.iter().enumerate().map(|(item, &polls)| {
                assert_eq!(item, begun);
                begun += 1;
                after(polls, Ok(item))
            });
            let mut work = in_order(lanes, pieces);
            let results: Vec<usize> = pollster::block_on(async {
                let mut results = Vec::new();
                while let Some(result) = work.next().await.expect("no work fails") {
                    results.push(result);
                }
                results
            });
            assert_eq!(results, (0..polls.len()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_error_comes_after_what_is_before_it() {
        let lanes = Lanes::several(3, Rc::new(()));
        let pieces = (0..3).map(|item| match item {
            1 => after(1, Err(Error::aborted("stopped"))),
            _ => after(4, Ok(item)),
        });
        let mut work = in_order(lanes, pieces);
        assert_eq!(pollster::block_on(work.next()).ok(), Some(Some(0)));
        assert!(pollster::block_on(work.next()).is_err());
    }

    #[test]
    fn one_lane_begins_nothing_ahead() {
        let begun = std::cell::Cell::new(0);
        let pieces = (0..3).map(|item| {
            begun.set(begun.get() + 1);
            after(2, Ok(item))
        });
        let mut work = in_order(Lanes::ONE, pieces);
        assert_eq!(pollster::block_on(work.next()).ok(), Some(Some(0)));
        assert_eq!(begun.get(), 1);
    }

    #[test]
    fn batches_cover_everything_once_and_differ_by_one_at_most() {
        for (count, size) in [(50, 32), (7, 3), (1, 64), (0, 8), (64, 64), (65, 64)] {
            let all: Vec<Range<usize>> = batches(count, size).collect();
            let covered: Vec<usize> = all.iter().cloned().flatten().collect();
            assert_eq!(covered, (0..count).collect::<Vec<_>>());
            let lengths: Vec<usize> = all.iter().map(ExactSizeIterator::len).collect();
            if let (Some(most), Some(least)) = (lengths.iter().max(), lengths.iter().min()) {
                assert!(*most <= size && most - least <= 1, "{lengths:?}");
            }
        }
    }

    #[test]
    fn a_batch_holds_one_picture_however_large_it_is() {
        assert_eq!(batch_size(&Engine::Cpu, u64::MAX, usize::MAX), 1);
        assert_eq!(batch_size(&Engine::Cpu, 0, 0), MOST);
        assert_eq!(batch_size(&Engine::Cpu, CPU_MACS / 5, 1), 5);
        assert_eq!(batch_size(&Engine::Cpu, 1, BYTES / 3), 3);
    }
}
