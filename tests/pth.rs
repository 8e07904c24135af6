//! State dicts from before PyTorch 1.6.

mod common;

use candle_core::DType;
use common::{fixture, lattice};
use convscope::load::pth;

fn file() -> Vec<u8> {
    std::fs::read(fixture("legacy.pth")).expect("the fixture is committed")
}

#[test]
fn tensors_arrive_in_row_major_order_however_they_are_stored() {
    let tensors = pth::load(&file()).expect("the file is whole");
    let cases = [
        ("plain", vec![2, 3], lattice(0, 0, 6)),
        ("vector", vec![4], lattice(0, 1, 4)),
        ("transposed", vec![3, 2], lattice(0, 2, 6)),
        ("part", vec![2, 2], lattice(0, 3, 8)[2..6].to_vec()),
        ("shared", vec![2, 3], lattice(0, 0, 6)),
    ];
    for (name, shape, expected) in cases {
        let tensor = &tensors[name];
        assert_eq!(tensor.dims(), shape, "shape of {name}");
        let values = tensor
            .flatten_all()
            .and_then(|flat| flat.to_vec1::<f32>())
            .expect("f32 values");
        assert_eq!(values, expected, "values of {name}");
    }
    assert_eq!(tensors["steps"].dtype(), DType::I64);
}

#[test]
fn a_file_cut_anywhere_is_a_bad_model() {
    let whole = file();
    for length in 0..whole.len() {
        let error = pth::load(&whole[..length]).expect_err("a part of a file is no file");
        assert_eq!(error.code.as_str(), "bad_model", "cut to {length} bytes");
    }
}

#[test]
fn other_files_are_refused_with_a_way_out() {
    for (bytes, word) in [
        (&b""[..], "0 bytes"),
        (b"PK\x03\x04 a zip archive", "safetensors"),
    ] {
        let error = pth::load(bytes).expect_err("no state dict");
        assert!(error.message.contains(word), "{}", error.message);
    }
}
