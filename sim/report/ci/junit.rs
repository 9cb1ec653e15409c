//! JUnit XML: a case is a suite, each figure a test that fails unless it is as blessed.
//!
//! Two schemas are about and neither allows all that the other does: Windy Road's (Apache Ant's reports) wants a time,
//! a host, and standard output of each suite; that of the xUnit plugin of Jenkins, `junit-10.xsd`, refuses attributes
//! that it does not know, such as a count of skipped tests at the root. What is written here is valid under both.

use std::io;

use quick_xml::Writer;

use crate::experiment::regress::{CaseVerdict, Change, Row, Verdict};

pub(super) fn file(verdict: &Verdict) -> String {
    let mut out = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_vec();
    let mut writer = Writer::new_with_indent(&mut out, b' ', 2);
    let suites = writer.create_element("testsuites").write_inner_content(|writer| {
        verdict.cases.iter().enumerate().try_for_each(|(nth, case)| suite(writer, nth, case, verdict))
    });
    suites.expect("writing to memory does not fail");
    out.push(b'\n');
    String::from_utf8(out).expect("it was written as text")
}

/// A test: its name, and why it fails if it does.
type Test<'a> = (&'a str, Option<String>);

fn suite(writer: &mut Writer<&mut Vec<u8>>, nth: usize, case: &CaseVerdict, verdict: &Verdict) -> io::Result<()> {
    let inputs = case.inputs_changed.then(|| "the case's inputs changed".to_string());
    let mut tests: Vec<Test<'_>> = vec![("inputs", inputs), ("digest", digest(case))];
    tests.extend(case.rows().map(|row| (row.name.as_str(), figure(row))));
    let name = plain(&case.name);
    let failures = tests.iter().filter(|(_, failure)| failure.is_some()).count();
    let [id, total, failures] = [nth, tests.len(), failures].map(|count| count.to_string());
    let took = format!("{:.3}", case.wall.a_s + case.wall.b_s);
    // No zone: the schema's times are local, and ours are universal.
    let at = verdict.host.at.trim_end_matches('Z');
    let suite = writer.create_element("testsuite").with_attributes([
        ("name", name.as_str()),
        ("package", "systole.regress"),
        ("id", &id),
        ("timestamp", at),
        ("hostname", "localhost"),
        ("tests", &total),
        ("failures", &failures),
        ("errors", "0"),
        ("skipped", "0"),
        ("time", &took),
    ]);
    suite.write_inner_content(|writer| {
        properties(writer, case, verdict)?;
        tests.iter().try_for_each(|each| test(writer, &name, each))?;
        writer.create_element("system-out").write_empty()?;
        writer.create_element("system-err").write_empty()?;
        Ok(())
    })?;
    Ok(())
}

fn properties(writer: &mut Writer<&mut Vec<u8>>, case: &CaseVerdict, verdict: &Verdict) -> io::Result<()> {
    let properties = [
        ("scenario", case.scenario.display().to_string()),
        ("settings", case.settings.join(" ")),
        ("commit", verdict.build.git_commit.clone()),
        ("profile", verdict.host.profile.clone()),
    ];
    let properties = properties.map(|(name, value)| (name, plain(&value)));
    writer.create_element("properties").write_inner_content(|writer| {
        properties.iter().try_for_each(|(name, value)| {
            let property = [("name", *name), ("value", value.as_str())];
            writer.create_element("property").with_attributes(property).write_empty().map(|_| ())
        })
    })?;
    Ok(())
}

fn test(writer: &mut Writer<&mut Vec<u8>>, case: &str, (name, failure): &Test<'_>) -> io::Result<()> {
    let class = format!("systole.regress.{case}");
    // A case is run as one: none of its figures takes time of its own.
    let attributes = [("name", *name), ("classname", class.as_str()), ("time", "0")];
    let test = writer.create_element("testcase").with_attributes(attributes);
    match failure {
        None => test.write_empty()?,
        Some(failure) => test.write_inner_content(|writer| {
            let attributes = [("message", failure.as_str()), ("type", "regression")];
            writer.create_element("failure").with_attributes(attributes).write_empty().map(|_| ())
        })?,
    };
    Ok(())
}

/// XML has no way to say control characters.
fn plain(text: &str) -> String {
    text.replace(|c: char| c.is_control(), " ")
}

fn digest(case: &CaseVerdict) -> Option<String> {
    match case.blessed_digest {
        None => Some(format!("{}: not blessed yet", case.digest)),
        Some(blessed) => case.digest_changed().then(|| format!("{blessed} was blessed, {} is measured", case.digest)),
    }
}

fn figure(row: &Row) -> Option<String> {
    let unit = if row.unit.is_empty() { String::new() } else { format!(" {}", row.unit) };
    let said = |value: Option<f64>| value.map_or("nothing".to_string(), |value| value.to_string() + &unit);
    let percent = row.change_percent.map(|percent| format!(" ({percent:+.3} %)")).unwrap_or_default();
    let (blessed, measured) = (said(row.blessed), said(row.measured));
    let failure = || format!("{blessed} was blessed, {measured} is measured{percent}: {}", row.change.advice());
    (row.change != Change::Equal).then(failure)
}
