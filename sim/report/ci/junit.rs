//! JUnit XML: a case is a suite, each figure a test that fails unless it is as blessed.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::experiment::regress::{CaseVerdict, Change, Row, Verdict};

pub(super) fn file(verdict: &Verdict) -> String {
    let mut report = Report::new("systole regress");
    report.set_time(verdict.cases.iter().map(took).sum());
    report.add_test_suites(verdict.cases.iter().map(suite));
    report.to_string().expect("writing XML to memory does not fail")
}

/// Wall time of a case: the faster runs as A and as A'.
fn took(case: &CaseVerdict) -> Duration {
    Duration::from_secs_f64(case.wall.a_s + case.wall.b_s)
}

fn suite(case: &CaseVerdict) -> TestSuite {
    let mut suite = TestSuite::new(&case.name);
    suite.set_time(took(case));
    suite.add_property(("scenario", case.scenario.display().to_string().as_str()));
    suite.add_property(("settings", case.settings.join(" ").as_str()));
    suite.add_test_case(test(case, "inputs", case.inputs_changed.then(|| "the case's inputs changed".to_string())));
    suite.add_test_case(test(case, "digest", digest(case)));
    suite.add_test_cases(case.rows().map(|row| test(case, &row.name, figure(row))));
    suite
}

fn test(case: &CaseVerdict, name: &str, failure: Option<String>) -> TestCase {
    let mut status = TestCaseStatus::success();
    if let Some(message) = failure {
        status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_message(message).set_type("regression");
    }
    let mut test = TestCase::new(name, status);
    test.set_classname(format!("systole.regress.{}", case.name)).set_time(Duration::ZERO);
    test
}

fn digest(case: &CaseVerdict) -> Option<String> {
    match case.blessed_digest {
        None => Some(format!("{}: not blessed yet", case.digest)),
        Some(blessed) => case.digest_changed().then(|| format!("{blessed} was blessed, {} is measured", case.digest)),
    }
}

fn figure(row: &Row) -> Option<String> {
    let said = |value: Option<f64>| value.map_or("nothing".to_string(), |value| format!("{value} {}", row.unit));
    let percent = row.change_percent.map(|percent| format!(" ({percent:+.3} %)")).unwrap_or_default();
    let (blessed, measured) = (said(row.blessed), said(row.measured));
    let failure = || format!("{blessed} was blessed, {measured} is measured{percent}: {}", row.change.advice());
    (row.change != Change::Equal).then(failure)
}
