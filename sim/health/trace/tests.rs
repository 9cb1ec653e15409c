//! What lines become: each type once, each flaw once, and anything at all.

use std::fmt::Write;
use std::sync::Arc;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

mod events;

/// A line in short: kind, time, what it has; or its flaw.
fn told(line: &str) -> String {
    match parse(line.as_bytes()) {
        Err(flaw) => format!("malformed: {flaw}"),
        Ok(None) => "no transaction".into(),
        Ok(Some(parsed)) => {
            let kinds: Vec<&str> = parsed.steps.iter().map(|step| step.kind).collect();
            let mut told = kinds.join(" + ");
            let at = parsed.at.map_or("no time".into(), |at| format!("{} s", at.0 / 1_000_000));
            write!(told, ", {at}, {:?}, {:?}", parsed.purpose, parsed.category).expect("writing to a string succeeds");
            let has = [
                ("patient", parsed.patient),
                ("provider", parsed.provider),
                ("person", parsed.person),
                ("encounter", parsed.encounter.filter(|encounter| *encounter != parsed.id)),
                ("grantee", parsed.grantee),
                ("case of another", (parsed.case != parsed.id).then_some(parsed.case)),
            ];
            let present: Vec<&str> = has.iter().filter(|(_, name)| name.is_some()).map(|(word, _)| *word).collect();
            told + ": " + &present.join(", ")
        }
    }
}

fn check(lines: &[&str], expected: Expect) {
    let all: Vec<String> = lines.iter().map(|line| told(line)).collect();
    expected.assert_eq(&all.join("\n"));
}

/// A resource of a type with an id and a patient, and further fields.
fn resource(kind: &str, fields: &str) -> String {
    format!(r#"{{"resourceType":"{kind}","id":"1","subject":{{"reference":"Patient/9"}}{fields}}}"#)
}

#[test]
fn resources_become_kinds() {
    let of = |kind, fields| told(&resource(kind, fields));
    let all = [
        of("Encounter", r#","class":{"code":"AMB"},"period":{"start":"2020-01-01T08:00:00Z"},"serviceProvider":{"reference":"Organization/3"}"#),
        of("Encounter", r#","class":{"code":"VR"},"period":{"start":"2020-01-01"}"#),
        of("Observation", r#","effectiveDateTime":"2020-01-01","encounter":{"reference":"Encounter/4"}"#),
        of("Observation", r#","issued":"2020-01-02T00:00:00Z","effectiveDateTime":"2020-01-01","category":[{"coding":[{"code":"vital-signs"}]}]"#),
        of("Procedure", r#","performedPeriod":{"start":"2020-01-01"},"meta":{"security":[{"code":"R"}]}"#),
        of("DiagnosticReport", r#","issued":"2020-01-01T10:00:00+01:00","performer":[{"reference":"Organization/3"}]"#),
        of("Condition", r#","onsetDateTime":"1999","recordedDate":"2020-01-01","recorder":{"reference":"Practitioner/5"}"#),
        of("CarePlan", r#","period":{"start":"2020-01"}"#),
        of("Goal", ""),
        of("DocumentReference", r#","date":"2020-01-01T10:00:00Z","custodian":{"reference":"Organization/3"}"#),
        of("Immunization", r#","occurrenceDateTime":"2020-01-01""#),
        of("MedicationRequest", r#","authoredOn":"2020-01-01","requester":{"reference":"Practitioner/5"}"#),
        of("MedicationDispense", r#","whenHandedOver":"2020-01-01","authorizingPrescription":[{"reference":"MedicationRequest/6"}]"#),
        of("Claim", r#","created":"2020-01-01","provider":{"reference":"Organization/3"},"item":[{"encounter":[{"reference":"Encounter/4"}]}]"#),
        of("ExplanationOfBenefit", r#","created":"2020-01-01","claim":{"reference":"Claim/7"},"provider":{"reference":"Practitioner/5"}"#),
        of("ClaimResponse", r#","created":"2020-01-01","request":{"reference":"Claim/7"}"#),
        r#"{"resourceType":"PaymentReconciliation","id":"1","created":"2020-01-01","detail":[{"request":{"reference":"Claim/7"}}]}"#.split("never").map(told).collect(),
        of("Patient", ""),
        of("Provenance", ""),
    ];
    let expected = expect![[r#"
        record.encounter, 1577865600 s, Treatment, Clinical: patient, provider, person
        tele.session_open/close, 1577836800 s, Treatment, Clinical: patient
        record.observation, 1577836800 s, Treatment, Laboratory: patient, encounter
        record.observation, 1577923200 s, Treatment, Clinical: patient
        record.procedure, 1577836800 s, Treatment, Sensitive: patient
        record.diagnostic_report, 1577869200 s, Treatment, Laboratory: patient, provider, person
        record.condition, 1577836800 s, Treatment, Clinical: patient, person
        record.care_plan, 1577836800 s, Treatment, Clinical: patient
        record.care_plan, no time, Treatment, Clinical: patient
        record.document, 1577872800 s, Treatment, Clinical: patient, provider, person
        immunization.record, 1577836800 s, Treatment, Clinical: patient
        rx.prescribe, 1577836800 s, Treatment, Medication: patient, person
        rx.dispense, 1577836800 s, Treatment, Medication: patient, case of another
        claim.submit, 1577836800 s, Treatment, Clinical: patient, provider, person, encounter
        claim.service_confirm + claim.adjudicate, 1577836800 s, Treatment, Clinical: patient, person, case of another
        claim.service_confirm + claim.adjudicate, 1577836800 s, Treatment, Clinical: patient, case of another
        claim.pay, 1577836800 s, Treatment, Clinical: case of another
        no transaction
        no transaction"#]];
    expected.assert_eq(&all.join("\n"));
}

#[test]
fn consents_and_audits_are_told_apart_by_what_they_say() {
    let of = |kind, fields| told(&resource(kind, fields));
    let grantee = r#""actor":[{"role":{},"reference":{"reference":"Organization/8"}}]"#;
    let patient = r#""entity":[{"what":{"reference":"Medication/1"}},{"what":{"reference":"Patient/9"}}]"#;
    let all = [
        of("Consent", &format!(r#","status":"active","dateTime":"2020","provision":{{"type":"permit",{grantee}}}"#)),
        of("Consent", r#","status":"inactive","dateTime":"2020""#),
        of(
            "Consent",
            r#","status":"active","dateTime":"2020","provision":{"type":"deny","purpose":[{"code":"HRESCH"}]}"#,
        ),
        of("AuditEvent", &format!(r#","recorded":"2020","action":"R",{patient}"#)),
        of(
            "AuditEvent",
            &format!(
                r#","recorded":"2020","action":"E",{patient},"source":{{"observer":{{"reference":"Organization/3"}}}}"#
            ),
        ),
        of(
            "AuditEvent",
            &format!(
                r#","recorded":"2020","action":"U",{patient},"purposeOfEvent":[{{"coding":[{{"code":"HPAYMT"}}]}}]"#
            ),
        ),
        of(
            "AuditEvent",
            &format!(
                r#","recorded":"2020","action":"R",{patient},"agent":[{{"purposeOfUse":[{{"coding":[{{"code":"ETREAT"}}]}}]}}]"#
            ),
        ),
        of("AuditEvent", r#","recorded":"2020","action":"E","entity":[]"#),
    ];
    let expected = expect![[r#"
        consent.grant, 1577836800 s, Treatment, Clinical: patient, grantee
        consent.revoke, 1577836800 s, Treatment, Clinical: patient
        consent.deny, 1577836800 s, Research, Clinical: patient
        access.read, 1577836800 s, Treatment, Clinical: patient
        access.query, 1577836800 s, Treatment, Clinical: patient, provider, person
        access.write, 1577836800 s, Payment, Clinical: patient
        access.break_glass, 1577836800 s, Emergency, Clinical: patient
        no transaction"#]];
    expected.assert_eq(&all.join("\n"));
}

#[test]
fn what_is_malformed_says_why() {
    check(
        &[
            "{",
            "\u{1}\u{fffd}",
            "[1, 2]",
            "{}",
            r#"{"resourceType":"Observatoin","id":"1"}"#,
            r#"{"type":"EPCISDocument"}"#,
            r#"{"resourceType":"Observation","subject":{"reference":"Patient/1"}}"#,
            r#"{"resourceType":"Observation","id":"1","issued":"2020-01-01T00:00:00Z"}"#,
            r#"{"resourceType":"Claim","id":"1","patient":{"reference":"Patient/1"},"created":"yesterday"}"#,
            r#"{"type":"ObjectEvent","bizStep":"shipping","epcList":["x"],"eventTime":"2020-01-01T00:00:00"}"#,
            r#"{"type":"ObjectEvent","bizStep":"shipping","epcList":[7,""],"eventTime":"2020-01-01T00:00:00Z"}"#,
        ],
        expect![[r#"
            malformed: no JSON: EOF while parsing an object at line 1 column 1
            malformed: no JSON: expected value at line 1 column 1
            malformed: no JSON object
            malformed: neither a `resourceType` of FHIR nor a `type` of EPCIS
            malformed: unknown type `Observatoin`
            malformed: unknown type `EPCISDocument`
            malformed: `Observation` without an id
            malformed: `Observation` without a patient
            malformed: `created` is no time: `yesterday`
            malformed: `eventTime` is no time: `2020-01-01T00:00:00`
            malformed: `ObjectEvent` names no thing"#]],
    );
}

/// A taxonomy that has every kind.
fn kinds() -> Vec<&'static str> {
    let mut kinds: Vec<&str> = fhir::kinds().chain(epcis::kinds()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

fn trace(files: &[&[u8]]) -> Trace {
    let kinds = kinds();
    let mut builder = TraceBuilder::new(kinds.iter().copied()).expect("it has every kind");
    for (nth, bytes) in files.iter().enumerate() {
        builder.add(format!("{nth}.ndjson"), Arc::from(*bytes));
    }
    builder.finish()
}

#[test]
fn lines_end_as_they_like_and_blank_ones_are_none() {
    let line = resource("Encounter", r#","period":{"start":"2020-01-01"}"#);
    let unix = trace(&[format!("{line}\n{line}\n").as_bytes()]);
    let other = trace(&[format!("\r\n{line}\r\n  \r\n\n{line}").as_bytes()]);
    assert_eq!((unix.entries.len(), other.entries.len()), (2, 2));
    for trace in [&unix, &other] {
        assert!(trace.entries.iter().all(|entry| trace.text(entry) == line.as_bytes()), "no end of a line is in it");
        assert_eq!(trace.counts, TraceCounts { told: 2, ..TraceCounts::default() });
    }
}

#[test]
fn lines_take_hospitals_and_times_from_others() {
    let goal = r#"{"resourceType":"Goal","id":"g","subject":{"reference":"Patient/9"}}"#;
    let lost = r#"{"resourceType":"Goal","id":"lost","subject":{"reference":"Patient/9"}}"#;
    let plan = resource("CarePlan", r#","created":"2020-02-01","goal":[{"reference":"Goal/g"}]"#);
    let encounter =
        resource("Encounter", r#","period":{"start":"2020-01-01"},"serviceProvider":{"reference":"Organization/3"}"#);
    let seen = resource(
        "Observation",
        r#","encounter":{"reference":"Encounter/1"},"performer":[{"reference":"Practitioner/5"}]"#,
    );
    let read = r#"{"resourceType":"AuditEvent","id":"a","recorded":"2020-03-01","action":"R","entity":[{"what":{"reference":"Patient/9"}}],"source":{"observer":{"reference":"Organization/4"}}}"#;
    let trace = trace(&[[goal, lost, read, &plan].join("\n").as_bytes(), [&*seen, &*encounter].join("\n").as_bytes()]);
    let kinds = kinds();
    let told: Vec<_> = trace
        .entries
        .iter()
        .map(|entry| {
            let About::Patient { keeper, .. } = entry.about else { panic!("it is about a patient") };
            (kinds[usize::from(entry.kind)], entry.at.day() - 18_262, entry.provider, keeper)
        })
        .collect();
    let expected = expect![[r#"
        [
            (
                "record.observation",
                0,
                0,
                0,
            ),
            (
                "record.encounter",
                0,
                0,
                0,
            ),
            (
                "record.care_plan",
                31,
                0,
                0,
            ),
            (
                "record.care_plan",
                31,
                0,
                0,
            ),
            (
                "access.read",
                60,
                1,
                0,
            ),
        ]
    "#]];
    expected.assert_debug_eq(&told);
    assert_eq!((trace.patients, trace.providers), (1, 2));
    let malformed: Vec<String> = trace.malformed.iter().map(Malformed::to_string).collect();
    assert_eq!(malformed, ["0.ndjson:2: `Goal` without a time"]);
}

#[test]
fn a_claim_and_its_answers_are_one_case_of_one_hospitals_patient() {
    let claim = r#"{"resourceType":"Claim","id":"7","patient":{"reference":"Patient/1"},"created":"2020",
        "provider":{"reference":"Organization/3"}}"#
        .replace('\n', "");
    let answer = |kind: &str, claim: &str| {
        format!(
            r#"{{"resourceType":"{kind}","id":"8","patient":{{"reference":"Patient/1"}},"created":"2021",
            {claim},"provider":{{"reference":"Organization/4"}}}}"#
        )
        .replace('\n', "")
    };
    let benefit = answer("ExplanationOfBenefit", r#""claim":{"reference":"http://ehr.example/Claim/7"}"#);
    let response = answer("ClaimResponse", r#""request":{"reference":"Claim/7"}"#);
    let trace = trace(&[[claim, benefit, response].join("\n").as_bytes()]);
    let kinds = kinds();
    let told: Vec<&str> = trace.entries.iter().map(|entry| kinds[usize::from(entry.kind)]).collect();
    let answered = ["claim.service_confirm", "claim.adjudicate"];
    assert_eq!(told, [&["claim.submit"], &answered[..], &answered[..]].concat());
    let keeper = |entry: &TraceEntry| match entry.about {
        About::Patient { keeper, .. } => keeper,
        _ => panic!("it is about a patient"),
    };
    assert!(trace.entries.iter().all(|entry| entry.case == trace.entries[0].case && keeper(entry) == 0));
    assert_eq!(trace.counts.told, 3);
    assert!(trace.entries[1].is_of_line(&trace.entries[2]) && !trace.entries[2].is_of_line(&trace.entries[3]));
}

#[test]
fn the_first_five_malformed_lines_are_kept_in_order() {
    let trace = trace(&[b"x\n{}\n", b"{\n\n[]\n1\nnull\n\"\"\n"]);
    let told: Vec<(&str, u64)> = trace.malformed.iter().map(|line| (line.file.as_str(), line.line)).collect();
    assert_eq!(told, [("0.ndjson", 1), ("0.ndjson", 2), ("1.ndjson", 1), ("1.ndjson", 3), ("1.ndjson", 4)]);
    assert_eq!(trace.counts.malformed, 7);
    assert!(trace.entries.is_empty());
}

/// JSON of any shape with the keys that readers look at.
fn any_json() -> impl Strategy<Value = Value> {
    let words = [
        "Patient/1",
        "Claim/",
        "R",
        "2020-01-01",
        "9999-12-31T23:59:60Z",
        "urn:x",
        "/",
        "Consent",
        "ObjectEvent",
        "packing",
        "DELETE",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop::sample::select(words.to_vec()).prop_map(Value::from),
    ];
    let keys = [
        "resourceType",
        "type",
        "id",
        "subject",
        "patient",
        "reference",
        "period",
        "start",
        "created",
        "provision",
        "actor",
        "entity",
        "what",
        "agent",
        "goal",
        "meta",
        "security",
        "code",
        "epcList",
        "childEPCs",
        "parentID",
        "inputEPCList",
        "outputEPCList",
        "quantityList",
        "epcClass",
        "action",
        "bizStep",
        "eventTime",
    ];
    leaf.prop_recursive(4, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(prop::sample::select(keys.to_vec()), inner, 0..6)
                .prop_map(|map| map.into_iter().map(|(key, value)| (key.to_string(), value)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_the_bytes_are_nothing_panics_and_every_line_is_counted(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let trace = trace(&[&bytes]);
        let blank = |line: &&[u8]| !line.iter().all(u8::is_ascii_whitespace);
        let lines = bytes.split(|&byte| byte == b'\n').filter(blank).count() as u64;
        prop_assert_eq!(trace.counts.told + trace.counts.malformed + trace.counts.reference, lines);
    }

    #[test]
    fn whatever_the_json_is_nothing_panics(value in any_json(), kind in prop::sample::select(vec!["Encounter", "Consent", "AuditEvent", "Claim"])) {
        let mut value = value;
        if let Some(map) = value.as_object_mut() {
            map.entry("resourceType").or_insert(kind.into());
            map.entry("id").or_insert("1".into());
        }
        let line = value.to_string();
        let trace = trace(&[line.as_bytes()]);
        prop_assert_eq!(trace.counts.told + trace.counts.malformed + trace.counts.reference, 1);
    }
}
