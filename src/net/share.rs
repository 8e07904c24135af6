//! Passes that others run, who have the same network: while a sweep is under way, several of its batches are computed at
//! once. A batch is the same program on the same values wherever it runs, so that answers do not depend on who gave them.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use super::objective::Objective;
use super::slopes::Loss;
use super::{Net, Overrides};
use crate::engine::control::Control;
use crate::engine::sweep::Lanes;
use crate::error::Result;
use crate::tensor::{Shape, Tensor};

/// Batches under way for each one who computes: one in work, one that waits at the door, and one that is done and waits for
/// those before it.
const AHEAD: usize = 3;

/// A pass over pictures.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The pictures (N, C, H, W).
    pub images: &'a Tensor,
    /// Changes on the way.
    pub overrides: &'a Overrides,
    /// What is wanted of them.
    pub wanted: Wanted<'a>,
}

/// What a pass is asked for.
#[derive(Debug, Clone, Copy)]
pub enum Wanted<'a> {
    /// [`Net::logits`].
    Logits,
    /// [`Net::values`], as a tensor (N).
    Values(&'a Objective),
    /// [`Net::activations`] of layers.
    Activations(&'a [&'a str]),
    /// [`Net::gradient`] to names: the value, (1), and the gradients.
    Gradient(&'a Objective, &'a [&'a str]),
    /// [`Net::slopes`]: logits, losses (N) and gradient.
    Slopes(&'a Loss),
}

/// What a helper will say.
pub type Answer = Pin<Box<dyn Future<Output = Result<Vec<Tensor>>>>>;

/// Those who have the same network and run passes of it.
pub trait Helpers {
    /// How many there are at most.
    fn count(&self) -> usize;

    /// Has one of them run a pass with the weights as they are now; `None` while all have enough to do. A pass that fails, for
    /// whatever reason, is run again by whoever asked.
    fn offer(&self, request: &Request<'_>) -> Option<Answer>;
}

/// Who helps a network, and whether it computes itself at the moment.
#[derive(Default)]
pub(super) struct Sharing {
    helpers: RefCell<Option<Rc<dyn Helpers>>>,
    /// Held by every sweep that has several lanes.
    sweeps: Rc<()>,
    busy: Cell<bool>,
    waiting: RefCell<Vec<Waker>>,
}

/// Who runs a pass.
pub(super) enum Turn<'a> {
    /// The one who asks.
    Here(Option<Here<'a>>),
    /// A helper did.
    Answered(Vec<Tensor>),
}

/// Held while a pass of a sweep is computed here.
pub(super) struct Here<'a>(&'a Sharing);

impl Drop for Here<'_> {
    fn drop(&mut self) {
        self.0.busy.set(false);
        self.0.waiting.take().into_iter().for_each(Waker::wake);
    }
}

impl Net {
    /// Has passes of sweeps run by `helpers`, too.
    pub fn share_with(&self, helpers: Rc<dyn Helpers>) {
        self.sharing.helpers.replace(Some(helpers));
    }

    /// How many batches a sweep may have under way; while it holds this, helpers run some of its passes.
    #[must_use]
    pub fn lanes(&self) -> Lanes {
        let helpers = self.sharing.helpers.borrow();
        match helpers.as_ref().map_or(0, |helpers| helpers.count()) {
            0 => Lanes::ONE,
            count => Lanes::several(AHEAD * (count + 1), Rc::clone(&self.sharing.sweeps)),
        }
    }

    /// Runs a pass as a helper.
    ///
    /// # Errors
    /// Those of what is wanted.
    pub async fn answer(&self, request: &Request<'_>, control: &Control) -> Result<Vec<Tensor>> {
        let Request {
            images, overrides, ..
        } = *request;
        match request.wanted {
            Wanted::Logits => Ok(vec![self.logits(images, overrides, control).await?]),
            Wanted::Values(objective) => {
                let values = self.values(images, objective, overrides, control).await?;
                let count = values.len();
                Ok(vec![Tensor::new(values, [count])?])
            }
            Wanted::Activations(names) => self.activations(images, names, overrides, control).await,
            Wanted::Gradient(objective, wrt) => {
                let (value, gradients) = self
                    .gradient(images, objective, wrt, overrides, control)
                    .await?;
                let value = Tensor::from_shape(vec![value], Shape::SCALAR)?;
                Ok([vec![value], gradients].concat())
            }
            Wanted::Slopes(loss) => {
                let slope = self.slopes(images, loss, overrides, control).await?;
                let count = slope.losses.len();
                let losses = Tensor::new(slope.losses, [count])?;
                Ok(vec![slope.logits, losses, slope.gradient])
            }
        }
    }

    /// Has a helper run a pass of a sweep if there is one with room, or says that it is to be run here, by one at a time.
    ///
    /// # Errors
    /// `aborted`.
    pub(super) async fn turn(
        &self,
        images: &Tensor,
        overrides: &Overrides,
        wanted: Wanted<'_>,
        control: &Control,
    ) -> Result<Turn<'_>> {
        let sharing = &self.sharing;
        let helpers = sharing.helpers.borrow().clone();
        let Some(helpers) = helpers.filter(|_| Rc::strong_count(&sharing.sweeps) > 1) else {
            return Ok(Turn::Here(None));
        };
        let request = Request {
            images,
            overrides,
            wanted,
        };
        let mut refused = false;
        loop {
            control.check()?;
            if !sharing.busy.replace(true) {
                let here = Here(sharing);
                // Those who come after this one are offered to helpers before the thread is busy.
                control.give_way().await;
                return Ok(Turn::Here(Some(here)));
            }
            let offered = if refused {
                None
            } else {
                helpers.offer(&request)
            };
            match offered {
                Some(answer) => match answer.await {
                    Ok(tensors) => {
                        control.check()?;
                        return Ok(Turn::Answered(tensors));
                    }
                    Err(_) => refused = true,
                },
                None => sharing.change().await,
            }
        }
    }
}

impl Sharing {
    /// Waits until the thread is free, or somebody else of the same task was woken: a helper may have room again.
    async fn change(&self) {
        let mut is_first = true;
        poll_fn(|context| {
            if !std::mem::take(&mut is_first) {
                return Poll::Ready(());
            }
            self.waiting.borrow_mut().push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}
