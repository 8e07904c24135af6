//! A picture's size from the first bytes of its file, so that one too large is refused before it is decoded.

use crate::error::{Error, Result};

/// The most pixels that are decoded.
pub const MOST_PIXELS: usize = 64_000_000;

/// Width and height of a PNG, JPEG, GIF, WebP or BMP file, as stored (before any EXIF rotation).
///
/// # Errors
/// `bad_image` if the file is empty, of another kind, damaged within its header, or holds over [`MOST_PIXELS`].
pub fn picture_size(file: &[u8]) -> Result<(usize, usize)> {
    if file.is_empty() {
        return Err(Error::bad_image(
            "the picture is empty (0 bytes); choose another file",
        ));
    }
    let (kind, size) = if let Some(rest) = file.strip_prefix(b"\x89PNG\r\n\x1a\n") {
        ("PNG", png(rest))
    } else if file.starts_with(b"\xff\xd8") {
        ("JPEG", jpeg(file))
    } else if file.starts_with(b"GIF87a") || file.starts_with(b"GIF89a") {
        ("GIF", pair(little_16(file, 6), little_16(file, 8)))
    } else if file.starts_with(b"RIFF") && file.get(8..12) == Some(b"WEBP") {
        ("WebP", webp(file))
    } else if file.starts_with(b"BM") {
        ("BMP", bmp(file))
    } else {
        return Err(Error::bad_image(
            "the file is no picture that can be read; choose a PNG, JPEG, GIF, WebP or BMP file",
        ));
    };
    let (width, height) = size
        .filter(|&(width, height)| width > 0 && height > 0)
        .ok_or_else(|| {
            Error::bad_image(format!(
                "the {kind} file is damaged or cut off within its header; choose another file"
            ))
        })?;
    if width.saturating_mul(height) > MOST_PIXELS {
        return Err(Error::bad_image(format!(
            "the picture has {width} × {height} pixels, over the limit of {} million; make it smaller first",
            MOST_PIXELS / 1_000_000
        )));
    }
    Ok((width, height))
}

/// The header chunk comes first: length, name, width, height.
fn png(rest: &[u8]) -> Option<(usize, usize)> {
    if rest.get(4..8) != Some(b"IHDR") {
        return None;
    }
    pair(big_32(rest, 8), big_32(rest, 12))
}

/// Segments up to the frame header (SOF): marker, length, precision, height, width.
fn jpeg(file: &[u8]) -> Option<(usize, usize)> {
    let mut at = 2;
    loop {
        if *file.get(at)? != 0xff {
            return None;
        }
        match *file.get(at + 1)? {
            // Fill bytes may stand before a marker.
            0xff => at += 1,
            // Markers without a body.
            0x01 | 0xd0..=0xd7 => at += 2,
            // Tables share the frame headers' range.
            0xc4 | 0xc8 | 0xcc => at += 2 + segment(file, at)?,
            0xc0..=0xcf => return pair(big_16(file, at + 7), big_16(file, at + 5)),
            // The scan or the end before any frame header.
            0xd8..=0xda => return None,
            _ => at += 2 + segment(file, at)?,
        }
    }
}

/// A segment's length, which counts itself.
fn segment(file: &[u8], marker: usize) -> Option<usize> {
    big_16(file, marker + 2).filter(|&length| length >= 2)
}

/// Lossy, lossless and extended files each keep the size elsewhere.
fn webp(file: &[u8]) -> Option<(usize, usize)> {
    match file.get(12..16)? {
        b"VP8 " if file.get(23..26) == Some(b"\x9d\x01\x2a") => {
            let size = pair(little_16(file, 26), little_16(file, 28));
            size.map(|(width, height)| (width & 0x3fff, height & 0x3fff))
        }
        b"VP8L" if file.get(20) == Some(&0x2f) => {
            let bits = little_32(file, 21)?;
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        b"VP8X" => {
            let less_one = |at| little_32(file, at).map(|bits| (bits & 0xff_ffff) + 1);
            // The height's three bytes end the chunk, so they are read with the byte before them.
            let height = little_32(file, 26).map(|bits| (bits >> 8) + 1);
            pair(less_one(24), height)
        }
        _ => None,
    }
}

/// The oldest header has 16-bit extents; in the others a negative height means rows from above.
fn bmp(file: &[u8]) -> Option<(usize, usize)> {
    if little_32(file, 14)? == 12 {
        return pair(little_16(file, 18), little_16(file, 20));
    }
    let signed = |at| bytes(file, at).map(|four| i32::from_le_bytes(four).unsigned_abs() as usize);
    pair(signed(18), signed(22))
}

fn pair(width: Option<usize>, height: Option<usize>) -> Option<(usize, usize)> {
    width.zip(height)
}

fn bytes<const N: usize>(file: &[u8], at: usize) -> Option<[u8; N]> {
    file.get(at..)?.first_chunk().copied()
}

fn big_16(file: &[u8], at: usize) -> Option<usize> {
    bytes(file, at).map(|two| usize::from(u16::from_be_bytes(two)))
}

fn big_32(file: &[u8], at: usize) -> Option<usize> {
    bytes(file, at).map(|four| u32::from_be_bytes(four) as usize)
}

fn little_16(file: &[u8], at: usize) -> Option<usize> {
    bytes(file, at).map(|two| usize::from(u16::from_le_bytes(two)))
}

fn little_32(file: &[u8], at: usize) -> Option<usize> {
    bytes(file, at).map(|four| u32::from_le_bytes(four) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first bytes of a file of each kind, 300 wide and 200 high.
    fn headers() -> Vec<(&'static str, Vec<u8>)> {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x01\x2c\0\0\0\xc8".to_vec();
        let jpeg =
            b"\xff\xd8\xff\xe0\0\x04ab\xff\xff\xc4\0\x03t\xff\xc2\0\x11\x08\0\xc8\x01\x2c".to_vec();
        let gif = b"GIF89a\x2c\x01\xc8\0".to_vec();
        let lossy = b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a\x2c\x01\xc8\0".to_vec();
        let bits: u32 = 299 + (199 << 14);
        let mut lossless = b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f".to_vec();
        lossless.extend(bits.to_le_bytes());
        let extended = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x2b\x01\0\xc7\0\0".to_vec();
        let old_bmp = b"BM\0\0\0\0\0\0\0\0\0\0\0\0\x0c\0\0\0\x2c\x01\xc8\0".to_vec();
        let mut bmp = b"BM\0\0\0\0\0\0\0\0\0\0\0\0\x28\0\0\0\x2c\x01\0\0".to_vec();
        bmp.extend((-200_i32).to_le_bytes());
        vec![
            ("PNG", png),
            ("JPEG", jpeg),
            ("GIF", gif),
            ("lossy WebP", lossy),
            ("lossless WebP", lossless),
            ("extended WebP", extended),
            ("old BMP", old_bmp),
            ("BMP", bmp),
        ]
    }

    #[test]
    fn the_size_is_read_from_the_header_alone() {
        for (kind, header) in headers() {
            assert_eq!(picture_size(&header), Ok((300, 200)), "{kind}");
        }
    }

    #[test]
    fn a_header_cut_anywhere_is_a_bad_image() {
        for (kind, header) in headers() {
            for length in 0..header.len() {
                let error = picture_size(&header[..length]).expect_err(kind);
                assert_eq!(
                    error.code.as_str(),
                    "bad_image",
                    "{kind} cut to {length} bytes"
                );
            }
        }
    }

    #[test]
    fn a_picture_of_400_megapixels_is_refused_with_its_size() {
        let file = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x4e\x20\0\0\x4e\x20";
        let error = picture_size(file).expect_err("20,000 × 20,000 pixels");
        assert!(error.message.contains("20000 × 20000"), "{}", error.message);
    }

    #[test]
    fn the_limit_itself_is_allowed() {
        let file = |height: [u8; 2]| {
            let [high, low] = height;
            [
                b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x1f\x40\0\0",
                &[high, low][..],
            ]
            .concat()
        };
        assert_eq!(picture_size(&file([0x1f, 0x40])), Ok((8000, 8000)));
        assert!(picture_size(&file([0x1f, 0x41])).is_err());
    }

    #[test]
    fn other_files_and_empty_pictures_are_refused() {
        let files: [(&[u8], &str); 4] = [
            (b"", "0 bytes"),
            (b"<!doctype html>", "no picture"),
            (b"GIF89a\0\0\xc8\0", "damaged"),
            (b"\xff\xd8\xff\xda\0\x08", "damaged"),
        ];
        for (file, word) in files {
            let error = picture_size(file).expect_err(word);
            assert_eq!(error.code.as_str(), "bad_image");
            assert!(error.message.contains(word), "{}", error.message);
        }
    }
}
