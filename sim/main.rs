//! The `systole` binary: everything is in [`systole::cli`], but the allocator, which a library has no say in.

use std::alloc::System;
use std::process::ExitCode;

use stats_alloc::StatsAlloc;

use systole::cli::HeapUse;

/// Counts what the process allocates, for `systole regress`.
#[global_allocator]
static HEAP: StatsAlloc<System> = StatsAlloc::system();

fn main() -> ExitCode {
    systole::cli::main(heap_use)
}

/// What was allocated so far.
fn heap_use() -> HeapUse {
    let stats = HEAP.stats();
    // Bytes by which reallocations grow are among those allocated.
    HeapUse { allocations: stats.allocations as u64 + stats.reallocations as u64, bytes: stats.bytes_allocated as u64 }
}
