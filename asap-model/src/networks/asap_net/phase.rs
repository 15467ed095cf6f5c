//! The phase of the grid of tiles: where its borders are in the image.

use asap_autograd::Var;
use asap_tensor::Backend;
use asap_tensor::ops::Pad;
use rand::RngExt;

use crate::Result;
use crate::nn::ForwardContext;

/// How far the image is shifted down and to the right against the grid, each less than S. Weights that were trained at
/// random phases see borders at every place of an image; inference has phase 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Phase {
    rows: usize,
    columns: usize,
}

impl Phase {
    /// Random in training, by the pass's seed and name; else 0.
    pub fn random<B: Backend>(ctx: &ForwardContext<'_, B>, tile: usize, backend: &B) -> Self {
        let Some(random) = ctx.training_random() else { return Phase::default() };
        if !backend.holds_values() {
            // As much memory as any phase takes.
            return Phase { rows: 1, columns: 1 };
        }
        let mut rng = random.stream("phase", "");
        let mut shift = || rng.random_range(0..tile);
        Phase { rows: shift(), columns: shift() }
    }

    /// Shifts an image by padding; its sides remain multiples of S.
    pub fn padding(self, tile: usize) -> Pad {
        let Phase { rows, columns } = self;
        let behind = |shift: usize| (tile - shift) % tile;
        Pad { top: rows, bottom: behind(rows), left: columns, right: behind(columns) }
    }

    /// The part of a padded image, (N, C, …), that has the image's sizes, [N, H, W].
    pub fn crop<B: Backend>(self, padded: &Var<B>, [_, height, width]: [usize; 3]) -> Result<Var<B>> {
        Ok(padded.narrow(2, self.rows, height)?.narrow(3, self.columns, width)?)
    }
}

#[cfg(test)]
mod tests {
    use asap_tensor::{Reference, Tensor};

    use super::*;
    use crate::nn::{Blank, Params, Random};

    const TILE: usize = 4;

    fn phase(pass: Option<&str>, seed: u64) -> Phase {
        let backend = Reference::<f32>::new();
        let (params, ()) = Params::build(&backend, &mut Blank, |_| Ok(())).unwrap();
        let ctx = ForwardContext::training_frozen(&params);
        let ctx = match pass {
            Some(pass) => ctx.with_random(Random::new(seed, pass)),
            None => ForwardContext::evaluation(&params).with_random(Random::new(seed, "generator.1")),
        };
        Phase::random(&ctx, TILE, &backend)
    }

    #[test]
    fn phases_depend_on_seed_and_pass_only() {
        let phases: Vec<Phase> = (0..64).map(|step| phase(Some(&format!("generator.{step}")), 3)).collect();
        assert_eq!(phases[5], phase(Some("generator.5"), 3));
        for r in 0..TILE {
            assert!(phases.iter().any(|phase| phase.rows == r) && phases.iter().any(|phase| phase.columns == r), "{r}");
        }
        assert_ne!(phases, (0..64).map(|step| phase(Some(&format!("generator.{step}")), 4)).collect::<Vec<_>>());
        assert_eq!(phase(None, 3), Phase::default(), "evaluation");
    }

    #[test]
    fn crop_undoes_padding() {
        let backend = Reference::<f64>::new();
        let values: Vec<f64> = (0..64).map(f64::from).collect();
        let x = Var::constant(Tensor::from_f64(&backend, [1, 1, 8, 8], &values).unwrap());
        for (rows, columns) in [(0, 1), (3, 0), (2, 3)] {
            let phase = Phase { rows, columns };
            let padded = x.pad2d(phase.padding(TILE), asap_tensor::ops::PadMode::Reflect).unwrap();
            let [_, _, h, w] = padded.shape().nchw().unwrap();
            assert!(h.is_multiple_of(TILE) && w.is_multiple_of(TILE), "{h}×{w}");
            assert_eq!(phase.crop(&padded, [1, 8, 8]).unwrap().value().to_vec().unwrap(), values);
        }
    }
}
