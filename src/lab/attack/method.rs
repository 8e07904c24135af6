//! The attacks by name: what each can, what it needs to know, and why it cannot what it cannot.

use crate::error::{Error, Result};

macro_rules! methods {
    ($($(#[$doc:meta])* $variant:ident $name:literal [$($option:literal),*] $abilities:expr),* $(,)?) => {
        /// An attack.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Method {
            $($(#[$doc])* $variant,)*
        }

        impl Method {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name as in the API.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The names of the options it has beside those of every attack.
            #[must_use]
            pub const fn options(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($option),*],)* }
            }

            /// What it can.
            #[must_use]
            pub const fn abilities(self) -> Abilities {
                match self { $(Self::$variant => $abilities,)* }
            }
        }
    };
}

/// What an attack sees of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Knowledge {
    /// Its gradients: a white box.
    Gradients,
    /// Its scores: a black box.
    Scores,
    /// Only which class it names.
    Decisions,
    /// Nothing.
    Nothing,
}

impl Knowledge {
    /// Its name as in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gradients => "gradients",
            Self::Scores => "scores",
            Self::Decisions => "decisions",
            Self::Nothing => "nothing",
        }
    }
}

/// What an attack does with its budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    /// It is given, and used as well as can be.
    Fixed,
    /// The smallest that does is looked for.
    Smallest,
}

impl Budget {
    /// Its name as in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Smallest => "smallest",
        }
    }
}

/// What an attack can; where it cannot, the reason in a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// Its name for people.
    pub title: &'static str,
    /// What it sees.
    pub knowledge: Knowledge,
    /// What it does with its budget.
    pub budget: Budget,
    /// Who made it.
    pub paper: &'static str,
    /// Towards a class that is given.
    pub targeted: Option<&'static str>,
    /// Measured by the greatest change of a value.
    pub linf: Option<&'static str>,
    /// By the root of the sum of squared changes.
    pub l2: Option<&'static str>,
    /// By the number of pixels that change.
    pub l0: Option<&'static str>,
    /// Without a least and a greatest value, as a tensor may come.
    pub unbounded: Option<&'static str>,
}

const EVERY_PIXEL: &str = "it changes every pixel a little";
const FEW_PIXELS: &str = "it changes few pixels, each as far as it likes";

methods! {
    /// One step along the gradient's signs (Goodfellow, Shlens and Szegedy 2015).
    Fgsm "fgsm" ["epsilon"] Abilities {
        title: "FGSM",
        knowledge: Knowledge::Gradients,
        budget: Budget::Fixed,
        paper: "Goodfellow, Shlens and Szegedy 2015, arXiv 1412.6572",
        targeted: None,
        linf: None,
        l2: Some("the signs of the gradient are the longest step within L∞; one step of pgd with norm l2 is its like"),
        l0: Some(EVERY_PIXEL),
        unbounded: None,
    },
    /// Many steps, each brought back into the budget (Madry et al. 2018).
    Pgd "pgd" ["epsilon", "norm", "steps", "stepSize", "restarts", "randomStart"] Abilities {
        title: "PGD",
        knowledge: Knowledge::Gradients,
        budget: Budget::Fixed,
        paper: "Madry et al. 2018, arXiv 1706.06083",
        targeted: None,
        linf: None,
        l2: None,
        l0: Some(EVERY_PIXEL),
        unbounded: None,
    },
    /// Many steps along a running mean of gradients (Dong et al. 2018).
    MiFgsm "mi_fgsm" ["epsilon", "steps", "stepSize", "momentum"] Abilities {
        title: "MI-FGSM",
        knowledge: Knowledge::Gradients,
        budget: Budget::Fixed,
        paper: "Dong et al. 2018, arXiv 1710.06081",
        targeted: None,
        linf: None,
        l2: Some("it goes by the signs of the running mean, as FGSM"),
        l0: Some(EVERY_PIXEL),
        unbounded: None,
    },
    /// The nearest boundary of the linearised network, again and again (Moosavi-Dezfooli, Fawzi and Frossard 2016).
    DeepFool "deepfool" ["norm", "overshoot", "candidates", "steps"] Abilities {
        title: "DeepFool",
        knowledge: Knowledge::Gradients,
        budget: Budget::Smallest,
        paper: "Moosavi-Dezfooli, Fawzi and Frossard 2016, arXiv 1511.04599",
        targeted: Some("it crosses the nearest boundary, whatever class lies behind it"),
        linf: None,
        l2: None,
        l0: Some(EVERY_PIXEL),
        unbounded: None,
    },
    /// The nearest picture beyond the boundary, by Adam on distance and margin (Carlini and Wagner 2017).
    Cw "cw" ["confidence", "initialConst", "binarySearchSteps", "stepSize", "steps"] Abilities {
        title: "Carlini–Wagner",
        knowledge: Knowledge::Gradients,
        budget: Budget::Smallest,
        paper: "Carlini and Wagner 2017, arXiv 1608.04644",
        targeted: None,
        linf: Some("the greatest change has a gradient at one value only, which Adam cannot go by; pgd keeps to L∞"),
        l2: None,
        l0: Some(EVERY_PIXEL),
        unbounded: None,
    },
    /// The most salient pixels, as few as will do (Papernot et al. 2016).
    Jsma "jsma" ["theta", "maxPixels"] Abilities {
        title: "JSMA",
        knowledge: Knowledge::Gradients,
        budget: Budget::Smallest,
        paper: "Papernot et al. 2016, arXiv 1511.07528; untargeted: Wiyatno and Xu 2018, arXiv 1808.07945",
        targeted: None,
        linf: Some(FEW_PIXELS),
        l2: Some(FEW_PIXELS),
        l0: None,
        unbounded: None,
    },
    /// One pixel, or a few (Su, Vargas and Sakurai 2019).
    SinglePixel "single_pixel" ["pixels", "search", "population", "generations"] Abilities {
        title: "Single pixels",
        knowledge: Knowledge::Scores,
        budget: Budget::Fixed,
        paper: "Su, Vargas and Sakurai 2019, arXiv 1710.08864",
        targeted: None,
        linf: Some(FEW_PIXELS),
        l2: Some(FEW_PIXELS),
        l0: None,
        unbounded: Some("it takes its colours from between them"),
    },
    /// Random squares, kept where they help (Andriushchenko et al. 2020).
    Square "square" ["epsilon", "steps", "pInit"] Abilities {
        title: "Square",
        knowledge: Knowledge::Scores,
        budget: Budget::Fixed,
        paper: "Andriushchenko et al. 2020, arXiv 1912.00049",
        targeted: None,
        linf: None,
        l2: Some("its squares would have to share the budget, which is another attack of the same paper"),
        l0: Some(EVERY_PIXEL),
        unbounded: None,
    },
    /// Along the boundary, by decisions alone (Chen, Jordan and Wainwright 2020).
    HopSkipJump "hop_skip_jump" ["norm", "steps", "initialQueries", "maxQueries", "start"] Abilities {
        title: "HopSkipJump",
        knowledge: Knowledge::Decisions,
        budget: Budget::Smallest,
        paper: "Chen, Jordan and Wainwright 2020, arXiv 1904.02144",
        targeted: None,
        linf: None,
        l2: None,
        l0: Some(EVERY_PIXEL),
        unbounded: None,
    },
    /// One change for many pictures (Moosavi-Dezfooli et al. 2017; Shafahi et al. 2020).
    Universal "universal" ["epsilon", "norm", "steps", "stepSize"] Abilities {
        title: "Universal",
        knowledge: Knowledge::Gradients,
        budget: Budget::Fixed,
        paper: "Moosavi-Dezfooli et al. 2017, arXiv 1610.08401; Shafahi et al. 2020, arXiv 1811.11304",
        targeted: None,
        linf: None,
        l2: None,
        l0: Some(EVERY_PIXEL),
        unbounded: None,
    },
    /// A part of the picture, painted over (Brown et al. 2017).
    Patch "patch" ["size", "position", "anywhere", "steps", "stepSize", "patch"] Abilities {
        title: "Patch",
        knowledge: Knowledge::Gradients,
        budget: Budget::Fixed,
        paper: "Brown et al. 2017, arXiv 1712.09665",
        targeted: None,
        linf: Some("within its place it may be anything"),
        l2: Some("within its place it may be anything"),
        l0: None,
        unbounded: Some("it would grow without end"),
    },
    /// Random changes.
    Noise "noise" ["epsilon", "distribution", "samples"] Abilities {
        title: "Noise",
        knowledge: Knowledge::Nothing,
        budget: Budget::Fixed,
        paper: "no attack: what every attack must beat",
        targeted: None,
        linf: None,
        l2: None,
        l0: Some(EVERY_PIXEL),
        unbounded: None,
    },
}

impl std::str::FromStr for Method {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        (Self::ALL
            .iter()
            .copied()
            .find(|method| method.name() == name))
        .ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|method| method.name()).collect();
            Error::bad_argument(format!(
                "there is no attack '{name}'; there are {}",
                known.join(", ")
            ))
        })
    }
}
