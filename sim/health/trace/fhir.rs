//! FHIR resources (R4, with the fields that R5 renamed) → kinds.

use serde_json::Value;

use crate::health::{Category, Purpose};

use super::json::{all, at, first_named, first_time, named, text};
use super::{Flaw, Name, Parsed, Step};

/// How resources of a type are read.
struct Row {
    resource: &'static str,
    kind: &'static str,
    category: Category,
    /// Where its time is: when it was written down, or else when it happened.
    times: &'static [&'static str],
    /// What case it belongs to, if not to one of its own.
    case: &'static [&'static str],
}

const fn row(
    resource: &'static str,
    kind: &'static str,
    category: Category,
    times: &'static [&'static str],
    case: &'static [&'static str],
) -> Row {
    Row { resource, kind, category, times, case }
}

/// That a payer has decided says that there was a service to decide about: an explanation of benefit is addressed to the
/// patient, whose confirmation is in no export. So the patient confirms, and then the payer decides.
const CONFIRM: &str = "claim.service_confirm";
pub(super) const ADJUDICATE: &str = "claim.adjudicate";

const PRESCRIBED: &[&str] = &["authorizingPrescription"];

/// The types that are transactions. Encounters by video, consents and audit events depend on what they say besides.
const ROWS: [Row; 22] = {
    use Category::{Clinical, Laboratory, Medication};
    [
        row("Encounter", "record.encounter", Clinical, &["period.start", "actualPeriod.start"], &[]),
        row(
            "Observation",
            "record.observation",
            Laboratory,
            &["issued", "effectiveDateTime", "effectiveInstant", "effectivePeriod.start"],
            &[],
        ),
        row(
            "Procedure",
            "record.procedure",
            Clinical,
            &["performedDateTime", "performedPeriod.start", "occurrenceDateTime", "occurrencePeriod.start"],
            &[],
        ),
        row(
            "DiagnosticReport",
            "record.diagnostic_report",
            Laboratory,
            &["issued", "effectiveDateTime", "effectivePeriod.start"],
            &[],
        ),
        row("ImagingStudy", "record.diagnostic_report", Clinical, &["started"], &[]),
        row("Condition", "record.condition", Clinical, &["recordedDate", "onsetDateTime", "onsetPeriod.start"], &[]),
        row(
            "AllergyIntolerance",
            "record.condition",
            Clinical,
            &["recordedDate", "onsetDateTime", "onsetPeriod.start"],
            &[],
        ),
        row("CarePlan", "record.care_plan", Clinical, &["created", "period.start"], &[]),
        row("Goal", "record.care_plan", Clinical, &["statusDate", "startDate"], &[]),
        row("DocumentReference", "record.document", Clinical, &["date", "context.period.start"], &[]),
        row("Composition", "record.document", Clinical, &["date"], &[]),
        row("Immunization", "immunization.record", Clinical, &["recorded", "occurrenceDateTime"], &[]),
        row("MedicationRequest", "rx.prescribe", Medication, &["authoredOn"], &[]),
        row(
            "MedicationDispense",
            "rx.dispense",
            Medication,
            &["whenHandedOver", "whenPrepared", "recorded"],
            PRESCRIBED,
        ),
        row("Claim", "claim.submit", Clinical, &["created", "billablePeriod.start"], &[]),
        row("ClaimResponse", ADJUDICATE, Clinical, &["created"], &["request"]),
        row("ExplanationOfBenefit", ADJUDICATE, Clinical, &["created", "billablePeriod.start"], &["claim"]),
        row("CoverageEligibilityRequest", "claim.eligibility", Clinical, &["created"], &[]),
        row("PaymentNotice", "claim.pay", Clinical, &["created"], &["request"]),
        row("PaymentReconciliation", "claim.pay", Clinical, &["created"], &["request", "detail.request"]),
        row("Consent", "consent.grant", Clinical, &["dateTime", "date"], &[]),
        row("AuditEvent", "access.read", Clinical, &["recorded"], &[]),
    ]
};

/// The other types of R4: what transactions refer to, and what no kind stands for.
const REFERENCE: &str = "Account ActivityDefinition AdverseEvent Appointment AppointmentResponse Basic Binary \
BiologicallyDerivedProduct BodyStructure Bundle CapabilityStatement CareTeam CatalogEntry ChargeItem \
ChargeItemDefinition ClinicalImpression CodeSystem Communication CommunicationRequest CompartmentDefinition ConceptMap \
Contract Coverage CoverageEligibilityResponse DetectedIssue Device DeviceDefinition DeviceMetric DeviceRequest \
DeviceUseStatement DocumentManifest EffectEvidenceSynthesis Endpoint EnrollmentRequest EnrollmentResponse \
EpisodeOfCare EventDefinition Evidence EvidenceVariable ExampleScenario FamilyMemberHistory Flag GraphDefinition Group \
GuidanceResponse HealthcareService ImmunizationEvaluation ImmunizationRecommendation ImplementationGuide InsurancePlan \
Invoice Library Linkage List Location Measure MeasureReport Media Medication MedicationAdministration \
MedicationKnowledge MedicationStatement MedicinalProduct MedicinalProductAuthorization \
MedicinalProductContraindication MedicinalProductIndication MedicinalProductIngredient MedicinalProductInteraction \
MedicinalProductManufactured MedicinalProductPackaged MedicinalProductPharmaceutical \
MedicinalProductUndesirableEffect MessageDefinition MessageHeader MolecularSequence NamingSystem NutritionOrder \
ObservationDefinition OperationDefinition OperationOutcome Organization OrganizationAffiliation Parameters Patient \
Person PlanDefinition Practitioner PractitionerRole Provenance Questionnaire QuestionnaireResponse RelatedPerson \
RequestGroup ResearchDefinition ResearchElementDefinition ResearchStudy ResearchSubject RiskAssessment \
RiskEvidenceSynthesis Schedule SearchParameter ServiceRequest Slot Specimen SpecimenDefinition StructureDefinition \
StructureMap Subscription Substance SubstanceNucleicAcid SubstancePolymer SubstanceProtein \
SubstanceReferenceInformation SubstanceSourceMaterial SubstanceSpecification SupplyDelivery SupplyRequest Task \
TerminologyCapabilities TestReport TestScript ValueSet VerificationResult VisionPrescription";

const PATIENT: [&str; 2] = ["subject", "patient"];
const ENCOUNTER: [&str; 6] =
    ["encounter", "context", "context.encounter", "item.encounter", "diagnosis.encounter", "partOf.encounter"];
/// Organisations that answer for a resource, the nearest first.
const PROVIDER: [&str; 9] = [
    "serviceProvider",
    "custodian",
    "organization",
    "controller",
    "source.observer",
    "provider",
    "facility",
    "performer.actor",
    "performer",
];
const PERSON: [&str; 7] =
    ["requester", "recorder", "asserter", "author", "enterer", "participant.individual", "agent.who"];

/// Kinds that depend on what a resource says beside its type.
const SAID: [&str; 6] =
    ["tele.session_open/close", "consent.revoke", "consent.deny", "access.query", "access.write", "access.break_glass"];

/// Every kind that resources become.
pub(super) fn kinds() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.kind).chain(SAID).chain([CONFIRM])
}

/// Reads a resource of a type.
pub(super) fn read(resource: &str, value: &Value) -> Result<Option<Parsed>, Flaw> {
    let Some(row) = ROWS.iter().find(|row| row.resource == resource) else {
        let known = REFERENCE.split_ascii_whitespace().any(|known| known == resource);
        return if known { Ok(None) } else { Err(Flaw::UnknownType(resource.chars().take(40).collect())) };
    };
    let id = text(value, "id").ok_or_else(|| Flaw::NoId(resource.into()))?;
    let id = Name::of(&format!("{resource}/{id}"));
    let patient = patient(resource, value);
    if patient.is_none() {
        // Logins and the like look at nobody's data, and one payment may be for many.
        return match resource {
            "AuditEvent" => Ok(None),
            _ if row.kind == "claim.pay" => Ok(Some(parsed(row, value, id, None)?)),
            _ => Err(Flaw::NoPatient(resource.into())),
        };
    }
    parsed(row, value, id, patient).map(Some)
}

fn parsed(row: &Row, value: &Value, id: Name, patient: Option<Name>) -> Result<Parsed, Flaw> {
    let provider = first_named(value, &PROVIDER).filter(|_| is_organisation(value));
    let step = |kind| Step { kind, goods: None };
    let confirmed = (row.kind == ADJUDICATE).then_some(step(CONFIRM));
    Ok(Parsed {
        steps: confirmed.into_iter().chain([step(kind(row, value))]).collect(),
        resource: row.resource.into(),
        at: first_time(value, row.times)?,
        id,
        case: first_named(value, row.case).unwrap_or(id),
        patient,
        provider,
        person: first_named(value, &PROVIDER).or_else(|| first_named(value, &PERSON)),
        encounter: if row.resource == "Encounter" { Some(id) } else { first_named(value, &ENCOUNTER) },
        grantee: named(value, "provision.actor.reference"),
        to: None,
        purpose: purpose(value),
        category: category(row, value),
        dates: all(value, "goal").iter().filter_map(|goal| text(goal, "reference")).map(Name::of).collect(),
    })
}

/// Whether the provider that a resource names is an organisation or a system of one, and no person.
fn is_organisation(value: &Value) -> bool {
    let address = PROVIDER.iter().find_map(|path| {
        named(value, path)?;
        at(value, path)
    });
    !address.and_then(|to| text(to, "reference")).is_some_and(|to| to.contains("Practitioner"))
}

fn patient(resource: &str, value: &Value) -> Option<Name> {
    if resource != "AuditEvent" {
        return first_named(value, &PATIENT);
    }
    let told = all(value, "entity").iter().map(|entity| ("what", entity));
    let told = told.chain(all(value, "agent").iter().map(|agent| ("who", agent)));
    let address = |(key, item)| text(at(item, key)?, "reference").filter(|address| address.contains("Patient/"));
    told.into_iter().find_map(address).map(Name::of)
}

fn kind(row: &Row, value: &Value) -> &'static str {
    let is = |path, expected: &str| text(value, path) == Some(expected);
    match row.resource {
        "Encounter" if is("class.code", "VR") || is("class.coding.code", "VR") => "tele.session_open/close",
        "Consent" if is("status", "inactive") => "consent.revoke",
        "Consent" if is("provision.type", "deny") || is("decision", "deny") => "consent.deny",
        "AuditEvent" if codes(value).any(|code| code == "ETREAT" || code == "BTG") => "access.break_glass",
        "AuditEvent" => match text(value, "action") {
            Some("E") => "access.query",
            Some("C" | "U" | "D") => "access.write",
            _ => "access.read",
        },
        _ => row.kind,
    }
}

/// Codes of what data are used for: of an audit event, of its agents, of a consent.
fn codes(value: &Value) -> impl Iterator<Item = &str> {
    let of_event = all(value, "purposeOfEvent").iter().filter_map(|purpose| text(purpose, "coding.code"));
    let agents = all(value, "agent").iter().flat_map(|agent| all(agent, "purposeOfUse"));
    let of_agents = agents.filter_map(|purpose| text(purpose, "coding.code"));
    of_event.chain(of_agents).chain(text(value, "provision.purpose.code"))
}

fn purpose(value: &Value) -> Purpose {
    let known = |code| match code {
        "HPAYMT" => Some(Purpose::Payment),
        "HRESCH" => Some(Purpose::Research),
        "ETREAT" | "BTG" => Some(Purpose::Emergency),
        _ => None,
    };
    codes(value).find_map(known).unwrap_or(Purpose::Treatment)
}

/// Confidentiality `R` and `V` mark what is sensitive; vital signs are no laboratory's.
fn category(row: &Row, value: &Value) -> Category {
    let restricted = |label: &Value| matches!(text(label, "code"), Some("R" | "V"));
    let sensitive = value.get("meta").is_some_and(|meta| all(meta, "security").iter().any(restricted));
    match row.category {
        _ if sensitive => Category::Sensitive,
        Category::Laboratory if text(value, "category.coding.code") == Some("vital-signs") => Category::Clinical,
        usual => usual,
    }
}
