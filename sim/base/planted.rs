//! Planted defects: switches in protocols and ledgers that only tests can turn, to see that the conformance suite would
//! notice.
//!
//! A protocol writes `planted!("vote twice")` where the defect would be, and lists the name in `Protocol::PLANTED`.
//! In a build that is no test the switch is the constant `false`, and the defect is not compiled.

#[cfg(test)]
use std::cell::Cell;

#[cfg(test)]
thread_local! {
    static PLANTED: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// Runs `inside` on this thread with `defect` planted.
#[cfg(test)]
pub(crate) fn with<R>(defect: &'static str, inside: impl FnOnce() -> R) -> R {
    /// Takes the defect out again, also where `inside` panics.
    struct Uproot;
    impl Drop for Uproot {
        fn drop(&mut self) {
            PLANTED.set(None);
        }
    }
    let _uproot = Uproot;
    PLANTED.set(Some(defect));
    inside()
}

/// Whether `defect` is planted on this thread.
#[cfg(test)]
pub(crate) fn is(defect: &str) -> bool {
    PLANTED.get() == Some(defect)
}

/// Whether a defect is planted: `planted!("vote twice")`. False in every build but tests.
#[cfg(test)]
macro_rules! planted {
    ($defect:literal) => {
        $crate::base::planted::is($defect)
    };
}
/// Whether a defect is planted. False in every build but tests.
#[cfg(not(test))]
macro_rules! planted {
    ($defect:literal) => {
        false
    };
}
pub(crate) use planted;
