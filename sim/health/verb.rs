//! What transactions of each kind ask for, and which of them belong to one case.

use crate::crypto::ContractCosts;

/// What transactions of a kind ask the contracts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// No contract looks at it.
    Plain,
    /// A record is anchored.
    Anchor,
    /// One is corrected.
    Amend,
    /// A patient is forgotten.
    Erase,
    /// A consent is given.
    Grant,
    /// A consent is taken back.
    Revoke,
    /// A consent goes on.
    Renew,
    /// Use is denied.
    Deny,
    /// Data are read, found or written.
    Look,
    /// Data are read in an emergency.
    BreakGlass,
    /// A session of telemedicine begins.
    Attend,
    /// A device reports.
    Report,
    /// A device calls for help.
    Alert,
    /// Data are asked for.
    Request,
    /// They are handed over.
    Disclose,
    /// They have come.
    Acknowledge,
    /// Is somebody insured?
    Inquire,
    /// A claim is submitted.
    Submit,
    /// The patient confirms the service.
    Confirm,
    /// The payer decides.
    Adjudicate,
    /// The payer pays.
    Pay,
    /// A prescription is written.
    Prescribe,
    /// It is filled.
    Dispense,
    /// A unit of packs is filled.
    Commission,
    /// It is packed into another.
    Aggregate,
    /// It leaves.
    Ship,
    /// It comes.
    Receive,
    /// It is taken apart.
    Unpack,
    /// It is packed anew.
    Transform,
    /// A sensor reports.
    Sense,
    /// A pack is verified.
    Verify,
    /// A pack is taken out.
    Decommission,
    /// A lot is recalled.
    Recall,
    /// A pack is doubted.
    Suspect,
    /// A subject enters a trial.
    Enrol,
    /// A form is filled in.
    Capture,
    /// The subject is paid.
    Stipend,
    /// The subject leaves.
    Withdraw,
    /// Data are licensed.
    License,
    /// The royalty is paid.
    Royalty,
    /// A motion is proposed.
    Propose,
    /// A member votes.
    Vote,
    /// A motion is enacted.
    Enact,
}

/// Kinds by name (`tx_taxonomy.csv`); what is not here is told by its family, or asks for nothing.
const BY_NAME: [(&str, Verb); 40] = [
    ("record.amend", Verb::Amend),
    ("record.erase", Verb::Erase),
    ("immunization.record", Verb::Anchor),
    ("consent.grant", Verb::Grant),
    ("consent.revoke", Verb::Revoke),
    ("consent.renew", Verb::Renew),
    ("consent.deny", Verb::Deny),
    ("access.break_glass", Verb::BreakGlass),
    ("tele.session_open/close", Verb::Attend),
    ("device.alert", Verb::Alert),
    ("share.request", Verb::Request),
    ("share.disclose", Verb::Disclose),
    ("share.acknowledge", Verb::Acknowledge),
    ("claim.eligibility", Verb::Inquire),
    ("claim.submit", Verb::Submit),
    ("claim.service_confirm", Verb::Confirm),
    ("claim.adjudicate", Verb::Adjudicate),
    ("claim.pay", Verb::Pay),
    ("rx.prescribe", Verb::Prescribe),
    ("rx.dispense", Verb::Dispense),
    ("pack.commission", Verb::Commission),
    ("pack.aggregate", Verb::Aggregate),
    ("pack.ship", Verb::Ship),
    ("pack.receive", Verb::Receive),
    ("pack.unpack", Verb::Unpack),
    ("pack.transform", Verb::Transform),
    ("pack.sensor", Verb::Sense),
    ("pack.verify", Verb::Verify),
    ("pack.decommission", Verb::Decommission),
    ("pack.recall", Verb::Recall),
    ("pack.suspect", Verb::Suspect),
    ("trial.consent", Verb::Enrol),
    ("trial.capture", Verb::Capture),
    ("trial.pay", Verb::Stipend),
    ("trial.withdraw", Verb::Withdraw),
    ("data.licence_grant", Verb::License),
    ("data.royalty_pay", Verb::Royalty),
    ("governance.propose", Verb::Propose),
    ("governance.vote", Verb::Vote),
    ("governance.enact", Verb::Enact),
];

impl Verb {
    /// What kinds of this name ask for.
    pub fn of(kind: &str) -> Verb {
        let by_family = || match kind.split('.').next() {
            Some("record") => Verb::Anchor,
            Some("access") => Verb::Look,
            Some("device") => Verb::Report,
            _ => Verb::Plain,
        };
        let by_name = BY_NAME.iter().find(|(name, _)| *name == kind);
        by_name.map_or_else(by_family, |(_, verb)| *verb)
    }

    /// The longest encoding of a call, bytes: a transaction's references have to hold it.
    pub const fn call_bytes(self) -> u64 {
        match self {
            Verb::Plain => 1,
            Verb::Look | Verb::BreakGlass | Verb::Attend | Verb::Report | Verb::Alert => 12,
            _ => 40,
        }
    }

    /// What the contract that decides it takes for a call, in nanoseconds; nought where none looks at it.
    pub const fn cost_ns(self, costs: &ContractCosts) -> u64 {
        match self {
            Verb::Plain => 0,
            Verb::Anchor | Verb::Amend | Verb::Erase => costs.record,
            Verb::Grant | Verb::Revoke | Verb::Renew | Verb::Deny => costs.consent,
            Verb::Look | Verb::BreakGlass | Verb::Attend | Verb::Report | Verb::Alert => costs.access,
            Verb::Request | Verb::Disclose | Verb::Acknowledge => costs.share,
            Verb::Inquire | Verb::Submit | Verb::Confirm | Verb::Adjudicate | Verb::Pay => costs.claim,
            Verb::Prescribe | Verb::Dispense => costs.prescription,
            Verb::Commission | Verb::Aggregate | Verb::Ship | Verb::Receive | Verb::Unpack => costs.pack,
            Verb::Transform | Verb::Sense | Verb::Verify | Verb::Decommission => costs.pack,
            Verb::Recall | Verb::Suspect => costs.pack,
            Verb::Enrol | Verb::Capture | Verb::Stipend | Verb::Withdraw => costs.trial,
            Verb::License | Verb::Royalty => costs.licence,
            Verb::Propose | Verb::Vote | Verb::Enact => costs.governance,
        }
    }

    /// The verb that a case with this one begins with, and how many steps later the first of this comes.
    pub const fn begins_with(self) -> Option<(Verb, u64)> {
        match self {
            Verb::Disclose => Some((Verb::Request, 1)),
            Verb::Acknowledge => Some((Verb::Request, 2)),
            Verb::Amend => Some((Verb::Anchor, 1)),
            Verb::Erase => Some((Verb::Anchor, 2)),
            Verb::Confirm => Some((Verb::Submit, 1)),
            Verb::Adjudicate => Some((Verb::Submit, 2)),
            Verb::Pay => Some((Verb::Submit, 3)),
            Verb::Dispense => Some((Verb::Prescribe, 1)),
            Verb::Receive => Some((Verb::Ship, 1)),
            Verb::Unpack => Some((Verb::Ship, 2)),
            Verb::Stipend => Some((Verb::Enrol, 1)),
            Verb::Capture => Some((Verb::Enrol, 1)),
            Verb::Withdraw => Some((Verb::Enrol, 5)),
            Verb::Royalty => Some((Verb::License, 1)),
            Verb::Vote => Some((Verb::Propose, 1)),
            Verb::Enact => Some((Verb::Propose, 8)),
            _ => None,
        }
    }
}
