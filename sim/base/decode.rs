//! Reading what [`super::Encode`] writes.

use super::{Bytes, Digest, Height, HospitalId, Span, Time};

/// Encoded bytes that are not read yet.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    /// The next `count` bytes; nothing where there are fewer.
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }
}

/// A value that can be read back from its encoding.
pub trait Decode: Sized {
    /// Reads a value off the front of `input`; nothing where the bytes there encode none.
    fn decode(input: &mut Input<'_>) -> Option<Self>;
}

macro_rules! decode_integers {
    ($($integer:ty),*) => {$(
        impl Decode for $integer {
            fn decode(input: &mut Input<'_>) -> Option<Self> {
                let bytes = input.take(size_of::<$integer>())?;
                bytes.try_into().ok().map(<$integer>::from_le_bytes)
            }
        }
    )*};
}
decode_integers!(u8, u32, u64);

macro_rules! decode_newtypes {
    ($($newtype:ident),*) => {$(
        impl Decode for $newtype {
            fn decode(input: &mut Input<'_>) -> Option<Self> {
                Decode::decode(input).map($newtype)
            }
        }
    )*};
}
decode_newtypes!(HospitalId, Height, Time, Span, Bytes);

impl Decode for Digest {
    fn decode(input: &mut Input<'_>) -> Option<Self> {
        input.take(32)?.try_into().ok().map(Digest)
    }
}
