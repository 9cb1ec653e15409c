//! Metro-to-metro round-trip times: measured between the nearest cities where they are near, else modelled.

use crate::base::Span;

use super::geography::FIBRE_KM_PER_MS;
use super::{Place, fibre_rtt};

/// RTT between two replicas of one metro: VALIDATION.md's 0.5 to 1 ms inside a cloud region.
const WITHIN_METRO: Span = Span::from_micros(600);

/// A metropolitan area that hosts replicas.
#[derive(Clone, Debug)]
pub struct Metro {
    /// Its name.
    pub name: String,
    /// WHO region code.
    pub region: String,
    /// Where it is.
    pub place: Place,
}

/// A measured full matrix of round-trip times between cities.
#[derive(Clone, Debug)]
pub struct CityMatrix {
    /// Names, in the order of the matrix.
    pub names: Vec<String>,
    /// Coordinates, in the order of the matrix.
    pub places: Vec<Place>,
    /// RTT in ms, row-major; not above 0 where nothing was measured.
    pub rtt_ms: Vec<f64>,
}

/// How a metro takes part in the measured matrix.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// Index of the nearest measured city.
    pub city: usize,
    /// Great-circle distance to it, km.
    pub km: f64,
    /// Whether it is near enough to stand for the metro.
    pub measured: bool,
}

/// Round-trip times between all metros.
#[derive(Clone, Debug)]
pub struct Backbone {
    /// One for each metro.
    pub attachments: Vec<Attachment>,
    rtt: Vec<Span>,
    measured: Vec<bool>,
    metros: usize,
}

impl CityMatrix {
    /// The nearest city to `place` and its distance in km.
    fn nearest(&self, place: Place) -> (usize, f64) {
        let distances = self.places.iter().map(|city| city.distance_km(place));
        distances.enumerate().min_by(|a, b| a.1.total_cmp(&b.1)).expect("the matrix has a city")
    }

    fn between(&self, a: usize, b: usize) -> Option<f64> {
        let n = self.names.len();
        // The two directions were measured apart: their mean is the pair's RTT.
        let (there, back) = (self.rtt_ms[a * n + b], self.rtt_ms[b * n + a]);
        // Faster than light in fibre: one of the servers does not stand where its name says.
        let possible = 2.0 * self.places[a].distance_km(self.places[b]) / FIBRE_KM_PER_MS;
        (a != b && there.min(back) > possible).then_some((there + back) / 2.0)
    }
}

impl Backbone {
    /// Attaches each metro to the nearest measured city, if within `near_km`. `modelled_ms` is row-major over metros.
    pub fn new(metros: &[Metro], cities: &CityMatrix, modelled_ms: &[f64], near_km: f64) -> Backbone {
        let n = metros.len();
        assert_eq!(modelled_ms.len(), n * n, "the modelled matrix is square over the metros");
        let attach = |metro: &Metro| {
            let (city, km) = cities.nearest(metro.place);
            Attachment { city, km, measured: km <= near_km }
        };
        let attachments: Vec<Attachment> = metros.iter().map(attach).collect();
        let measured = |a: usize, b: usize| {
            let (a, b) = (&attachments[a], &attachments[b]);
            let rtt = (a.measured && b.measured).then(|| cities.between(a.city, b.city)).flatten()?;
            // The last kilometres between the measured city and the metro count too.
            Some(Span::from_millis_f64(rtt) + fibre_rtt(a.km + b.km))
        };
        let pairs: Vec<Option<Span>> = (0..n * n).map(|index| measured(index / n, index % n)).collect();
        let pair = |index: usize| match (index / n, index % n) {
            (a, b) if a == b => WITHIN_METRO,
            _ => pairs[index].unwrap_or_else(|| Span::from_millis_f64(modelled_ms[index])),
        };
        let rtt = (0..n * n).map(pair).collect();
        Backbone { rtt, measured: pairs.iter().map(Option::is_some).collect(), metros: n, attachments }
    }

    /// RTT between two metros, or within one.
    pub fn rtt(&self, a: usize, b: usize) -> Span {
        self.rtt[a * self.metros + b]
    }

    /// Whether the RTT between two metros is measured.
    pub fn is_measured(&self, a: usize, b: usize) -> bool {
        self.measured[a * self.metros + b]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metro(name: &str, lat: f64, lon: f64) -> Metro {
        Metro { name: name.into(), region: "EUR".into(), place: Place { lat, lon } }
    }

    #[test]
    fn near_pairs_are_measured_and_far_ones_modelled() {
        let cities = CityMatrix {
            names: vec!["A".into(), "B".into()],
            places: vec![Place { lat: 0.0, lon: 0.0 }, Place { lat: 0.0, lon: 10.0 }],
            rtt_ms: vec![0.0, 30.0, 34.0, 0.0],
        };
        let metros = [metro("at A", 0.0, 0.0), metro("at B", 0.0, 10.0), metro("far", 40.0, 10.0)];
        let modelled = [0.6, 99.0, 70.0, 99.0, 0.6, 80.0, 70.0, 80.0, 0.6];
        let backbone = Backbone::new(&metros, &cities, &modelled, 100.0);
        assert_eq!(backbone.rtt(0, 1), Span::from_millis(32), "mean of both directions");
        assert_eq!(backbone.rtt(1, 2), Span::from_millis(80));
        assert_eq!(backbone.rtt(0, 0), WITHIN_METRO);
        assert!(backbone.is_measured(0, 1) && !backbone.is_measured(1, 2));
        assert!(!backbone.attachments[2].measured && backbone.attachments[2].km > 4000.0);
    }

    #[test]
    fn two_metros_at_one_measured_city_are_modelled() {
        let cities =
            CityMatrix { names: vec!["A".into()], places: vec![Place { lat: 0.0, lon: 0.0 }], rtt_ms: vec![0.0] };
        let metros = [metro("east", 0.0, 0.1), metro("west", 0.0, -0.1)];
        assert_eq!(Backbone::new(&metros, &cities, &[0.6, 3.0, 3.0, 0.6], 100.0).rtt(0, 1), Span::from_millis(3));
    }
}
