//! `DeepFool`: the nearest boundary, as if the network were affine, again and again.

use super::run::{Run, argmax};
use super::space::{gather, length, row, row_mut, scaled, sign};
use super::{Look, Loss, MOST_STEPS, Norm, Victim, counted, within};
use crate::error::Result;
use crate::tensor::Tensor;

/// How far a second step and those after it go beyond the boundary, as Foolbox's.
const BEYOND: f64 = 1e-4;

/// Steps to the nearest of the linearised boundaries (Moosavi-Dezfooli, Fawzi and Frossard 2016).
#[derive(Debug, Clone, PartialEq)]
pub struct DeepFool {
    /// What distance to a boundary is measured in.
    pub norm: Norm,
    /// How far beyond the boundary to go, as a share of the way, from 0.
    pub overshoot: f32,
    /// How many of the likeliest classes are considered, the predicted one among them, from 2.
    pub candidates: usize,
    /// Steps at most, from 1.
    pub steps: usize,
}

impl Default for DeepFool {
    fn default() -> Self {
        Self {
            norm: Norm::L2,
            overshoot: 0.02,
            candidates: 10,
            steps: 50,
        }
    }
}

impl DeepFool {
    pub(super) fn check(&self) -> Result<()> {
        within(
            "overshoot",
            self.overshoot,
            0.0..=100.0,
            "a number from 0 to 100",
        )?;
        counted("candidates", self.candidates, 2, usize::MAX)?;
        counted("steps", self.steps, 1, MOST_STEPS)
    }

    /// The least change that takes a picture over the boundary where z_k − z_label = `gap` < 0 and `more` beyond, if
    /// `gradient` is that of the difference everywhere, and its size; none where there is no slope.
    fn crossing(&self, gap: f32, gradient: &[f32], more: f64) -> Option<(f64, Vec<f32>)> {
        let gap = f64::from(gap).abs();
        match self.norm {
            // |f| / ‖w‖₂² · w
            Norm::L2 => {
                let length = length(gradient);
                let size = gap / length + more;
                (length > 0.0).then(|| (size, scaled(gradient, size / length)))
            }
            // |f| / ‖w‖₁ · sign(w)
            Norm::Linf => {
                let sum: f64 = gradient.iter().map(|&g| f64::from(g.abs())).sum();
                let signs: Vec<f32> = gradient.iter().map(|&g| sign(g)).collect();
                let size = gap / sum + more;
                (sum > 0.0).then(|| (size, scaled(&signs, size)))
            }
        }
    }
}

/// Each picture's way ends where the network errs, which pictures it errs about from the start need not go.
pub(super) async fn deepfool<V: Victim, F: AsyncFnMut(Look) -> Result<bool>>(
    run: &mut Run<'_, V, F>,
    settings: &DeepFool,
) -> Result<Tensor> {
    let (count, classes) = (run.count(), run.classes());
    let mut pictures = run.start.clone();
    let mut ways = vec![vec![0.0; run.picture().len()]; count];
    let mut rivals: Vec<Vec<usize>> = vec![Vec::new(); count];
    let (mut success, mut values) = (vec![false; count], vec![0.0; count]);
    let mut active: Vec<usize> = (0..count).collect();
    for step in 0..settings.steps {
        let logits = run.logits(&active, &gather(&pictures, &active)?).await?;
        let margins = run.margins(&active, &logits);
        let reached = run.reached(&active, &logits);
        let mut still = Vec::new();
        for (at, &picture) in active.iter().enumerate() {
            (success[picture], values[picture]) = (reached[at], margins[at]);
            if !reached[at] {
                still.push((picture, row(&logits, at).to_vec()));
            }
        }
        let look = || Look::new(step, &pictures, success.clone(), &values);
        if !run.show(step, settings.steps, look).await? || still.is_empty() {
            break;
        }
        // Every picture that is left, against every class that is considered.
        let (mut of, mut weights, mut gaps) = (Vec::new(), Vec::new(), Vec::new());
        for (picture, logits) in &still {
            let own = argmax(logits);
            if rivals[*picture].is_empty() {
                rivals[*picture] = likeliest(logits, settings.candidates);
            }
            for &rival in rivals[*picture].iter().filter(|&&rival| rival != own) {
                let mut weight = vec![0.0; classes];
                (weight[rival], weight[own]) = (1.0, -1.0);
                of.push(*picture);
                weights.extend(weight);
                gaps.push(logits[rival] - logits[own]);
            }
        }
        let weights = Tensor::new(weights, [of.len(), classes])?;
        let slope = run
            .slope(&of, &gather(&pictures, &of)?, &Loss::Logits(weights))
            .await?;
        // Where bounds cut a step short, ever smaller ones would end before the boundary.
        let more = if step == 0 { 0.0 } else { BEYOND };
        active.clear();
        for (picture, _) in &still {
            let crossings = (of.iter().zip(&gaps).enumerate())
                .filter(|(_, (of, _))| *of == picture)
                .filter_map(|(at, (_, &gap))| {
                    settings.crossing(gap, row(&slope.gradient, at), more)
                });
            let Some((_, change)) = crossings.min_by(|a, b| a.0.total_cmp(&b.0)) else {
                continue;
            };
            let way = &mut ways[*picture];
            for (total, change) in way.iter_mut().zip(change) {
                *total += change;
            }
            let start = row(run.start, *picture);
            let values = row_mut(&mut pictures, *picture);
            for ((value, start), way) in values.iter_mut().zip(start).zip(&ways[*picture]) {
                *value = start + (1.0 + settings.overshoot) * way;
            }
            run.bounds.clamp(values);
            run.steps[*picture] += 1;
            active.push(*picture);
        }
        if active.is_empty() {
            break;
        }
    }
    Ok(pictures)
}

/// The likeliest classes, the likeliest first.
fn likeliest(logits: &[f32], count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..logits.len()).collect();
    order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
    order.truncate(count);
    order
}
