//! Many passes as few: how many pictures go through a network at once.

use std::ops::Range;

use super::Engine;

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

#[cfg(test)]
mod tests {
    use super::*;

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
