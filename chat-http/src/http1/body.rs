//! Finds the end of a request's body. Errors in the body are left to hyper: after one, no further request is read.

use super::head;

/// The part of a body that has not come yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// This number of bytes.
    Length(u64),
    /// Chunks; the place says how far the current one has come.
    Chunked(Place),
    /// The chunks are not well formed. Everything that follows counts as body.
    Broken,
}

/// A place in a chunked body (RFC 9112, section 7.1), named after what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The size of a chunk, with the digits that were read so far.
    Size(Option<u64>),
    /// A chunk extension, up to its CR.
    Extension(u64),
    /// The LF after a size.
    SizeEnd(u64),
    Data(u64),
    DataCr,
    DataLf,
    /// The start of a trailer line; an empty line ends the body.
    Trailer,
    InTrailer,
    TrailerLf,
    LastLf,
    Over,
}

impl Rest {
    /// The whole body; `None` if there is none.
    pub(super) const fn of(body: head::Body) -> Option<Self> {
        match body {
            head::Body::None => None,
            head::Body::Length(length) => Some(Self::Length(length)),
            head::Body::Chunked => Some(Self::Chunked(Place::Size(None))),
        }
    }

    /// Counts how many of these bytes belong to the body, and advances past them.
    pub(super) fn take(&mut self, bytes: &[u8]) -> usize {
        match self {
            Self::Broken => bytes.len(),
            Self::Length(left) => {
                let taken = fitting(*left, bytes.len());
                *left -= taken as u64;
                taken
            }
            Self::Chunked(_) => self.take_chunks(bytes),
        }
    }

    /// Whether the whole body has come.
    pub(super) const fn is_over(self) -> bool {
        matches!(self, Self::Length(0) | Self::Chunked(Place::Over))
    }

    fn take_chunks(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while let Self::Chunked(place) = *self
            && place != Place::Over
            && taken < bytes.len()
        {
            if let Place::Data(left) = place {
                let data = fitting(left, bytes.len() - taken);
                taken += data;
                let left = left - data as u64;
                *self = Self::Chunked(if left == 0 { Place::DataCr } else { Place::Data(left) });
            } else {
                *self = place.after(bytes[taken]).map_or(Self::Broken, Self::Chunked);
                taken += 1;
            }
        }
        if *self == Self::Broken { bytes.len() } else { taken }
    }
}

fn fitting(left: u64, there: usize) -> usize {
    usize::try_from(left).map_or(there, |left| left.min(there))
}

impl Place {
    /// The place after this byte; `None` if the byte is not allowed here.
    fn after(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Size(Some(size)), b'\r') | (Self::Extension(size), b'\r') => Self::SizeEnd(size),
            (Self::Size(Some(size)), b';' | b' ' | b'\t') => Self::Extension(size),
            (Self::Size(size), digit) => Self::Size(Some(longer(size.unwrap_or(0), digit)?)),
            (Self::Extension(_), b'\n') => return None,
            (Self::Extension(size), _) => Self::Extension(size),
            (Self::SizeEnd(0), b'\n') | (Self::TrailerLf, b'\n') => Self::Trailer,
            (Self::SizeEnd(size), b'\n') => Self::Data(size),
            (Self::DataCr, b'\r') => Self::DataLf,
            (Self::DataLf, b'\n') => Self::Size(None),
            (Self::Trailer, b'\r') => Self::LastLf,
            (Self::InTrailer, b'\r') => Self::TrailerLf,
            (Self::Trailer | Self::InTrailer, _) => Self::InTrailer,
            (Self::LastLf, b'\n') => Self::Over,
            (
                Self::SizeEnd(_)
                | Self::Data(_)
                | Self::DataCr
                | Self::DataLf
                | Self::TrailerLf
                | Self::LastLf
                | Self::Over,
                _,
            ) => {
                return None;
            }
        })
    }
}

/// Appends a digit to a size; `None` on overflow.
fn longer(size: u64, digit: u8) -> Option<u64> {
    let digit = char::from(digit).to_digit(16)?;
    size.checked_mul(16)?.checked_add(digit.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of these bytes belong to the body if they come in pieces of this size.
    fn taken(mut rest: Rest, bytes: &[u8], piece: usize) -> Option<usize> {
        let mut total = 0;
        for part in bytes.chunks(piece) {
            let taken = rest.take(part);
            total += taken;
            if rest.is_over() {
                return Some(total);
            }
            assert_eq!(taken, part.len(), "it takes all until it is over");
        }
        None
    }

    const CHUNKED: Rest = Rest::Chunked(Place::Size(None));

    #[test]
    fn a_body_ends_where_it_ends_however_it_comes() {
        for (rest, body) in [
            (Rest::Length(5), "hello"),
            (CHUNKED, "0\r\n\r\n"),
            (CHUNKED, "5\r\nhello\r\n0\r\n\r\n"),
            (CHUNKED, "A;a=b;c=\"d\"\r\n0123456789\r\n000\r\nX: y\r\nZ: \r\n\r\n"),
            (CHUNKED, "2 \r\n\r\n\r\n1\r\n\r\r\n0 ;x\r\n\r\n"),
        ] {
            let bytes = format!("{body}GET / HTTP/1.1\r\n\r\n");
            for piece in 1..=bytes.len() {
                assert_eq!(taken(rest, bytes.as_bytes(), piece), Some(body.len()), "{body:?} by {piece}");
            }
        }
    }

    #[test]
    fn nothing_follows_what_is_no_chunk() {
        for body in [
            "\r\n",
            "x\r\n",
            "1\nx\r\n",
            "1\r\nxx\r\n",
            "1\r\nx\n0\r\n",
            "0\r\n\rx",
            "1;a\nx\r\n",
            "11111111111111111\r\n",
        ] {
            let bytes = format!("{body}GET / HTTP/1.1\r\n\r\n");
            for piece in 1..=bytes.len() {
                assert_eq!(taken(CHUNKED, bytes.as_bytes(), piece), None, "{body:?} by {piece}");
            }
        }
    }
}
