//! Great circles and light in fibre.

use crate::base::Span;

/// Mean radius of the Earth (IUGG R1), km.
const EARTH_KM: f64 = 6371.0088;
/// Distance light travels in fibre in a millisecond: two thirds of c, km.
pub const FIBRE_KM_PER_MS: f64 = 199.862;
/// Fibre routes are longer than great circles by about this factor on access and regional networks: an assumption.
const ROUTE_FACTOR: f64 = 1.5;

/// A point on the globe, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Degrees north.
    pub lat: f64,
    /// Degrees east.
    pub lon: f64,
}

impl Place {
    /// Great-circle distance in km (haversine).
    pub fn distance_km(self, other: Place) -> f64 {
        let half = |a: f64, b: f64| libm::sin((b - a).to_radians() / 2.0);
        let (dlat, dlon) = (half(self.lat, other.lat), half(self.lon, other.lon));
        let cosines = libm::cos(self.lat.to_radians()) * libm::cos(other.lat.to_radians());
        let chord = dlat * dlat + cosines * dlon * dlon;
        2.0 * EARTH_KM * libm::asin(libm::sqrt(chord.min(1.0)))
    }
}

/// Round-trip time of light over `km` of great circle, on a fibre route.
pub fn fibre_rtt(km: f64) -> Span {
    Span::from_millis_f64(2.0 * km * ROUTE_FACTOR / FIBRE_KM_PER_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_distances() {
        let (london, sydney) = (Place { lat: 51.5074, lon: -0.1278 }, Place { lat: -33.8688, lon: 151.2093 });
        assert!((london.distance_km(sydney) - 16_994.0).abs() < 10.0);
        assert_eq!(london.distance_km(london), 0.0);
        let (west, east) = (Place { lat: 0.0, lon: -179.5 }, Place { lat: 0.0, lon: 179.5 });
        assert!((west.distance_km(east) - 111.2).abs() < 0.1, "the date line is no barrier");
    }
}
