//! The workers that EMR Serverless has. What a driver or an executor asks for is its heap and what lies beside it; the
//! worker that it gets is the next larger one, and there is none beyond the largest.
//! <https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/app-behavior.html#worker-configs>

use std::fmt;

use super::memory::Memory;

/// Of a number of vCPUs, the memory that a worker may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sizes {
    /// From the least to the most, by this step.
    Steps(u64, u64, u64),
    /// These alone.
    Of(&'static [u64]),
}

/// GB by vCPUs. Those of 32 are of newer releases alone; the service says so where it does not have them.
const GRID: [(u64, Sizes); 6] = [
    (1, Sizes::Steps(2, 8, 1)),
    (2, Sizes::Steps(4, 16, 1)),
    (4, Sizes::Steps(8, 30, 1)),
    (8, Sizes::Steps(16, 60, 4)),
    (16, Sizes::Steps(32, 120, 8)),
    (32, Sizes::Of(&[60, 120, 244])),
];

/// What lies beside the heap unless a setting says otherwise: a tenth of it, and so much at least.
pub const OVERHEAD_FACTOR: f64 = 0.1;
/// The least that lies beside the heap.
pub const OVERHEAD_LEAST: Memory = Memory(384);

impl Sizes {
    /// The smallest size that holds so much.
    fn holding(self, need: Memory) -> Option<Memory> {
        let gb = need.0.div_ceil(1024);
        let size = match self {
            Self::Steps(least, most, step) => {
                let gb = gb.max(least);
                Some(least + (gb - least).div_ceil(step) * step).filter(|size| *size <= most)
            }
            Self::Of(sizes) => sizes.iter().copied().find(|size| *size >= gb),
        };
        size.map(Memory::gib)
    }

    fn bounds(self) -> (u64, u64) {
        match self {
            Self::Steps(least, most, _) => (least, most),
            Self::Of(sizes) => (sizes.first().copied().unwrap_or(0), sizes.last().copied().unwrap_or(0)),
        }
    }
}

/// Why there is no such worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoWorker {
    /// No worker has so many vCPUs.
    Cores(u64),
    /// Of so many vCPUs, none has so much memory.
    TooMuch {
        /// How many.
        cores: u64,
        /// What is asked for.
        need: Memory,
        /// What there is at most.
        most: Memory,
        /// The least vCPUs of a worker that has it.
        cores_that_hold: Option<u64>,
    },
    /// Of so many vCPUs, none has so little memory.
    TooLittle {
        /// How many.
        cores: u64,
        /// What is asked for.
        need: Memory,
        /// What there is at least.
        least: Memory,
    },
}

impl fmt::Display for NoWorker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gb = |memory: &Memory| memory.0 as f64 / 1024.0;
        match self {
            Self::Cores(cores) => write!(f, "no worker has {cores} vCPUs: 1, 2, 4, 8, 16 or 32"),
            Self::TooMuch { cores, need, most, cores_that_hold } => {
                write!(
                    f,
                    "{:.1} GB with its overhead, and a worker of {cores} vCPUs has {} at most",
                    gb(need),
                    gb(most)
                )?;
                match cores_that_hold {
                    Some(more) => write!(f, "; one of {more} vCPUs holds it"),
                    None => write!(f, "; no worker holds it"),
                }
            }
            Self::TooLittle { cores, need, least } => {
                write!(
                    f,
                    "{:.1} GB with its overhead, and a worker of {cores} vCPUs has {} at least",
                    gb(need),
                    gb(least)
                )
            }
        }
    }
}

/// The worker that is given for so many vCPUs and so much memory, overhead included.
pub fn worker(cores: u64, need: Memory) -> Result<Memory, NoWorker> {
    let sizes = GRID.iter().find(|(n, _)| *n == cores).map(|(_, sizes)| *sizes).ok_or(NoWorker::Cores(cores))?;
    let (least, most) = sizes.bounds();
    if need < Memory::gib(least) {
        return Err(NoWorker::TooLittle { cores, need, least: Memory::gib(least) });
    }
    sizes.holding(need).ok_or(NoWorker::TooMuch {
        cores,
        need,
        most: Memory::gib(most),
        cores_that_hold: cores_holding(cores, need),
    })
}

/// The least number of vCPUs, from these on, of which a worker holds so much.
pub fn cores_holding(from: u64, need: Memory) -> Option<u64> {
    GRID.iter().find(|(cores, sizes)| *cores >= from && sizes.holding(need).is_some()).map(|(cores, _)| *cores)
}

/// The most memory, overhead included, of a worker of so many vCPUs.
pub fn most(cores: u64) -> Option<Memory> {
    GRID.iter().find(|(n, _)| *n == cores).map(|(_, sizes)| Memory::gib(sizes.bounds().1))
}

/// What lies beside a heap.
pub fn overhead(heap: Memory, factor: f64) -> Memory {
    let share = (heap.0 as f64 * factor).ceil();
    let share = if share.is_finite() && share >= 0.0 { share as u64 } else { 0 };
    Memory(share).max(OVERHEAD_LEAST)
}

/// The largest heap, in whole GiB, that a worker of so many vCPUs holds with its overhead.
pub fn largest_heap(cores: u64, factor: f64) -> Option<Memory> {
    let most = most(cores)?;
    (1..=most.0 / 1024).rev().map(Memory::gib).find(|heap| heap.0 + overhead(*heap, factor).0 <= most.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_size_of_the_table_at_its_edges() {
        for (cores, need, given) in [
            (1, 2048, Ok(2)),
            (1, 2049, Ok(3)),
            (1, 8192, Ok(8)),
            (2, 4096, Ok(4)),
            (2, 16_384, Ok(16)),
            (4, 8192, Ok(8)),
            (4, 30_720, Ok(30)),
            (8, 16_384, Ok(16)),
            (8, 16_385, Ok(20)),
            (8, 61_440, Ok(60)),
            (16, 32_769, Ok(40)),
            (16, 122_880, Ok(120)),
            (32, 61_440, Ok(60)),
            (32, 61_441, Ok(120)),
            (32, 122_881, Ok(244)),
            (1, 8193, Err(Some(2))),
            (2, 16_385, Err(Some(4))),
            (4, 30_721, Err(Some(8))),
            (8, 61_441, Err(Some(16))),
            (16, 122_881, Err(Some(32))),
            (32, 249_857, Err(None)),
        ] {
            let told = worker(cores, Memory(need)).map(|memory| memory.0 / 1024).map_err(|fault| match fault {
                NoWorker::TooMuch { cores_that_hold, .. } => cores_that_hold,
                other => panic!("{cores} {need}: {other}"),
            });
            assert_eq!(told, given, "{cores} {need}");
        }
        for cores in [0, 3, 5, 64] {
            assert_eq!(worker(cores, Memory::gib(8)), Err(NoWorker::Cores(cores)));
        }
        for (cores, least) in [(1, 2), (2, 4), (4, 8), (8, 16), (16, 32), (32, 60)] {
            let fault = worker(cores, Memory(least * 1024 - 1));
            // Three sizes of 32 vCPUs: less than the smallest is too little there as well.
            assert!(matches!(fault, Err(NoWorker::TooLittle { .. })), "{cores}: {fault:?}");
        }
    }

    /// The example of the AWS documentation: 27 GB of 30, with a tenth beside it.
    #[test]
    fn the_overhead_counts_in() {
        assert_eq!(largest_heap(4, OVERHEAD_FACTOR), Some(Memory::gib(27)));
        assert_eq!(overhead(Memory::gib(1), OVERHEAD_FACTOR), Memory(384), "at least");
        assert_eq!(overhead(Memory(3840), OVERHEAD_FACTOR), Memory(384));
        assert_eq!(overhead(Memory(3850), OVERHEAD_FACTOR), Memory(385));
        assert_eq!(overhead(Memory::gib(4), f64::NAN), OVERHEAD_LEAST);
    }

    proptest! {
        #[test]
        fn a_worker_holds_what_is_asked_for(cores in prop::sample::select(vec![1u64, 2, 4, 8, 16, 32]), need in 0u64..300_000) {
            match worker(cores, Memory(need)) {
                Ok(given) => prop_assert!(given.0 >= need && given <= most(cores).unwrap_or_default()),
                Err(NoWorker::TooMuch { cores_that_hold: Some(more), .. }) => {
                    prop_assert!(more > cores && cores_holding(more, Memory(need)) == Some(more));
                }
                Err(_) => {}
            }
        }
    }
}
