//! What a file is, told by its content.

use safetensors::SafeTensors;

use crate::error::{Error, Result};

/// A file that networks are loaded from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A JSON object: a graph, or a graph with its weights.
    Json,
    /// Named tensors.
    Safetensors,
}

/// The kind of a file.
///
/// # Errors
/// `bad_model` for a file that is empty, cut off, or of another kind, with what it seems to be.
pub fn identify(bytes: &[u8]) -> Result<Kind> {
    let no_network = |what: &str| {
        Err(Error::bad_model(format!(
            "the file is {what}, which convscope does not load; give a graph as JSON with weights as safetensors"
        )))
    };
    let text = bytes.trim_ascii_start();
    match bytes {
        [] => Err(Error::bad_model(
            "the file is empty (0 bytes); download it again",
        )),
        [_, _, _, _, _, _, _, _, b'{', ..] => match SafeTensors::deserialize(bytes) {
            Ok(_) => Ok(Kind::Safetensors),
            Err(error) => Err(Error::bad_model(format!(
                "the file ({} bytes) is a damaged or cut off safetensors file: {error}; download it again",
                bytes.len()
            ))),
        },
        _ if text.starts_with(b"{") => Ok(Kind::Json),
        _ if text.starts_with(b"<") => {
            no_network("a web page instead of a network (is the address right?)")
        }
        [b'P', b'K', 3, 4, ..] | [0x80, 2..=5, ..] => no_network("a PyTorch or zip file"),
        // The first field of an ONNX model is the version of its format, a small number.
        [8, 1..=20, ..] => no_network("an ONNX model"),
        _ => no_network("of no known kind, or cut off"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn safetensors() -> Vec<u8> {
        let header = br#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend(header);
        file.extend(1.0_f32.to_le_bytes());
        file
    }

    #[test]
    fn networks_are_told_by_content() {
        assert_eq!(identify(b" \n{\"nodes\": []}"), Ok(Kind::Json));
        assert_eq!(identify(&safetensors()), Ok(Kind::Safetensors));
    }

    #[test]
    fn a_file_cut_off_anywhere_is_a_bad_model() {
        let file = safetensors();
        for length in 0..file.len() {
            let error = identify(&file[..length]).expect_err("it is cut off");
            assert_eq!(error.code.as_str(), "bad_model", "{length} bytes");
        }
    }

    #[test]
    fn other_files_are_named() {
        let cases: [(&[u8], &str); 6] = [
            (b"", "0 bytes"),
            (b"<!doctype html>", "web page"),
            (b"PK\x03\x04rest", "PyTorch"),
            (b"\x80\x02}q\x00.", "PyTorch"),
            (b"\x08\x07\x12\x07pytorch", "ONNX"),
            (b"GIF89a", "no known kind"),
        ];
        for (file, word) in cases {
            let error = identify(file).expect_err(word);
            assert_eq!(error.code.as_str(), "bad_model");
            assert!(error.message.contains(word), "{}", error.message);
        }
    }
}
