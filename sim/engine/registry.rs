//! The protocols that scenarios can choose: one line each.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::Span;
use crate::consensus::{
    BadSetting, Bullshark, BullsharkParams, Central, CentralParams, HotStuff, HotStuff2, HotStuff2Params,
    HotStuffParams, Jolteon, JolteonParams, Layer, Pbft, PbftParams, Protocol, Qbft, QbftParams, Raft, RaftParams,
    Tendermint, TendermintParams, Tusk, TuskParams,
};
use crate::ledger::{Committee, Promises};

use super::run::{Control, RunError, run_protocol};
use super::{Outcome, Setup};

/// Hands the list of protocols to another macro: one line each. What is not here is not run, not tested, not offered.
macro_rules! for_each_protocol {
    ($then:ident) => {
        $then! {
            /// Two-chain HotStuff with timeout certificates (FC'22).
            Jolteon, jolteon: Jolteon, JolteonParams;
            /// HotStuff, chained: three phases, one vote a view (PODC'19).
            HotStuff, hotstuff: HotStuff, HotStuffParams;
            /// HotStuff-2, pipelined: two phases, without certificates of timeouts in proposals (2023).
            HotStuff2, hotstuff2: HotStuff2, HotStuff2Params;
            /// PBFT over a chain: three phases, a stable primary (OSDI'99).
            Pbft, pbft: Pbft, PbftParams;
            /// A replicated log under an elected leader, against crashes only (Ongaro 2014).
            Raft, raft: Raft, RaftParams;
            /// QBFT: heights decided in rounds, as Besu and GoQuorum chains do (IBFT 2.0's successor).
            Qbft, qbft: Qbft, QbftParams;
            /// Tendermint as CometBFT runs it, with votes sent directly or by gossip (arXiv 1807.04938).
            Tendermint, tendermint: Tendermint, TendermintParams;
            /// A certified DAG ordered by a coin: waves of three rounds (EuroSys'22).
            Tusk, tusk: Tusk, TuskParams;
            /// A certified DAG ordered by leaders known before: waves of two rounds (CCS'22, partially synchronous).
            Bullshark, bullshark: Bullshark, BullsharkParams;
            /// One sequencer that writes a signed hash chain.
            Central, central: Central, CentralParams;
        }
    };
}
#[cfg(test)]
pub(crate) use for_each_protocol;

macro_rules! protocols {
    ($($(#[$doc:meta])* $variant:ident, $field:ident: $protocol:ty, $params:ty;)*) => {
        /// A protocol, by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "lowercase")]
        pub enum ProtocolKind {
            $($(#[$doc])* $variant,)*
        }

        /// Settings of every protocol; a run reads those of the protocol it chose.
        #[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields, default)]
        pub struct ProtocolTables {
            $($(#[$doc])* pub $field: $params,)*
        }

        impl ProtocolKind {
            /// Every protocol.
            pub const ALL: &'static [ProtocolKind] = &[$(ProtocolKind::$variant,)*];

            /// The name under which scenarios choose it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(ProtocolKind::$variant => <$protocol>::NAME,)*
                }
            }
        }

        impl ProtocolKind {
            /// The dissemination layers that it runs over.
            pub const fn layers(self) -> &'static [Layer] {
                match self {
                    $(ProtocolKind::$variant => <$protocol>::LAYERS,)*
                }
            }

            /// Defects that tests can plant in it.
            #[cfg(test)]
            pub(crate) const fn planted(self) -> &'static [&'static str] {
                match self {
                    $(ProtocolKind::$variant => <$protocol>::PLANTED,)*
                }
            }

            /// Fewest replicas that it runs with.
            pub const fn least_replicas(self) -> u32 {
                match self {
                    $(ProtocolKind::$variant => <$protocol>::LEAST_REPLICAS,)*
                }
            }
        }

        impl ProtocolTables {
            /// Whether every protocol's settings can be, for that many replicas; else the first that cannot.
            pub fn validate(&self, replicas: u32) -> Result<(), (ProtocolKind, BadSetting)> {
                $(
                    <$protocol>::validate(&self.$field, replicas).map_err(|bad| (ProtocolKind::$variant, bad))?;
                )*
                Ok(())
            }

            /// Settings for the conformance suite ([`Protocol::brisk`]).
            pub fn brisk() -> ProtocolTables {
                ProtocolTables { $($field: <$protocol>::brisk(),)* }
            }

            /// What the chosen protocol promises under its settings.
            pub fn promises(&self, kind: ProtocolKind) -> Promises {
                match kind {
                    $(ProtocolKind::$variant => <$protocol>::promises(&self.$field),)*
                }
            }

            /// How long the chosen protocol takes after the last fault until everything submitted is committed
            /// everywhere, at most ([`Protocol::patience`]).
            pub fn patience(&self, kind: ProtocolKind, committee: &Committee) -> Span {
                match kind {
                    $(ProtocolKind::$variant => <$protocol>::patience(&self.$field, committee),)*
                }
            }
        }

        /// Runs `setup` under the chosen protocol.
        pub fn run(
            kind: ProtocolKind,
            tables: &ProtocolTables,
            setup: &Setup,
            control: &mut dyn Control,
        ) -> Result<Outcome, RunError> {
            match kind {
                $(ProtocolKind::$variant => run_protocol::<$protocol>(setup, &tables.$field, control),)*
            }
        }
    };
}

for_each_protocol!(protocols);
