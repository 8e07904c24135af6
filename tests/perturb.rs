//! Perturbations: SciPy's rotations and shifts, the laws of each kind, curves over strength, and the map of single pixels.

mod common;

use common::shipped::{fashion, labels, pictures};
use common::{cases, gpu_engine, lattice};
use convscope::engine::Engine;
use convscope::engine::control::Control;
use convscope::lab::attack::{Bounds, Plain, Units};
use convscope::lab::perturb::curve::{self, Point, curve};
use convscope::lab::perturb::pixels::{self, PixelMap, pixel_map};
use convscope::lab::perturb::{Method, Settings};
use convscope::net::{Net, Overrides};
use convscope::tensor::{Shape, Tensor};
use serde::Deserialize;

const SIDE: [usize; 2] = [7, 9];

#[derive(Deserialize)]
struct Case {
    method: String,
    strength: f32,
    angle: Option<f32>,
    edge: Vec<f32>,
    filled: Vec<f32>,
}

/// A perturbation of pixels from 0 to 1.
fn pixels_of(method: Method, channels: usize) -> Settings {
    Settings::new(method, Bounds::pixels(channels))
}

fn tensor(data: Vec<f32>, shape: [usize; 4]) -> Tensor {
    Tensor::new(data, shape).unwrap()
}

/// Values from 0 to 1.
fn picture(channels: usize, height: usize, width: usize) -> Tensor {
    let values = lattice(931, 0, channels * height * width);
    let unit = values.iter().map(|value| 0.5 + 0.5 * value).collect();
    tensor(unit, [1, channels, height, width])
}

#[test]
fn rotations_and_shifts_are_scipys() {
    let image = tensor(lattice(930, 0, SIDE[0] * SIDE[1]), [1, 1, SIDE[0], SIDE[1]]);
    for case in cases::<Case>("perturb.json") {
        let method = Method::ALL
            .into_iter()
            .find(|method| method.name() == case.method)
            .unwrap();
        let mut settings = Settings::new(method, Bounds::none(1));
        settings.angle = case.angle;
        for (fill, expected) in [(None, &case.edge), (Some(0.25), &case.filled)] {
            settings.fill = fill;
            let got = settings.perturb(&image, case.strength, 0, 0).unwrap();
            for (index, (got, expected)) in got.data().iter().zip(expected).enumerate() {
                assert!(
                    (got - expected).abs() < 2e-5,
                    "{} by {} with {fill:?} at {index}: {got}, not {expected}",
                    case.method,
                    case.strength
                );
            }
        }
    }
}

#[test]
fn a_strength_of_zero_changes_no_bit_and_the_same_seed_gives_the_same() {
    let image = picture(3, 12, 10);
    for method in Method::ALL {
        let settings = pixels_of(method, 3);
        let none = settings.perturb(&image, 0.0, 3, 0).unwrap();
        assert_eq!(none, image, "{method:?}");
        let strength = match method {
            Method::Rotation | Method::Shift => 3.0,
            Method::Jpeg => 70.0,
            Method::Blur => 1.0,
            _ => 0.3,
        };
        let once = settings.perturb(&image, strength, 3, 0).unwrap();
        assert_eq!(once, settings.perturb(&image, strength, 3, 0).unwrap());
        assert_ne!(once, image, "{method:?}");
        assert!(once.data().iter().all(|value| (0.0..=1.0).contains(value)));
        for (seed, draw) in [(4, 0), (3, 1)] {
            let other = settings.perturb(&image, strength, seed, draw).unwrap();
            assert_eq!(
                other != once,
                method.is_random(),
                "{method:?} {seed} {draw}"
            );
        }
    }
}

#[test]
fn noise_has_the_moments_that_are_asked_for() {
    let grey = tensor(vec![0.5; 2 * 64 * 64], [2, 1, 64, 64]);
    let moments = |settings: Settings, strength: f32| {
        let noisy = settings.perturb(&grey, strength, 7, 0).unwrap();
        let n = noisy.data().len() as f32;
        let mean = noisy.data().iter().sum::<f32>() / n - 0.5;
        let square: f32 = noisy.data().iter().map(|v| (v - 0.5).powi(2)).sum();
        let most = noisy
            .data()
            .iter()
            .fold(0_f32, |m, v| m.max((v - 0.5).abs()));
        assert_ne!(
            noisy.data()[..4096],
            noisy.data()[4096..],
            "each picture its own"
        );
        (mean, (square / n).sqrt(), most)
    };
    let (mean, deviation, _) = moments(Settings::new(Method::Gaussian, Bounds::none(1)), 0.2);
    assert!(
        mean.abs() < 0.01 && (deviation - 0.2).abs() < 0.006,
        "{mean} {deviation}"
    );
    let (mean, deviation, most) = moments(Settings::new(Method::Uniform, Bounds::none(1)), 0.3);
    assert!(mean.abs() < 0.01 && (deviation - 0.3 / 3_f32.sqrt()).abs() < 0.006);
    assert!(most <= 0.3 && most > 0.299);
}

#[test]
fn salt_and_pepper_strike_whole_pixels_and_more_of_the_same_as_they_grow() {
    let image = picture(3, 40, 50);
    let settings = pixels_of(Method::SaltPepper, 3);
    let struck = |share: f32| -> Vec<bool> {
        let noisy = settings.perturb(&image, share, 1, 0).unwrap();
        let plane = 40 * 50;
        (0..plane)
            .map(|pixel| {
                let values: Vec<f32> = (0..3).map(|c| noisy.data()[c * plane + pixel]).collect();
                let was: Vec<f32> = (0..3).map(|c| image.data()[c * plane + pixel]).collect();
                assert!(values == was || values == [0.0; 3] || values == [1.0; 3]);
                values != was
            })
            .collect()
    };
    let (few, many) = (struck(0.1), struck(0.4));
    let share = |list: &[bool]| list.iter().filter(|&&each| each).count() as f32 / 2000.0;
    assert!((share(&few) - 0.1).abs() < 0.025 && (share(&many) - 0.4).abs() < 0.04);
    assert!(few.iter().zip(&many).all(|(few, many)| !few || *many));
}

#[test]
fn light_moves_as_said_and_stays_within_black_and_white() {
    let image = picture(1, 6, 6);
    let lighter = pixels_of(Method::Brightness, 1)
        .perturb(&image, 0.25, 0, 0)
        .unwrap();
    let flat = pixels_of(Method::Contrast, 1)
        .perturb(&image, 1.0, 0, 0)
        .unwrap();
    let double = pixels_of(Method::Contrast, 1)
        .perturb(&image, -1.0, 0, 0)
        .unwrap();
    for (index, &value) in image.data().iter().enumerate() {
        assert!((lighter.data()[index] - (value + 0.25).min(1.0)).abs() < 1e-6);
        assert!((flat.data()[index] - 0.5).abs() < 1e-6);
        let expected = (0.5 + 2.0 * (value - 0.5)).clamp(0.0, 1.0);
        assert!((double.data()[index] - expected).abs() < 1e-6);
    }
    // Without bounds nothing is cut, and the middle is that of the picture's own values.
    let own = tensor(vec![-4.0, 0.0, 2.0, 1.0], [1, 1, 2, 2]);
    let settings = Settings::new(Method::Contrast, Bounds::none(1));
    let double = settings.perturb(&own, -1.0, 0, 0).unwrap();
    assert_eq!(double.data(), [-7.0, 1.0, 5.0, 3.0]);
}

#[test]
fn an_occlusion_covers_its_share_where_it_is_put() {
    let image = tensor(vec![0.0; 2 * 20 * 30], [1, 2, 20, 30]);
    let mut settings = pixels_of(Method::Occlusion, 2);
    for share in [0.1, 0.5, 0.9, 1.0] {
        for seed in 0..5 {
            let covered = settings.perturb(&image, share, seed, 0).unwrap();
            let painted = covered.data().iter().filter(|&&value| value == 0.5).count();
            let got = painted as f32 / 1200.0;
            assert!((got - share).abs() < 0.04, "{share}: {got}");
        }
    }
    settings.place = Some([0.0, 1.0]);
    settings.fill = Some(0.75);
    let corner = settings.perturb(&image, 0.06, 0, 0).unwrap();
    // The square of 6 × 6 is pushed inside.
    for row in 0..20 {
        for column in 0..30 {
            let inside = row < 6 && column >= 24;
            assert_eq!(
                corner.data()[row * 30 + column] == 0.75,
                inside,
                "{row} {column}"
            );
        }
    }
}

#[test]
fn strengths_out_of_range_are_refused_with_the_range() {
    let image = picture(1, 4, 4);
    for (method, strength, words) in [
        (Method::Gaussian, -0.1, "from 0"),
        (Method::SaltPepper, 1.1, "from 0 to 1"),
        (Method::Rotation, 200.0, "from -180 to 180"),
        (Method::Contrast, 1.5, "from -10 to 1"),
        (Method::Brightness, f32::NAN, "finite"),
        (Method::Shift, f32::INFINITY, "from 0"),
    ] {
        let error = pixels_of(method, 1)
            .perturb(&image, strength, 0, 0)
            .unwrap_err();
        assert_eq!(error.code.as_str(), "bad_argument");
        assert!(error.message.contains(words), "{}", error.message);
    }
}

/// Fashion-MNIST's pixels.
fn units() -> Units {
    Units {
        mean: vec![0.286],
        std: vec![0.353],
    }
}

fn draw(
    net: &Net,
    images: &Tensor,
    labels: Option<&[usize]>,
    method: Method,
    at: &[f32],
) -> Vec<Point> {
    let (overrides, control) = (Overrides::new(), Control::new());
    let victim = Plain::new(net, units(), &overrides, &control).unwrap();
    let images = units().from_model(images).unwrap();
    let request = curve::Request {
        pictures: &images,
        labels,
        settings: &pixels_of(method, 1),
        strengths: at,
        repeats: 6,
        seed: 5,
    };
    pollster::block_on(curve(&victim, &request, &control, async |_| Ok(true))).unwrap()
}

#[test]
fn curves_start_at_the_clean_answer_and_fall() {
    let (net, images, labels) = (fashion(Engine::Cpu), pictures(200), labels(200));
    let points = draw(
        &net,
        &images,
        Some(&labels),
        Method::Gaussian,
        &[0.0, 0.2, 0.5],
    );
    let overrides = Overrides::new();
    let logits = pollster::block_on(net.logits(&images, &overrides, &Control::new())).unwrap();
    let right = logits
        .data()
        .chunks_exact(10)
        .zip(&labels)
        .filter(|(row, label)| row.iter().all(|&value| value <= row[**label]))
        .count();
    assert!((points[0].accuracy.mean - right as f32 / 200.0).abs() < 1e-6);
    assert!(points[0].accuracy.low < points[0].accuracy.mean);
    assert!(
        points[1].accuracy.mean < points[0].accuracy.mean - 0.05,
        "{points:?}"
    );
    assert!(
        points[2].accuracy.mean < points[1].accuracy.mean - 0.05,
        "{points:?}"
    );
    assert!(points[1].confidence.low < points[1].confidence.mean);
}

#[test]
fn a_picture_keeps_its_own_answer_without_labels_and_one_draw_serves_where_nothing_is_drawn() {
    let (net, image) = (fashion(Engine::Cpu), pictures(1));
    let points = draw(&net, &image, None, Method::Rotation, &[0.0, 180.0, 90.0]);
    assert!((points[0].accuracy.mean - 1.0).abs() < 1e-6);
    for point in points {
        let band = point.confidence;
        assert!((band.low - band.high).abs() < 1e-6);
    }
}

#[test]
fn a_curve_ends_when_it_is_told_to_or_stopped() {
    let (net, images) = (fashion(Engine::Cpu), pictures(1));
    let (overrides, control) = (Overrides::new(), Control::new());
    let victim = Plain::new(&net, units(), &overrides, &control).unwrap();
    let images = units().from_model(&images).unwrap();
    let settings = pixels_of(Method::Uniform, 1);
    let request = curve::Request {
        pictures: &images,
        labels: None,
        settings: &settings,
        strengths: &[0.1, 0.2, 0.3],
        repeats: 2,
        seed: 0,
    };
    let ended = pollster::block_on(curve(&victim, &request, &control, async |point| {
        Ok(point.strength < 0.15)
    }));
    assert_eq!(ended.unwrap().len(), 2);
    control.abort();
    let stopped = pollster::block_on(curve(&victim, &request, &control, async |_| Ok(true)));
    assert_eq!(stopped.unwrap_err().code.as_str(), "aborted");
}

fn map(net: &Net, image: &Tensor, request: impl Fn(&mut pixels::Request<'_>)) -> PixelMap {
    let (overrides, control) = (Overrides::new(), Control::new());
    let victim = Plain::new(net, units(), &overrides, &control).unwrap();
    let image = units().from_model(image).unwrap();
    let mut asked = pixels::Request {
        picture: &image,
        label: None,
        colours: &[vec![0.0], vec![1.0]],
        stride: 1,
        size: 1,
        region: [0, 0, 28, 28],
    };
    request(&mut asked);
    pollster::block_on(pixel_map(&victim, &asked, &control, async |_| Ok(true))).unwrap()
}

#[test]
fn the_map_of_single_pixels_says_what_the_network_says() {
    let (net, image) = (fashion(Engine::Cpu), pictures(1));
    let found = map(&net, &image, |_| {});
    assert_eq!(
        (found.grid, found.done, found.total),
        ([28, 28], 1568, 1568)
    );
    let overrides = Overrides::new();
    let ask = |image: &Tensor| {
        let logits = pollster::block_on(net.logits(image, &overrides, &Control::new())).unwrap();
        convscope::lens::prediction::probabilities(&logits)
            .unwrap()
            .into_data()
    };
    let clean = ask(&image);
    assert!((clean[found.label] - found.before).abs() < 1e-6);
    for place in [0, 5, 14 * 28 + 13, 20 * 28 + 9, 783] {
        let falls: Vec<(f32, usize)> = [0.0_f32, 1.0]
            .iter()
            .map(|pixel| {
                let mut changed = image.clone();
                changed.data_mut()[place] = (pixel - 0.286) / 0.353;
                let answer = ask(&changed);
                let best = (0..10).fold(0, |b, i| if answer[i] > answer[b] { i } else { b });
                (clean[found.label] - answer[found.label], best)
            })
            .collect();
        let worst = usize::from(falls[1].0 > falls[0].0);
        assert!((found.fall[place] - falls[worst].0).abs() < 1e-5, "{place}");
        assert_eq!(found.answer[place], falls[worst].1);
        assert!(found.colour[place] == worst || (falls[0].0 - falls[1].0).abs() < 1e-6);
        let flips = falls.iter().position(|(_, best)| *best != found.said);
        assert_eq!(found.flips[place], flips);
    }
}

#[test]
fn a_stride_and_a_region_ask_for_their_part_and_a_larger_dot_hurts_more() {
    let (net, image) = (fashion(Engine::Cpu), pictures(1));
    let whole = map(&net, &image, |_| {});
    let part = map(&net, &image, |request| {
        request.stride = 3;
        request.region = [4, 6, 20, 16];
    });
    assert_eq!((part.grid, part.total), ([7, 6], 84));
    for row in 0..7 {
        for column in 0..6 {
            let same = whole.fall[(4 + 3 * row) * 28 + 6 + 3 * column];
            assert!((part.fall[row * 6 + column] - same).abs() < 1e-5);
        }
    }
    let dots = map(&net, &image, |request| {
        request.stride = 4;
        request.size = 4;
    });
    let most = |map: &PixelMap| map.fall.iter().copied().fold(0.0, f32::max);
    assert!(
        most(&dots) > most(&whole),
        "{} {}",
        most(&dots),
        most(&whole)
    );
}

#[test]
fn what_makes_no_map_is_refused() {
    let net = fashion(Engine::Cpu);
    let (overrides, control) = (Overrides::new(), Control::new());
    let victim = Plain::new(&net, units(), &overrides, &control).unwrap();
    let (one, two) = (pictures(1), pictures(2));
    let good = pixels::Request {
        picture: &one,
        label: None,
        colours: &[vec![0.0]],
        stride: 1,
        size: 1,
        region: [0, 0, 2, 2],
    };
    let bad = [
        pixels::Request {
            picture: &two,
            ..good.clone()
        },
        pixels::Request {
            label: Some(10),
            ..good.clone()
        },
        pixels::Request {
            colours: &[],
            ..good.clone()
        },
        pixels::Request {
            stride: 0,
            ..good.clone()
        },
        pixels::Request {
            size: 0,
            ..good.clone()
        },
        pixels::Request {
            region: [20, 0, 9, 2],
            ..good.clone()
        },
        pixels::Request {
            region: [0, 0, 0, 2],
            ..good.clone()
        },
    ];
    for request in bad {
        let error = pollster::block_on(pixel_map(&victim, &request, &control, async |_| Ok(true)));
        assert_eq!(
            error.unwrap_err().code.as_str(),
            "bad_argument",
            "{request:?}"
        );
    }
}

#[test]
fn both_engines_draw_the_same() {
    let Some(engine) = gpu_engine() else { return };
    let (gpu, cpu) = (fashion(engine), fashion(Engine::Cpu));
    let image = pictures(1);
    let at = [0.0, 0.3];
    let [a, b] = [&gpu, &cpu].map(|net| draw(net, &image, None, Method::Gaussian, &at));
    for (a, b) in a.iter().zip(&b) {
        assert!((a.confidence.mean - b.confidence.mean).abs() < 1e-3);
    }
    let [a, b] = [&gpu, &cpu].map(|net| map(net, &image, |request| request.stride = 9));
    assert_eq!(Shape::new(1, 1, a.grid[0], a.grid[1]).len(), a.fall.len());
    assert!(
        a.fall
            .iter()
            .zip(&b.fall)
            .all(|(a, b)| (a - b).abs() < 1e-3)
    );
}
