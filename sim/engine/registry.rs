//! The protocols that scenarios can choose: one line each.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::consensus::{Central, CentralParams, Jolteon, JolteonParams, Protocol};

use super::run::{Control, RunError, run_protocol};
use super::{Outcome, Setup};

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

protocols! {
    /// Two-chain HotStuff with timeout certificates (FC'22).
    Jolteon, jolteon: Jolteon, JolteonParams;
    /// One sequencer that writes a signed hash chain.
    Central, central: Central, CentralParams;
}
