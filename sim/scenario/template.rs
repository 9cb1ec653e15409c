//! A scenario's text, parsed once: of it come the many scenarios that differ in overrides alone.
//!
//! Overrides are applied all together and validated then, so that values which are possible only together are. Where
//! what comes of them is no scenario, the error names the override that brought it about: the first from which on the
//! very same is wrong.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use toml_edit::DocumentMut;

use crate::base::Digest;
use crate::crypto::CostTable;

use super::overrides::{Source, explained, set};
use super::validate::{NAMING, costs, refuse, validate};
use super::{Prices, Scenario, ScenarioError, ScenarioFile, Slo};

/// A cost table and the digest of what it says.
pub(super) type Costs = Arc<(CostTable, Digest)>;

/// A scenario before its overrides.
#[derive(Clone, Debug)]
pub struct Template {
    name: String,
    text: String,
    folder: PathBuf,
    document: DocumentMut,
    /// Where the file has the keys of [`NAMING`].
    places: BTreeMap<&'static str, String>,
    /// Cost tables by the name that scenarios give them: each is read once.
    costs: Arc<Mutex<BTreeMap<String, Costs>>>,
}

impl Template {
    /// Parses a text that is called `name`; `folder` is where its data folder is looked for.
    pub fn new(name: &str, text: &str, folder: &Path) -> Result<Template, ScenarioError> {
        let source = Source { name, text, has_lines: true };
        let document = source.document()?;
        let places = NAMING.into_iter().zip(source.places(&NAMING)).collect();
        let (name, text, folder) = (name.to_string(), text.to_string(), folder.to_path_buf());
        Ok(Template { name, text, folder, document, places, costs: Arc::default() })
    }

    /// The scenario under overrides, `key=value`, validated.
    pub fn scenario(&self, settings: &[String]) -> Result<Scenario, ScenarioError> {
        let checked = |settings: &[String]| {
            let file = self.typed(settings)?;
            let slos = validate(&file, &self.source(settings))?;
            Ok((file, slos))
        };
        let (file, slos): (ScenarioFile, Vec<Slo>) = self.blaming(settings, checked)?;
        let costs = self.costs(&file)?;
        let mut places = self.places.clone();
        for setting in settings {
            let named = NAMING.iter().find(|key| setting.trim().starts_with(**key));
            named.into_iter().for_each(|key| drop(places.insert(key, format!("--set {setting}"))));
        }
        Ok(Scenario::new(file, slos, costs, self.folder.clone(), places))
    }

    /// What is written, under overrides, whether it is possible or not.
    pub fn file(&self, settings: &[String]) -> Result<ScenarioFile, ScenarioError> {
        self.blaming(settings, |settings| self.typed(settings))
    }

    /// Its prices under overrides, checked, whether the rest is possible or not.
    pub fn prices(&self, settings: &[String]) -> Result<Prices, ScenarioError> {
        self.blaming(settings, |settings| {
            let prices = self.typed(settings)?.prices.unwrap_or_default();
            refuse(prices.checks(), &self.source(settings))?;
            Ok(prices)
        })
    }

    fn typed(&self, settings: &[String]) -> Result<ScenarioFile, ScenarioError> {
        if settings.is_empty() {
            return self.source(settings).parse();
        }
        let mut document = self.document.clone();
        settings.iter().try_for_each(|setting| set(&mut document, setting))?;
        toml_edit::de::from_document(document).map_err(|error| explained(&error, self.name.clone()))
    }

    /// What errors name as their place: only the file has lines.
    fn source(&self, settings: &[String]) -> Source<'_> {
        Source { name: &self.name, text: &self.text, has_lines: settings.is_empty() }
    }

    /// What `of` says of all overrides; an error names the override from which on `of` says the same of the first ones.
    fn blaming<T>(
        &self,
        settings: &[String],
        of: impl Fn(&[String]) -> Result<T, ScenarioError>,
    ) -> Result<T, ScenarioError> {
        let mut error = match of(settings) {
            Err(error @ ScenarioError::Invalid { .. }) => error,
            done => return done,
        };
        for nth in (0..settings.len()).rev() {
            match of(&settings[..nth]) {
                Err(earlier) if same(&earlier, &error) => error = earlier,
                _ => {
                    if let ScenarioError::Invalid { place, .. } = &mut error {
                        *place = format!("--set {}", settings[nth]);
                    }
                    break;
                }
            }
        }
        Err(error)
    }

    fn costs(&self, file: &ScenarioFile) -> Result<Costs, ScenarioError> {
        // Who panicked holding it had put nothing half-done there.
        let mut known = self.costs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(costs) = known.get(&file.crypto.costs) {
            return Ok(costs.clone());
        }
        let table = costs(file, &self.folder)?;
        let digest = Digest::of(table.to_toml().as_bytes());
        let costs: Costs = Arc::new((table, digest));
        known.insert(file.crypto.costs.clone(), costs.clone());
        Ok(costs)
    }
}

/// Whether two errors say the same, wherever.
fn same(one: &ScenarioError, other: &ScenarioError) -> bool {
    match (one, other) {
        (ScenarioError::Invalid { what, hint, .. }, ScenarioError::Invalid { what: others, hint: hints, .. }) => {
            (what, hint) == (others, hints)
        }
        _ => false,
    }
}
