//! What EPCs and places name. The same thing is written as a URN and as a GS1 Digital Link; both have one name.

use super::Name;

/// A trade item's code without its check digit, and which lot or which one of it (GTIN, LGTIN, SGTIN).
struct Item<'e> {
    code: String,
    lot: Option<&'e str>,
    serial: Option<&'e str>,
}

/// The name of a thing, or of a class of things.
pub(super) fn name(epc: &str) -> Name {
    match item(epc) {
        Some(Item { code, serial: Some(serial), .. }) => whole(&format!("01/{code}/21/{serial}")),
        Some(Item { code, lot: Some(lot), .. }) => whole(&format!("01/{code}/10/{lot}")),
        Some(Item { code, .. }) => whole(&format!("01/{code}")),
        None => sscc(epc).map_or_else(|| whole(epc), |code| whole(&format!("00/{code}"))),
    }
}

/// The lot that a thing is of: the number that is given, or the one that its own code has.
pub(super) fn lot(epc: &str, given: Option<&str>) -> Option<Name> {
    let item = item(epc);
    let number = given.or(item.as_ref().and_then(|item| item.lot))?;
    // Two makers may give two lots one number.
    let code = item.map(|item| item.code).unwrap_or_default();
    Some(whole(&format!("01/{code}/10/{number}")))
}

/// Whose a place is: sites of one company, which its GS1 prefix names, are one party. A Digital Link does not say where
/// the prefix ends, so there each place is a party.
pub(super) fn party(place: &str) -> Name {
    let urn = ["urn:epc:id:sgln:", "urn:epc:id:pgln:"].iter().find_map(|scheme| place.strip_prefix(scheme));
    match urn.and_then(|parts| parts.split_once('.')) {
        Some((prefix, _)) => whole(&format!("party/{prefix}")),
        None => whole(place),
    }
}

/// All of a text is the name: slashes in it are no path.
pub(super) fn whole(text: &str) -> Name {
    Name::of(&format!("urn:{text}"))
}

fn item(epc: &str) -> Option<Item<'_>> {
    let of_urn = |scheme| epc.strip_prefix(scheme).and_then(urn_item);
    if let Some((code, serial)) = of_urn("urn:epc:id:sgtin:") {
        return Some(Item { code, lot: None, serial: Some(serial) });
    }
    if let Some((code, lot)) = of_urn("urn:epc:class:lgtin:") {
        return Some(Item { code, lot: Some(lot), serial: None });
    }
    let (code, rest) = linked(epc, "01", 14)?;
    let qualifier = |key: &str| rest.chunks_exact(2).find(|pair| pair[0] == key).map(|pair| pair[1]);
    Some(Item { code: code.into(), lot: qualifier("10"), serial: qualifier("21") })
}

/// Company prefix, indicator with item, and the rest: the indicator is the first digit of a GTIN.
fn urn_item(parts: &str) -> Option<(String, &str)> {
    let mut parts = parts.splitn(3, '.');
    let (company, item, rest) = (parts.next()?, parts.next()?, parts.next()?);
    Some((format!("{}{company}{}", item.get(..1)?, item.get(1..)?), rest))
}

/// A case or pallet's code without its check digit.
fn sscc(epc: &str) -> Option<String> {
    match epc.strip_prefix("urn:epc:id:sscc:") {
        Some(parts) => {
            let (company, serial) = parts.split_once('.')?;
            Some(format!("{}{company}{}", serial.get(..1)?, serial.get(1..)?))
        }
        None => linked(epc, "00", 18).map(|(code, _)| code.into()),
    }
}

/// The code behind a key of a Digital Link, without its check digit, and the keys and values after it.
fn linked<'e>(epc: &'e str, key: &str, digits: usize) -> Option<(&'e str, Vec<&'e str>)> {
    let path = epc.strip_prefix("https://").or_else(|| epc.strip_prefix("http://"))?;
    let mut parts = path.split(['?', '#']).next()?.split('/').skip(1).skip_while(|part| *part != key).skip(1);
    let code = parts.next().filter(|code| code.len() == digits && code.bytes().all(|byte| byte.is_ascii_digit()))?;
    Some((&code[..digits - 1], parts.collect()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_urn_and_a_digital_link_of_a_thing_are_one_name() {
        // The pairs are those of the GS1 EPC Tag Data Standard and of openEPCIS's examples.
        for (urn, link) in [
            ("urn:epc:id:sscc:4012345.0000000333", "https://id.gs1.org/00/040123450000003338"),
            ("urn:epc:id:sgtin:0614141.712345.2017", "https://id.gs1.org/01/70614141123451/21/2017"),
            (
                "urn:epc:class:lgtin:4012345.012345.998877",
                "https://example.com/any/01/04012345123456/10/998877?17=261231",
            ),
        ] {
            assert_eq!(name(urn), name(link), "{urn}");
            assert_eq!(lot(urn, None), lot(link, None), "{urn}");
        }
        assert_eq!(
            lot("https://id.gs1.org/01/04012345123456/10/A/21/7", None),
            lot("urn:epc:id:sgtin:4012345.012345.7", Some("A"))
        );
    }

    #[test]
    fn different_things_have_different_names() {
        let all = [
            "urn:epc:id:sgtin:0614141.107346.2017",
            "urn:epc:id:sgtin:0614141.107346.2018",
            "urn:epc:id:sgtin:0614141.107347.2017",
            "urn:epc:class:lgtin:0614141.107346.2017",
            "urn:epc:idpat:sgtin:0614141.107346.*",
            "urn:epc:id:sscc:0614141.1073462017",
            "https://id.gs1.org/01/10614141073467",
            "https://id.gs1.org/8003/10614141073467",
            "urn:epc:id:sgtin:",
            "urn:epc:id:sscc:1.",
            "",
        ];
        let names: std::collections::BTreeSet<Name> = all.iter().map(|epc| name(epc)).collect();
        assert_eq!(names.len(), all.len());
        assert_ne!(lot(all[0], Some("A")), lot(all[2], Some("A")), "a lot is of a trade item");
        assert_eq!(lot(all[0], None), None);
    }

    #[test]
    fn sites_of_a_company_are_one_party() {
        let site = party("urn:epc:id:sgln:030001.111111.0");
        assert_eq!(party("urn:epc:id:sgln:030001.111121.0"), site);
        assert_eq!(party("urn:epc:id:pgln:030001.111111"), site);
        assert_ne!(party("urn:epc:id:sgln:030002.111111.0"), site);
        assert_ne!(party("https://id.gs1.org/414/4012345000054"), party("https://id.gs1.org/414/4012345000115"));
    }

    proptest! {
        #[test]
        fn whatever_is_written_nothing_panics(text in "(urn:epc:(id|class):(sgtin|lgtin|sscc|sgln):|https://a/0[01]/)?[0-9.é/?#]{0,24}") {
            let (_, _, _) = (name(&text), lot(&text, None), party(&text));
        }
    }
}
