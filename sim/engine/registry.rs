//! The protocols that scenarios can choose: one line each.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::Span;
use crate::consensus::{
    BadSetting, Bullshark, BullsharkParams, Calendar, CalendarParams, Central, CentralParams, HotStuff, HotStuff2,
    HotStuff2Params, HotStuffParams, Jolteon, JolteonParams, Layer, Mysticeti, MysticetiParams, Pbft, PbftParams,
    Protocol, Qbft, QbftParams, Raft, RaftParams, Tendermint, TendermintParams, Tusk, TuskParams,
};
use crate::ledger::{Committee, Promises};

use super::run::{Control, RunError, run_protocol};
use super::sharded::{Sharded, ShardedParams};
use super::{Outcome, Setup};

/// What the registry asks of each line. A protocol answers for itself; `sharded`, which is none, asks the one that its
/// shards run.
pub(super) trait Entry {
    const NAME: &'static str;
    const LAYERS: &'static [Layer];
    const LEAST_REPLICAS: u32;
    #[cfg(test)]
    const PLANTED: &'static [&'static str];
    type Params;

    fn validate(params: &Self::Params, replicas: u32) -> Result<(), BadSetting>;
    fn brisk() -> Self::Params;
    fn promises(params: &Self::Params, tables: &ProtocolTables) -> Promises;
    fn patience(params: &Self::Params, tables: &ProtocolTables, committee: &Committee) -> Span;
    fn layers(params: &Self::Params, tables: &ProtocolTables) -> &'static [Layer];
    fn least_replicas(params: &Self::Params) -> u32;
    fn run(
        params: &Self::Params,
        tables: &ProtocolTables,
        setup: &Setup,
        control: &mut dyn Control,
    ) -> Result<Outcome, RunError>;
}

impl<P: Protocol> Entry for P {
    const NAME: &'static str = P::NAME;
    const LAYERS: &'static [Layer] = P::LAYERS;
    const LEAST_REPLICAS: u32 = P::LEAST_REPLICAS;
    #[cfg(test)]
    const PLANTED: &'static [&'static str] = P::PLANTED;
    type Params = P::Params;

    fn validate(params: &P::Params, replicas: u32) -> Result<(), BadSetting> {
        P::validate(params, replicas)
    }

    fn brisk() -> P::Params {
        P::brisk()
    }

    fn promises(params: &P::Params, _: &ProtocolTables) -> Promises {
        P::promises(params)
    }

    fn patience(params: &P::Params, _: &ProtocolTables, committee: &Committee) -> Span {
        P::patience(params, committee)
    }

    fn layers(_: &P::Params, _: &ProtocolTables) -> &'static [Layer] {
        P::LAYERS
    }

    fn least_replicas(_: &P::Params) -> u32 {
        P::LEAST_REPLICAS
    }

    fn run(
        params: &P::Params,
        _: &ProtocolTables,
        setup: &Setup,
        control: &mut dyn Control,
    ) -> Result<Outcome, RunError> {
        run_protocol::<P>(setup, params, control)
    }
}

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
            /// Mysticeti-C: a DAG of blocks that nobody certifies, with leaders in every round (NDSS'25).
            Mysticeti, mysticeti: Mysticeti, MysticetiParams;
            /// One sequencer that writes a signed hash chain.
            Central, central: Central, CentralParams;
            /// A hash calendar: one signed root a second, no contents (KSI, NordSec 2013).
            Calendar, calendar: Calendar, CalendarParams;
            /// One committee for each shard, and two-phase commit between them (S-BAC of Chainspace, NDSS'18).
            Sharded, sharded: Sharded, ShardedParams;
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
                    $(ProtocolKind::$variant => <$protocol as Entry>::NAME,)*
                }
            }
        }

        impl ProtocolKind {
            /// The dissemination layers that it runs over, whatever its settings.
            pub const fn layers(self) -> &'static [Layer] {
                match self {
                    $(ProtocolKind::$variant => <$protocol as Entry>::LAYERS,)*
                }
            }

            /// Defects that tests can plant in it.
            #[cfg(test)]
            pub(crate) const fn planted(self) -> &'static [&'static str] {
                match self {
                    $(ProtocolKind::$variant => <$protocol as Entry>::PLANTED,)*
                }
            }

            /// Fewest replicas that it runs with, whatever its settings.
            pub const fn least_replicas(self) -> u32 {
                match self {
                    $(ProtocolKind::$variant => <$protocol as Entry>::LEAST_REPLICAS,)*
                }
            }
        }

        impl ProtocolTables {
            /// Whether every protocol's settings can be, for that many replicas; else the first that cannot.
            pub fn validate(&self, replicas: u32) -> Result<(), (ProtocolKind, BadSetting)> {
                $(
                    let valid = <$protocol as Entry>::validate(&self.$field, replicas);
                    valid.map_err(|bad| (ProtocolKind::$variant, bad))?;
                )*
                Ok(())
            }

            /// Settings for the conformance suite ([`Protocol::brisk`]).
            pub fn brisk() -> ProtocolTables {
                ProtocolTables { $($field: <$protocol as Entry>::brisk(),)* }
            }

            /// What the chosen protocol promises under its settings.
            pub fn promises(&self, kind: ProtocolKind) -> Promises {
                match kind {
                    $(ProtocolKind::$variant => <$protocol as Entry>::promises(&self.$field, self),)*
                }
            }

            /// The dissemination layers that the chosen protocol runs over under its settings.
            pub fn layers(&self, kind: ProtocolKind) -> &'static [Layer] {
                match kind {
                    $(ProtocolKind::$variant => <$protocol as Entry>::layers(&self.$field, self),)*
                }
            }

            /// Fewest replicas that the chosen protocol runs with under its settings.
            pub fn least_replicas(&self, kind: ProtocolKind) -> u32 {
                match kind {
                    $(ProtocolKind::$variant => <$protocol as Entry>::least_replicas(&self.$field),)*
                }
            }

            /// How long the chosen protocol takes after the last fault until everything submitted is committed
            /// everywhere, at most ([`Protocol::patience`]).
            pub fn patience(&self, kind: ProtocolKind, committee: &Committee) -> Span {
                match kind {
                    $(ProtocolKind::$variant => <$protocol as Entry>::patience(&self.$field, self, committee),)*
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
                $(ProtocolKind::$variant => <$protocol as Entry>::run(&tables.$field, tables, setup, control),)*
            }
        }
    };
}

for_each_protocol!(protocols);
