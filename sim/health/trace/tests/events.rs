//! What EPCIS events become: what is done with which thing, by whom.

use std::collections::BTreeMap;

use super::*;

const HERE: &str = r#""readPoint":{"id":"urn:epc:id:sgln:1.0.0"}"#;
const THERE: &str = r#""readPoint":{"id":"urn:epc:id:sgln:2.0.0"}"#;

/// An event of a type on a day.
fn event(kind: &str, day: u8, fields: &str) -> String {
    let comma = if fields.is_empty() { "" } else { "," };
    format!(r#"{{"type":"{kind}","eventTime":"2020-01-{day:02}T00:00:00Z"{comma}{fields}}}"#)
}

/// An object event with a business step about some things.
fn object(day: u8, step: &str, epcs: &[&str], fields: &str) -> String {
    let fields = format!(r#""bizStep":"{step}","epcList":{epcs:?},{fields}"#);
    event("ObjectEvent", day, &fields)
}

fn of_lines(lines: &[String]) -> Trace {
    trace(&[lines.join("\n").as_bytes()])
}

/// Each transaction in short: kind, signer, things and destination by number.
fn steps(trace: &Trace) -> String {
    let kinds = kinds();
    let told = |entry: &TraceEntry| {
        let About::Goods { thing, into, to } = entry.about else { panic!("it is about a thing") };
        let into = into.map_or(String::new(), |into| format!(" into {into}"));
        let to = if to == entry.provider { String::new() } else { format!(" to {to}") };
        format!("{} {thing}{into} by {}{to}", kinds[usize::from(entry.kind)], entry.provider)
    };
    trace.entries.iter().map(told).collect::<Vec<_>>().join("\n")
}

/// Each thing in short.
fn things(trace: &Trace) -> String {
    let told = |thing: &Thing| {
        let lot = thing.lot.map_or(String::new(), |lot| format!(", lot {lot}"));
        format!("{:?} by {}, in stock of {}{lot}", thing.origin, thing.home, thing.stock)
    };
    trace.things.iter().map(told).collect::<Vec<_>>().join("\n")
}

#[test]
fn events_become_kinds_by_their_business_step() {
    let told_of = |kind: &str, step: &str, fields: &str| {
        told(&event(kind, 1, &format!(r#""bizStep":"{step}"{}{fields}"#, if fields.is_empty() { "" } else { "," })))
    };
    let one = r#""epcList":["urn:epc:id:sgtin:1.2.3"]"#;
    let packed = r#""parentID":"urn:epc:id:sscc:1.2","childEPCs":["a","b"]"#;
    let all = [
        told_of("ObjectEvent", "commissioning", &format!("{one},{HERE}")),
        told_of("AggregationEvent", "urn:epcglobal:cbv:bizstep:packing", &format!(r#"{packed},"action":"ADD""#)),
        told_of("AggregationEvent", "unpacking", &format!(r#"{packed},"action":"DELETE""#)),
        told_of("ObjectEvent", "https://ref.gs1.org/cbv/BizStep-shipping", one),
        told_of("TransactionEvent", "receiving", one),
        told_of("ObjectEvent", "dispensing", one),
        told_of("ObjectEvent", "decommissioning", one),
        told_of("TransformationEvent", "commissioning", r#""inputEPCList":["a"],"outputEPCList":["b"]"#),
        told_of("ObjectEvent", "", &format!(r#"{one},"sensorElementList":[{{}}]"#)),
        told_of("ObjectEvent", "shipping", &format!(r#"{one},"disposition":"recalled""#)),
        told_of("AssociationEvent", "installing", packed),
        told_of("ObjectEvent", "packing", one),
        told_of("ObjectEvent", "inspecting", r#""epcList":[],"sensorElementList":[{}]"#),
    ];
    let expected = expect![[r#"
        pack.commission, 1577836800 s, Treatment, Medication: provider
        pack.aggregate + pack.aggregate, 1577836800 s, Treatment, Medication: 
        pack.unpack, 1577836800 s, Treatment, Medication: 
        pack.ship, 1577836800 s, Treatment, Medication: 
        pack.receive, 1577836800 s, Treatment, Medication: 
        rx.dispense, 1577836800 s, Treatment, Medication: 
        pack.decommission, 1577836800 s, Treatment, Medication: 
        pack.transform, 1577836800 s, Treatment, Medication: 
        pack.sensor, 1577836800 s, Treatment, Medication: 
        pack.recall, 1577836800 s, Treatment, Medication: 
        no transaction
        no transaction
        no transaction"#]];
    expected.assert_eq(&all.join("\n"));
}

#[test]
fn an_event_is_a_transaction_for_each_thing_that_it_is_about() {
    let packed = |day, action: &str| {
        event(
            "AggregationEvent",
            day,
            &format!(r#""bizStep":"packing","action":"{action}","parentID":"case","childEPCs":["a","b"],{HERE}"#),
        )
    };
    let quantity = r#""bizStep":"receiving","quantityList":[{"epcClass":"urn:epc:class:lgtin:1.2.X"},{"epcClass":"urn:epc:class:lgtin:1.2.Y"}]"#;
    let trace = of_lines(&[
        object(1, "commissioning", &["a", "b", "a"], HERE),
        packed(2, "ADD"),
        object(3, "shipping", &["case", "c"], &format!(r#"{HERE},"quantityList":[{{"epcClass":"d"}}]"#)),
        event("ObjectEvent", 4, &format!("{quantity},{HERE}")),
        packed(5, "DELETE"),
    ]);
    let expected = expect![[r#"
        pack.commission 0 by 0
        pack.commission 1 by 0
        pack.aggregate 0 into 2 by 0
        pack.aggregate 1 into 2 by 0
        pack.ship 2 by 0
        pack.ship 3 by 0
        pack.receive 4 by 0
        pack.receive 5 by 0
        pack.unpack 2 by 0"#]];
    expected.assert_eq(&steps(&trace));
    assert_eq!((trace.counts.told, trace.entries.len(), trace.things.len()), (5, 9, 6));
    assert!(trace.entries[..2].iter().all(|entry| trace.text(entry).starts_with(b"{\"type\":\"ObjectEvent\"")));
    assert_eq!(trace.text(&trace.entries[2]), packed(2, "ADD").as_bytes());
    assert_eq!(trace.text(&trace.entries[3]), packed(2, "ADD").as_bytes(), "both are anchored to the same bytes");
}

#[test]
fn inputs_become_the_first_output_or_go_into_it_and_other_outputs_are_filled() {
    let transformed = |lists: &str| steps(&of_lines(&[event("TransformationEvent", 1, &format!("{lists},{HERE}"))]));
    let all = [
        transformed(r#""inputEPCList":["a","b"],"outputEPCList":["c","d","e"]"#),
        transformed(r#""inputQuantityList":[{"epcClass":"a"}],"outputQuantityList":[{"epcClass":"b"}]"#),
        transformed(r#""outputEPCList":["c","d"]"#),
        transformed(r#""inputEPCList":["a","b"]"#),
    ];
    let expected = expect![[r#"
        pack.transform 0 into 1 by 0
        pack.aggregate 2 into 1 by 0
        pack.commission 3 by 0
        pack.commission 4 by 0

        pack.transform 0 into 1 by 0

        pack.commission 0 by 0
        pack.commission 1 by 0

        pack.unpack 0 by 0
        pack.unpack 1 by 0"#]];
    expected.assert_eq(&all.join("\n\n"));
}

#[test]
fn a_shipment_goes_where_it_says_or_to_who_receives_it_next_or_stays() {
    let said = r#""destinationList":[{"type":"owning_party","destination":"urn:epc:id:pgln:9.1"},{"type":"urn:epcglobal:cbv:sdt:location","destination":"urn:epc:id:sgln:2.7.0"}]"#;
    let trace = of_lines(&[
        object(1, "shipping", &["a", "b", "c"], HERE),
        object(2, "receiving", &["b", "a"], THERE),
        object(3, "shipping", &["a"], &format!("{said},{HERE}")),
        object(4, "shipping", &["b"], THERE),
        object(5, "receiving", &["b"], HERE),
    ]);
    let expected = expect![[r#"
        pack.ship 0 by 0 to 1
        pack.ship 1 by 0 to 1
        pack.ship 2 by 0
        pack.receive 1 by 1
        pack.receive 0 by 1
        pack.ship 0 by 0 to 1
        pack.ship 1 by 1 to 0
        pack.receive 1 by 0"#]];
    expected.assert_eq(&steps(&trace));
    assert_eq!(trace.providers, 2, "sites of a company are one party");
}

#[test]
fn things_begin_where_the_trace_finds_them() {
    let trace = of_lines(&[
        object(1, "shipping", &["sent", "late"], HERE),
        object(2, "receiving", &["come"], THERE),
        object(3, "commissioning", &["late", "new"], &format!(r#"{THERE},"ilmd":{{"lotNumber":"L"}}"#)),
        object(4, "inspecting", &["come"], r#""x":1"#),
    ]);
    let expected = expect![[r#"
        Held by 0, in stock of 0
        Made by 1, in stock of 0, lot 0
        Expected by 1, in stock of 1
        Made by 1, in stock of 1, lot 0"#]];
    expected.assert_eq(&things(&trace));
    assert_eq!(trace.entries[5].provider, 1, "who has a thing signs what happens nowhere");
}

#[test]
fn a_pack_is_in_stock_of_who_has_it_when_it_is_taken_out() {
    let packed = r#""bizStep":"packing","action":"ADD","parentID":"case","childEPCs":["a","b"]"#;
    let unpacked = r#""action":"DELETE","parentID":"case""#;
    let trace = of_lines(&[
        object(1, "commissioning", &["a", "b", "case"], HERE),
        object(2, "inspecting", &["a"], HERE),
        event("AggregationEvent", 3, &format!("{packed},{HERE}")),
        object(4, "shipping", &["case"], HERE),
        object(5, "receiving", &["case"], THERE),
        event("AggregationEvent", 6, &format!("{unpacked},{THERE}")),
        object(7, "dispensing", &["a"], THERE),
        // Who never had it does not get it by saying so.
        object(8, "decommissioning", &["b"], HERE),
    ]);
    assert_eq!(things(&trace).lines().next(), Some("Made by 0, in stock of 1"));
    assert_eq!(things(&trace).lines().nth(1), Some("Made by 0, in stock of 1"));
}

#[test]
fn a_lot_is_recalled_once_by_an_event_whatever_of_it_that_names() {
    let lot = |number: &str| format!(r#"{HERE},"ilmd":{{"lotNumber":"{number}"}}"#);
    let recalled = format!(r#"{HERE},"disposition":"recalled""#);
    let trace = of_lines(&[
        object(1, "commissioning", &["urn:epc:id:sgtin:1.2.3", "urn:epc:id:sgtin:1.2.4"], &lot("L")),
        object(1, "commissioning", &["urn:epc:id:sgtin:1.2.5"], &lot("M")),
        object(2, "", &["urn:epc:id:sgtin:1.2.3", "urn:epc:id:sgtin:1.2.4", "urn:epc:id:sgtin:1.2.5"], &recalled),
        object(3, "", &["urn:epc:class:lgtin:1.2.L"], &recalled),
    ]);
    let kinds = kinds();
    let lots = trace.entries.iter().filter(|entry| kinds[usize::from(entry.kind)] == "pack.recall").map(|entry| {
        let About::Goods { thing, .. } = entry.about else { panic!("it is about a thing") };
        trace.things[thing as usize].lot
    });
    assert_eq!(lots.collect::<Vec<_>>(), [Some(0), Some(1), Some(0)], "and a class of a lot is that lot");
}

#[test]
fn an_event_about_too_many_things_is_refused_as_a_whole() {
    let epcs: Vec<String> = (0..=epcis::MOST_THINGS).map(|nth| format!("urn:epc:id:sgtin:1.2.{nth}")).collect();
    let of = |count: usize| {
        let epcs: Vec<&str> = epcs[..count].iter().map(String::as_str).collect();
        of_lines(&[object(1, "shipping", &epcs, HERE)])
    };
    assert_eq!(of(epcis::MOST_THINGS).entries.len(), epcis::MOST_THINGS);
    let refused = of(epcis::MOST_THINGS + 1);
    let flaws: Vec<String> = refused.malformed.iter().map(|line| line.flaw.to_string()).collect();
    assert_eq!((refused.entries.len(), refused.counts.malformed, refused.things.len()), (0, 1, 0));
    assert_eq!(flaws, ["about 4097 things; 4096 is the most"]);
}

#[test]
fn a_prescription_is_a_case_with_what_is_dispensed_for_it() {
    let written = resource("MedicationRequest", r#","authoredOn":"2020-01-01""#);
    let told = r#""bizTransactionList":[{"type":"x","bizTransaction":"https://ehr.example/fhir/MedicationRequest/1"}]"#;
    let trace = of_lines(&[written, object(2, "dispensing", &["a"], &format!("{HERE},{told}"))]);
    assert_eq!(trace.entries[0].case, trace.entries[1].case);
}

/// Steps of any kind with any of a few things, by any of a few parties.
fn any_event() -> impl Strategy<Value = String> {
    const STEPS: [&str; 8] =
        ["commissioning", "packing", "shipping", "receiving", "unpacking", "inspecting", "dispensing", "repackaging"];
    let epcs = prop::collection::vec(0..6u8, 1..4);
    (0..STEPS.len(), 1..28u8, epcs, 0..3u8, 0..3usize).prop_map(|(step, day, epcs, place, shape)| {
        // Each thing is written in one of two ways.
        let written = |nth: &u8| match (nth + day) % 2 {
            0 => format!("urn:epc:id:sgtin:0614141.107346.{nth}"),
            _ => format!("https://id.gs1.org/01/10614141073464/21/{nth}"),
        };
        let epcs: Vec<String> = epcs.iter().map(written).collect();
        let place = format!(r#""readPoint":{{"id":"urn:epc:id:sgln:{place}.0.0"}},"bizStep":"{}""#, STEPS[step]);
        match shape {
            0 => event("ObjectEvent", day, &format!(r#"{place},"epcList":{epcs:?}"#)),
            1 => event(
                "AggregationEvent",
                day,
                &format!(r#"{place},"action":"ADD","parentID":{:?},"childEPCs":{epcs:?}"#, epcs[0]),
            ),
            _ => event(
                "TransformationEvent",
                day,
                &format!(r#"{place},"inputEPCList":{epcs:?},"outputEPCList":[{:?}]"#, epcs[0]),
            ),
        }
    })
}

proptest! {
    #[test]
    fn an_epc_is_the_same_thing_wherever_and_however_it_is_named(
        lines in prop::collection::vec(any_event(), 1..20),
    ) {
        let trace = of_lines(&lines);
        let numbered: BTreeMap<u64, u32> = (0u64..).zip(0..trace.things.len() as u32).collect();
        prop_assert!(trace.things.len() <= 6, "there are six of them");
        let mut of: BTreeMap<String, u32> = BTreeMap::new();
        for entry in &trace.entries {
            let About::Goods { thing, into, .. } = entry.about else { panic!("it is about a thing") };
            prop_assert!(numbered.contains_key(&thing.into()));
            // Where an event names one thing, it is known which: the last character of its code.
            let line: Value = serde_json::from_slice(trace.text(entry)).expect("it was read before");
            let named = ["epcList", "childEPCs", "inputEPCList"].iter().find_map(|list| line[list].as_array());
            let named = named.expect("it has a list");
            if named.len() == 1 && into.is_none() {
                let code = named[0].as_str().expect("EPCs are texts");
                let serial = code[code.len() - 1..].to_string();
                prop_assert_eq!(*of.entry(serial).or_insert(thing), thing);
            }
        }
        let numbers: std::collections::BTreeSet<u32> = of.values().copied().collect();
        prop_assert_eq!(numbers.len(), of.len(), "different things have different numbers");
    }
}
