//! The allocator's memory.

use std::{hint::black_box, time::Duration};
use tokio::time::sleep;

/// How often memory is returned: as long as mimalloc keeps it for new allocations.
const INTERVAL: Duration = Duration::from_secs(1);

/// More than the largest of mimalloc's size classes, 512 KiB, whose last pages it keeps.
const HUGE_BYTES: usize = 1024 * 1024;

/// Keeps returning freed memory to the system. mimalloc does so only when some thread allocates or
/// frees a page of memory, which none does when all connections have just become idle.
pub(super) async fn return_memory() {
    loop {
        sleep(INTERVAL).await;
        // It is never touched, and so takes no memory.
        drop(black_box(Vec::<u8>::with_capacity(HUGE_BYTES)));
    }
}
