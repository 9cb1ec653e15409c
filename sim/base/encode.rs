//! The canonical encoding: little-endian integers of fixed width, byte strings and lists behind a 32-bit count.
//!
//! One value has one encoding. Ids are BLAKE3 of these bytes, and a message's size on the wire is their length.

use super::{Bytes, Height, HospitalId, NodeId, ReplicaId, Span, Time, View};

/// Takes encoded bytes: a buffer, a hasher, or a counter.
pub trait Sink {
    /// Appends `bytes`.
    fn put(&mut self, bytes: &[u8]);
}

/// A value with one canonical encoding.
pub trait Encode {
    /// Writes the encoding into `sink`.
    fn encode(&self, sink: &mut impl Sink);

    /// The length of the encoding.
    fn encoded_len(&self) -> Bytes {
        let mut length = Length::default();
        self.encode(&mut length);
        Bytes(length.0)
    }
}

/// A sink that only counts, in bytes.
#[derive(Default)]
pub struct Length(pub u64);

impl Sink for Length {
    fn put(&mut self, bytes: &[u8]) {
        self.0 += bytes.len() as u64;
    }
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

impl Sink for blake3::Hasher {
    fn put(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }
}

macro_rules! encode_integers {
    ($($integer:ty),*) => {$(
        impl Encode for $integer {
            fn encode(&self, sink: &mut impl Sink) {
                sink.put(&self.to_le_bytes());
            }
        }
    )*};
}
encode_integers!(u8, u16, u32, u64);

macro_rules! encode_newtypes {
    ($($newtype:ty),*) => {$(
        impl Encode for $newtype {
            fn encode(&self, sink: &mut impl Sink) {
                self.0.encode(sink);
            }
        }
    )*};
}
encode_newtypes!(NodeId, ReplicaId, HospitalId, View, Height, Time, Span, Bytes);

impl Encode for bool {
    fn encode(&self, sink: &mut impl Sink) {
        u8::from(*self).encode(sink);
    }
}

impl Encode for str {
    fn encode(&self, sink: &mut impl Sink) {
        self.as_bytes().encode(sink);
    }
}

impl<T: Encode> Encode for [T] {
    fn encode(&self, sink: &mut impl Sink) {
        u32::try_from(self.len()).expect("an encoded list has fewer than 2^32 items").encode(sink);
        self.iter().for_each(|item| item.encode(sink));
    }
}

impl<T: Encode> Encode for Option<T> {
    fn encode(&self, sink: &mut impl Sink) {
        u8::from(self.is_some()).encode(sink);
        if let Some(value) = self {
            value.encode(sink);
        }
    }
}

macro_rules! encode_tuples {
    ($(($($name:ident $nth:tt),*))*) => {$(
        impl<$($name: Encode),*> Encode for ($($name,)*) {
            fn encode(&self, sink: &mut impl Sink) {
                $(self.$nth.encode(sink);)*
            }
        }
    )*};
}
encode_tuples!((A 0, B 1)(A 0, B 1, C 2));
