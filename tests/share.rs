//! Sweeps that helpers share: the same bytes with any number of helpers, however late they are and whatever fails.

mod common;

use std::cell::Cell;
use std::rc::Rc;

use common::shipped::{fashion, pictures};
use convscope::engine::Engine;
use convscope::engine::control::Control;
use convscope::error::{Code, Error};
use convscope::lab::attack::{Plain, Units};
use convscope::lab::perturb::pixels::{Request as Map, pixel_map};
use convscope::lens::attribution::{Method, Settings, attribute};
use convscope::net::objective::Objective;
use convscope::net::share::{Answer, Helpers, Request, Wanted};
use convscope::net::slopes::Loss;
use convscope::net::{Net, Overrides};
use convscope::tensor::Tensor;
use pollster::block_on;

/// Helpers on the same thread: each pass waits for so many polls, in turn, then another copy of the network runs it.
struct Others {
    net: Rc<Net>,
    count: usize,
    delays: Vec<usize>,
    under_way: Rc<Cell<usize>>,
    answered: Rc<Cell<usize>>,
    offered: Cell<usize>,
    /// Of how many passes one fails.
    fails: usize,
}

impl Others {
    fn new(count: usize, delays: &[usize]) -> Self {
        Self {
            net: Rc::new(fashion(Engine::Cpu)),
            count,
            delays: delays.to_vec(),
            under_way: Rc::default(),
            answered: Rc::default(),
            offered: Cell::new(0),
            fails: usize::MAX,
        }
    }
}

/// What is wanted, for longer than the one who asks holds it.
enum Kept {
    Logits,
    Values(Objective),
    Activations(Vec<String>),
    Gradient(Objective, Vec<String>),
    Slopes(Loss),
}

impl Kept {
    fn of(wanted: &Wanted<'_>) -> Self {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        match *wanted {
            Wanted::Logits => Self::Logits,
            Wanted::Values(objective) => Self::Values(objective.clone()),
            Wanted::Activations(names) => Self::Activations(owned(names)),
            Wanted::Gradient(objective, wrt) => Self::Gradient(objective.clone(), owned(wrt)),
            Wanted::Slopes(loss) => Self::Slopes(loss.clone()),
        }
    }
}

impl Helpers for Others {
    fn count(&self) -> usize {
        self.count
    }

    fn offer(&self, request: &Request<'_>) -> Option<Answer> {
        if self.under_way.get() == 2 * self.count {
            return None;
        }
        self.under_way.set(self.under_way.get() + 1);
        let offered = self.offered.get();
        self.offered.set(offered + 1);
        let delay = self.delays[offered % self.delays.len()];
        let fails = offered % self.fails == self.fails - 1;
        let (images, overrides) = (request.images.clone(), request.overrides.clone());
        let kept = Kept::of(&request.wanted);
        let (net, under_way) = (Rc::clone(&self.net), Rc::clone(&self.under_way));
        let answered = Rc::clone(&self.answered);
        Some(Box::pin(async move {
            for _ in 1..delay {
                Control::new().give_way().await;
            }
            under_way.set(under_way.get() - 1);
            if fails {
                return Err(Error::internal("this helper died"));
            }
            fn list(names: &[String]) -> Vec<&str> {
                names.iter().map(String::as_str).collect()
            }
            let names = match &kept {
                Kept::Activations(names) | Kept::Gradient(_, names) => list(names),
                _ => Vec::new(),
            };
            let wanted = match &kept {
                Kept::Logits => Wanted::Logits,
                Kept::Values(objective) => Wanted::Values(objective),
                Kept::Activations(_) => Wanted::Activations(&names),
                Kept::Gradient(objective, _) => Wanted::Gradient(objective, &names),
                Kept::Slopes(loss) => Wanted::Slopes(loss),
            };
            let request = Request {
                images: &images,
                overrides: &overrides,
                wanted,
            };
            let answer = net.answer(&request, &Control::new()).await;
            answered.set(answered.get() + 1);
            answer
        }))
    }
}

/// Bits of everything that sweeps give, each of another kind of pass.
fn sweeps(net: &Net) -> Vec<Vec<u32>> {
    let (overrides, control) = (Overrides::new(), Control::new());
    let (one, many) = (pictures(1), pictures(110));
    let settings = Settings {
        samples: 90,
        masks: 160,
        window: Some([8, 8]),
        stride: Some([2, 2]),
        ..Settings::default()
    };
    let map = |images: &Tensor, method: Method| {
        block_on(attribute(
            net, images, method, &settings, &overrides, &control,
        ))
        .unwrap()
    };
    let plain = Plain::new(net, Units::own(1), &overrides, &control).unwrap();
    let request = Map {
        picture: &one,
        label: None,
        colours: &[vec![0.0], vec![1.0]],
        stride: 3,
        size: 2,
        region: [0, 0, 28, 28],
    };
    let pixels = block_on(pixel_map(&plain, &request, &control, async |_| Ok(true))).unwrap();
    let pixels = Tensor::new(pixels.fall.clone(), [pixels.fall.len()]).unwrap();
    let tensors = [
        map(&one, Method::SmoothGrad),
        map(&one, Method::Rise),
        map(&one, Method::Occlusion),
        map(&one, Method::AblationCam),
        map(&many, Method::GradCam),
        map(&many, Method::FullGrad),
        block_on(net.logits_of_set(&many, &overrides, &control)).unwrap(),
        block_on(net.activations_of_set(&many, &["pool1", "act2"], &overrides, &control))
            .unwrap()
            .remove(1),
        pixels,
    ];
    let bits = |tensor: &Tensor| tensor.data().iter().map(|value| value.to_bits()).collect();
    tensors.iter().map(bits).collect()
}

#[test]
fn any_number_of_helpers_gives_the_same_bytes() {
    let alone = sweeps(&fashion(Engine::Cpu));
    for (count, delays, fails) in [
        (1, &[1][..], usize::MAX),
        (3, &[1, 9, 2, 30, 5], 4),
        (2, &[2], 1),
    ] {
        let net = fashion(Engine::Cpu);
        let mut others = Others::new(count, delays);
        others.fails = fails;
        let answered = Rc::clone(&others.answered);
        net.share_with(Rc::new(others));
        let shared = sweeps(&net);
        for (at, (alone, shared)) in alone.iter().zip(&shared).enumerate() {
            assert!(alone == shared, "{count} helpers, {delays:?}: sweep {at}");
        }
        assert_eq!(answered.get() > 5, fails != 1, "{}", answered.get());
    }
}

#[test]
fn single_passes_are_not_shared() {
    let net = fashion(Engine::Cpu);
    let others = Rc::new(Others::new(1, &[1]));
    net.share_with(Rc::<Others>::clone(&others));
    let (overrides, control) = (Overrides::new(), Control::new());
    let one = pictures(1);
    for _ in 0..3 {
        block_on(net.logits(&one, &overrides, &control)).unwrap();
    }
    assert_eq!(others.offered.get(), 0);
}

#[test]
fn errors_are_those_of_the_one_who_asks_and_an_abort_ends_a_sweep() {
    let net = fashion(Engine::Cpu);
    let mut others = Others::new(1, &[3]);
    others.fails = 1;
    net.share_with(Rc::new(others));
    let wrong = block_on(net.activations_of_set(
        &pictures(120),
        &["nowhere"],
        &Overrides::new(),
        &Control::new(),
    ));
    assert_eq!(wrong.unwrap_err().code, Code::BadArgument);
    let control = Control::new();
    control.abort();
    let stopped = block_on(net.logits_of_set(&pictures(120), &Overrides::new(), &control));
    assert_eq!(stopped.unwrap_err().code, Code::Aborted);
    // Nothing is left taken.
    let (overrides, control) = (Overrides::new(), Control::new());
    let again = block_on(net.logits_of_set(&pictures(120), &overrides, &control)).unwrap();
    assert_eq!(again.shape(), [120, 10]);
}
