//! Filters held to Pillow, SciPy and scikit-image.

mod common;

use common::{Array, arrays, cases, lattice};
use convscope::lab::filters::{Filter, Pixels};
use convscope::picture::Channels;
use convscope::tensor::Tensor;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Case {
    source: String,
    method: String,
    value: f32,
    result: String,
}

/// Interleaved bytes or numbers `[rows, columns, channels]` as a picture on [0, 1].
fn picture(array: &Array, scale: f32) -> Tensor {
    let [rows, columns, channels] = array.shape[..] else {
        panic!("a picture has three extents");
    };
    let planes = (0..channels).flat_map(|c| array.data.iter().skip(c).step_by(channels));
    Tensor::new(
        planes.map(|v| v / scale).collect(),
        [1, channels, rows, columns],
    )
    .expect("extents fit")
}

fn pixels(picture: &Tensor) -> Pixels {
    let channels = [Channels::Gray, Channels::Rgb][picture.shape()[1] / 3];
    Pixels::unit(picture.shape()[1], Some(channels))
}

fn filtered(filter: Filter, source: &Tensor) -> Vec<f32> {
    filter
        .apply(source, &pixels(source), 1)
        .expect("a filtered picture")
        .into_data()
}

/// For each case of a method its result and what was expected.
fn compare(
    method: &str,
    filter: impl Fn(f32) -> Filter,
    mut check: impl FnMut(&Case, &[f32], &[f32]),
) {
    let stored = arrays("filters.safetensors");
    let mut count = 0;
    for case in cases::<Case>("filters.json")
        .iter()
        .filter(|case| case.method == method)
    {
        let source = picture(&stored[&format!("{}.source", case.source)], 255.0);
        let scale = if method == "jpeg" { 255.0 } else { 1.0 };
        let expected = picture(&stored[&case.result], scale);
        check(
            case,
            &filtered(filter(case.value), &source),
            expected.data(),
        );
        count += 1;
    }
    assert!(count > 1, "{method} has cases");
}

fn worst(got: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(got.len(), expected.len());
    let differences = got.iter().zip(expected).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, f32::max)
}

#[test]
fn bit_depth_median_and_gaussian_are_those_of_numpy_and_scipy() {
    let check = |tolerance: f32| {
        move |case: &Case, got: &[f32], expected: &[f32]| {
            assert!(
                worst(got, expected) <= tolerance,
                "{case:?}: {}",
                worst(got, expected)
            );
        }
    };
    compare(
        "bit_depth",
        |bits| Filter::BitDepth { bits: bits as u32 },
        check(1e-7),
    );
    compare(
        "median",
        |size| Filter::Median {
            size: size as usize,
        },
        check(1e-7),
    );
    compare("gaussian", |sigma| Filter::Gaussian { sigma }, check(2e-6));
}

#[test]
fn total_variation_is_that_of_scikit_image() {
    compare(
        "tv",
        |weight| Filter::TotalVariation {
            weight,
            steps: 2000,
        },
        |case, got, expected| {
            assert!(
                worst(got, expected) < 1e-3,
                "{case:?}: {}",
                worst(got, expected)
            );
        },
    );
}

/// libjpeg's integer cosine transform rounds on the way, so that a coefficient between two steps can fall to either side.
#[test]
fn jpeg_is_that_of_libjpeg() {
    compare(
        "jpeg",
        |quality| Filter::Jpeg {
            quality: quality as u32,
        },
        |case, got, expected| {
            let differences: Vec<f32> = got
                .iter()
                .zip(expected)
                .map(|(a, b)| 255.0 * (a - b).abs())
                .collect();
            let mean = differences.iter().sum::<f32>() / differences.len() as f32;
            let near =
                differences.iter().filter(|&&d| d < 2.5).count() as f32 / differences.len() as f32;
            // In colour, one level of Cb or Cr is two of red or blue.
            let (most, least) = if case.source == "cat" {
                (0.5, 0.94)
            } else {
                (0.3, 0.98)
            };
            assert!(
                mean < most && near > least,
                "{case:?}: mean {mean}, within two levels {near}"
            );
        },
    );
}

/// Ones show where the picture lies; there it must be the one that Pillow shrinks.
#[test]
fn random_resize_puts_a_shrunk_picture_onto_black() {
    let stored = arrays("filters.safetensors");
    let source = picture(&stored["fashion.source"], 255.0);
    let ones = Tensor::new(vec![1.0; 784], [1, 1, 28, 28]).expect("ones");
    let filter = Filter::RandomResize { scale: 0.8 };
    let (mut places, mut held) = (Vec::new(), 0);
    for seed in 0..60 {
        let apply = |picture: &Tensor| {
            let filtered = filter.apply(picture, &pixels(picture), seed);
            filtered.expect("a filtered picture").into_data()
        };
        let (got, ground) = (apply(&source), apply(&ones));
        let inside: Vec<usize> = (0..784).filter(|&i| ground[i] > 0.5).collect();
        let (first, last) = (inside[0], inside[inside.len() - 1]);
        let rows = last / 28 - first / 28 + 1;
        assert_eq!(inside.len(), rows * rows, "a square");
        assert!(
            (0..784).all(|i| inside.contains(&i) || got[i] == 0.0),
            "black around"
        );
        places.push((rows, first));
        if let Some(expected) = stored.get(&format!("fashion.resize.{rows}")) {
            let shown: Vec<f32> = inside.iter().map(|&i| got[i]).collect();
            assert!(worst(&shown, &expected.data) < 1e-5);
            held += 1;
        }
    }
    assert!(held > 5);
    assert!(places.iter().all(|&(rows, _)| (23..=28).contains(&rows)));
    places.sort_unstable();
    places.dedup();
    assert!(places.len() > 20, "{places:?}");
}

#[test]
fn linear_filters_pull_gradients_through_their_adjoint() {
    let shape = [2, 3, 9, 7];
    let tensor = |number| Tensor::new(lattice(5, number, 378), shape).expect("extents fit");
    let (x, g) = (tensor(0), tensor(1));
    let dot = |a: &Tensor, b: &Tensor| -> f64 {
        let products = a.data().iter().zip(b.data());
        products.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
    };
    for filter in [
        Filter::Gaussian { sigma: 1.2 },
        Filter::RandomResize { scale: 0.5 },
    ] {
        assert!(filter.is_linear());
        for seed in 0..5 {
            let forward = filter
                .apply(&x, &Pixels::unit(3, None), seed)
                .expect("filtered");
            let backward = filter.pull(&g, seed).expect("pulled");
            let (left, right) = (dot(&forward, &g), dot(&x, &backward));
            assert!((left - right).abs() < 1e-4, "{filter:?}: {left} {right}");
        }
    }
    let straight = Filter::BitDepth { bits: 1 };
    assert_eq!(straight.pull(&g, 0).expect("pulled"), g);
}

#[test]
fn units_do_not_matter() {
    let unit = Tensor::new(
        (0..3 * 11 * 13)
            .map(|i| (i * 7919 % 256) as f32 / 255.0)
            .collect::<Vec<_>>(),
        [1, 3, 11, 13],
    )
    .expect("extents fit");
    let own = Pixels {
        low: vec![-1.0, 2.0, 0.0],
        high: vec![1.0, 6.0, 255.0],
        channels: Some(Channels::Bgr),
    };
    let map = |tensor: &Tensor, rule: &dyn Fn(f32, f32, f32) -> f32| {
        let data = tensor.data().iter().enumerate();
        let data = data
            .map(|(i, &v)| rule(v, own.low[i / 143], own.high[i / 143]))
            .collect();
        Tensor::new(data, [1, 3, 11, 13]).expect("extents fit")
    };
    let scaled = map(&unit, &|v, low, high| low + v * (high - low));
    for filter in [
        Filter::BitDepth { bits: 3 },
        Filter::Median { size: 3 },
        Filter::Gaussian { sigma: 0.8 },
        Filter::Jpeg { quality: 60 },
        Filter::TotalVariation {
            weight: 0.1,
            steps: 20,
        },
        Filter::RandomResize { scale: 0.7 },
    ] {
        let plain = filter
            .apply(&unit, &Pixels::unit(3, Some(Channels::Bgr)), 4)
            .expect("filtered");
        let back = map(
            &filter.apply(&scaled, &own, 4).expect("filtered"),
            &|v, low, high| (v - low) / (high - low),
        );
        assert!(worst(plain.data(), back.data()) < 1e-5, "{filter:?}");
        assert!(filter.apply(&unit, &Pixels::unit(1, None), 4).is_err());
    }
}

#[test]
fn every_setting_changes_the_picture() {
    let stored = arrays("filters.safetensors");
    let source = picture(&stored["cat.source"], 255.0);
    for (a, b) in [
        (Filter::BitDepth { bits: 3 }, Filter::BitDepth { bits: 4 }),
        (Filter::Median { size: 2 }, Filter::Median { size: 3 }),
        (
            Filter::Gaussian { sigma: 1.0 },
            Filter::Gaussian { sigma: 1.1 },
        ),
        (Filter::Jpeg { quality: 74 }, Filter::Jpeg { quality: 75 }),
        (
            Filter::TotalVariation {
                weight: 0.1,
                steps: 50,
            },
            Filter::TotalVariation {
                weight: 0.12,
                steps: 50,
            },
        ),
        (
            Filter::TotalVariation {
                weight: 0.1,
                steps: 50,
            },
            Filter::TotalVariation {
                weight: 0.1,
                steps: 51,
            },
        ),
        (
            Filter::RandomResize { scale: 0.5 },
            Filter::RandomResize { scale: 0.9 },
        ),
    ] {
        assert_ne!(filtered(a, &source), filtered(b, &source), "{a:?} {b:?}");
    }
    let random = Filter::RandomResize { scale: 0.5 };
    let twice = Tensor::new(source.data().repeat(2), [2, 3, 35, 43]).expect("extents fit");
    let of = |seed| {
        random
            .apply(&twice, &pixels(&twice), seed)
            .expect("filtered")
            .into_data()
    };
    assert_eq!(of(3), of(3));
    assert_ne!(of(3), of(4));
    let both = of(3);
    assert_ne!(
        both[..both.len() / 2],
        both[both.len() / 2..],
        "each has a draw of its own"
    );
}
