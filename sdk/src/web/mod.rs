//! The shell around [`crate::client`] in a browser: storage, and the surface that the JavaScript facade calls. It converts
//! and delegates. What the browser does of itself (requests, a timer, locks, the page's events) is in `sdk/js/browser.js`, and
//! messages are drawn by `sdk/js/display.js`: a few lines there, where calling all that from here took 9 kB.

mod host;
mod surface;

/// 2 kB less to load than the standard library's. It looks through a list of what is free, which is short here.
#[global_allocator]
static ALLOCATOR: lol_alloc::LockedAllocator<lol_alloc::FreeListAllocator> =
    lol_alloc::LockedAllocator::new(lol_alloc::FreeListAllocator::new());
