//! Batch norm (Ioffe & Szegedy 2015).

use asap_autograd::Var;
use asap_tensor::ops::{Binary, Unary, binary, mul, sub, unary};
use asap_tensor::{Backend, Tensor};

use super::context::ForwardContext;
use super::init::ParamRole;
use super::params::{Builder, ParamId};
use crate::Result;

/// ε (published code: PyTorch's default).
const EPS: f64 = 1e-5;

/// The weight of a batch's statistics in the running ones (published code: PyTorch's default).
const MOMENTUM: f64 = 0.1;

/// y = γ·(x − μ)/√(σ² + ε) + β for each channel, with the batch's μ and σ² in training and running ones in evaluation.
#[derive(Clone, Debug)]
pub struct BatchNorm {
    /// γ and β, (C) each.
    affine: Option<[ParamId; 2]>,
    mean: ParamId,
    variance: ParamId,
    batches: ParamId,
}

impl BatchNorm {
    /// A norm of `channels` channels. Its keys are `running_mean`, `running_var`, `num_batches_tracked`, and if it is
    /// affine, `weight` and `bias`.
    pub fn new<B: Backend>(mut b: Builder<'_, B>, channels: usize, affine: bool) -> Result<Self> {
        let affine = match affine {
            true => Some([
                b.param("weight", &[channels], ParamRole::Scale)?,
                b.param("bias", &[channels], ParamRole::Bias)?,
            ]),
            false => None,
        };
        Ok(BatchNorm {
            affine,
            mean: b.param("running_mean", &[channels], ParamRole::RunningMean)?,
            variance: b.param("running_var", &[channels], ParamRole::RunningVariance)?,
            batches: b.param("num_batches_tracked", &[], ParamRole::BatchCount)?,
        })
    }

    /// (N, C, H, W) → the same shape. In training it updates the running statistics.
    pub fn forward<B: Backend>(&self, ctx: &ForwardContext<'_, B>, x: &Var<B>) -> Result<Var<B>> {
        if ctx.is_training() { self.by_batch(ctx, x) } else { self.by_running(ctx, x) }
    }

    /// Batch norm is instance norm of one image that consists of the whole batch.
    fn by_batch<B: Backend>(&self, ctx: &ForwardContext<'_, B>, x: &Var<B>) -> Result<Var<B>> {
        let [n, channels, h, w] = x.value().nchw("batch_norm")?;
        let swapped = |x: &Var<B>| if n == 1 { Ok(x.clone()) } else { x.permute(&[1, 0, 2, 3]) };
        let joined = swapped(x)?.reshape([1, channels, n * h, w])?;
        let affine = self.affine.map(|ids| ids.map(|id| ctx.var(id)));
        let affine = affine.as_ref().map(|[scale, bias]| (scale, bias));
        let (y, [mean, rstd]) = joined.instance_norm_with_statistics(affine, EPS, 1.0)?;
        self.track(ctx, &mean.reshape([channels])?, &rstd.reshape([channels])?, n * h * w)?;
        let apart = if n == 1 { [1, channels, h, w] } else { [channels, n, h, w] };
        Ok(swapped(&y.reshape(apart)?)?)
    }

    /// Moves the running statistics towards those of a batch of `count` pixels; the variance is unbiased (published).
    fn track<B: Backend>(
        &self,
        ctx: &ForwardContext<'_, B>,
        mean: &Tensor<B>,
        rstd: &Tensor<B>,
        count: usize,
    ) -> Result<()> {
        let affine = |x: &Tensor<B>, scale, shift| unary(Unary::Affine { scale, shift }, x);
        let precision = mul(rstd, rstd)?;
        let one = affine(&precision, 0.0, 1.0)?;
        let unbiased = count as f64 / (count.max(2) - 1) as f64;
        let variance = affine(&binary(Binary::Div, &one, &precision)?, unbiased, -unbiased * EPS)?;
        for (id, now) in [(self.mean, mean), (self.variance, &variance)] {
            let before = ctx.buffer(id);
            let change = affine(&sub(now, &before)?, MOMENTUM, 0.0)?;
            ctx.update_buffer(id, binary(Binary::Add, &before, &change)?);
        }
        ctx.update_buffer(self.batches, affine(&ctx.buffer(self.batches), 1.0, 1.0)?);
        Ok(())
    }

    /// Folds norm and affine map into one product and one sum per element.
    fn by_running<B: Backend>(&self, ctx: &ForwardContext<'_, B>, x: &Var<B>) -> Result<Var<B>> {
        let [mean, variance] = [self.mean, self.variance].map(|id| Var::constant(ctx.buffer(id)));
        let deviation = variance.affine(1.0, EPS)?.sqrt()?;
        let scale = self.affine.map_or_else(|| deviation.affine(0.0, 1.0), |[scale, _]| Ok(ctx.var(scale)))?;
        let factor = scale.div(&deviation)?;
        let offset = mean.mul(&factor)?;
        let shift = self.affine.map_or_else(|| offset.neg(), |[_, bias]| ctx.var(bias).sub(&offset))?;
        Ok(x.mul(&factor)?.add(&shift)?)
    }
}

#[cfg(test)]
mod tests {
    use asap_tensor::Reference;
    use asap_tensor::random::uniform_by_name;

    use super::*;
    use crate::nn::{FillByName, Params};

    type Double = Reference<f64>;

    #[test]
    fn training_normalizes_by_the_batch_and_updates_running_statistics() {
        let (n, channels, plane) = (3, 2, 5);
        let backend = Double::new();
        let mut fill = FillByName { prefix: "norm.".into(), gain: 1.0 };
        let (mut params, norm) =
            Params::build(&backend, &mut fill, |mut b| BatchNorm::new(b.at("bn"), channels, true)).unwrap();
        let values: Vec<f64> =
            uniform_by_name("x", n * channels * plane).into_iter().map(|u| 3.0 * f64::from(u) + 1.0).collect();
        let x = Var::constant(Tensor::from_f64(&backend, [n, channels, 1, plane], &values).unwrap());
        let get = |params: &Params<Double>, key: &str| params.find(key).unwrap().value().to_f64().unwrap();
        let [scale, bias, mean, variance] =
            ["bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"].map(|key| get(&params, key));

        let ctx = ForwardContext::training_frozen(&params);
        let y = norm.forward(&ctx, &x).unwrap().value().to_f64().unwrap();
        assert_eq!(get(&params, "bn.running_mean"), mean, "a forward pass changes no parameter");
        let buffers = ctx.finish().buffers;
        params.apply_buffers(buffers);

        let count = (n * plane) as f64;
        for c in 0..channels {
            let places = || (0..n).flat_map(|n| (0..plane).map(move |p| (n * channels + c) * plane + p));
            let mu = places().map(|i| values[i]).sum::<f64>() / count;
            let squares = places().map(|i| (values[i] - mu).powi(2)).sum::<f64>();
            for i in places() {
                let expected = scale[c] * (values[i] - mu) / (squares / count + EPS).sqrt() + bias[c];
                assert!((y[i] - expected).abs() < 1e-12, "{} should be {expected}", y[i]);
            }
            for (key, before, now) in
                [("bn.running_mean", mean[c], mu), ("bn.running_var", variance[c], squares / (count - 1.0))]
            {
                let (moved, expected) = (get(&params, key)[c], 0.9 * before + 0.1 * now);
                assert!((moved - expected).abs() < 1e-12, "{key}: {moved} should be {expected}");
            }
        }
        assert_eq!(get(&params, "bn.num_batches_tracked"), [1.0]);
        let evaluated = norm.forward(&ForwardContext::evaluation(&params), &x).unwrap().value().to_f64().unwrap();
        assert!(evaluated.iter().zip(&y).any(|(a, b)| (a - b).abs() > 0.1), "evaluation uses running statistics");
    }
}
