//! Identities. A [`NodeId`] is a simulated machine, a [`ReplicaId`] an identity with a key: Byzantine twins are two
//! nodes with one identity, so the two never convert into each other implicitly.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty), $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl $name {
            /// The id as an index into a table of its kind.
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self, f)
            }
        }
    };
}

id!(
    /// A simulated machine: hospitals and replicas alike have one.
    NodeId(u32),
    "n"
);
id!(
    /// An identity in the consensus committee, holding a key.
    ReplicaId(u32),
    "r"
);
id!(
    /// A simulated care site, holding a key.
    HospitalId(u32),
    "h"
);
id!(
    /// A leader's term: PBFT view, Raft term, HotStuff and Tendermint round.
    View(u64),
    "v"
);
id!(
    /// Position in the committed chain; genesis is 0.
    Height(u64),
    "#"
);

impl From<u16> for ReplicaId {
    fn from(id: u16) -> ReplicaId {
        ReplicaId(id.into())
    }
}

impl View {
    /// The view after this one.
    pub const fn next(self) -> View {
        View(self.0 + 1)
    }
}

impl Height {
    /// The height after this one.
    pub const fn next(self) -> Height {
        Height(self.0 + 1)
    }
}
