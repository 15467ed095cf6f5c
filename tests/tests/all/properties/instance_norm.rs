use asap_tensor::{Backend, Result, Tensor, ops};
use asap_tests::bound::Output;
use asap_tests::property::{
    Double, Property, assert_large_matches_reference, assert_matches_reference, assert_thread_independent, summed,
};
use asap_tests::source::Source;
use proptest::prelude::*;

use super::{channels, side};

const EPSILON: f64 = 1e-5;

#[derive(Debug)]
struct Case {
    batch: usize,
    channels: usize,
    size: [usize; 2],
    affine: bool,
    slope: f64,
    /// What is added to every pixel, in standard deviations.
    offset: f32,
    seed: u64,
}

fn case(side: impl Strategy<Value = usize> + Clone) -> impl Strategy<Value = Case> {
    let slope = prop::sample::select(vec![0.0, 0.2, 1.0]);
    let offset = prop::sample::select(vec![0.0f32, 3.0, -100.0]);
    (1usize..=3, channels(), [side.clone(), side], any::<bool>(), slope, offset, any::<u64>()).prop_map(
        |(batch, channels, size, affine, slope, offset, seed)| Case {
            batch,
            channels,
            size,
            affine,
            slope,
            offset,
            seed,
        },
    )
}

/// Σ|terms| of everything about one plane.
struct Plane {
    /// |γ|·|x̂|₊ + |β|, for each pixel, with |x̂|₊ = (|x| + mean |x|)/σ.
    y: Vec<f64>,
    mean: f64,
    rstd: f64,
    grad_x: Vec<f64>,
    grad_scale: f64,
    grad_shift: f64,
}

impl Plane {
    fn new(x: &[f64], mean: f64, inverse: f64, (scale, shift): (f64, f64), grad_z: &[f64]) -> Self {
        let average = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / x.len() as f64;
        let mean_x = average(&mut x.iter().map(|x| x.abs()));
        let normalized: Vec<f64> = x.iter().map(|x| (x.abs() + mean_x) * inverse).collect();
        let true_normalized = x.iter().map(|x| (x - mean).abs() * inverse);
        // How much rounding x moves σ, relative to σ.
        let deviation = 1.0 + average(&mut true_normalized.zip(&normalized).map(|(a, b)| a * b));
        let mean_g = average(&mut grad_z.iter().map(|g| g.abs()));
        let mean_product = average(&mut grad_z.iter().zip(&normalized).map(|(g, z)| g.abs() * z));
        let count = x.len() as f64;
        Plane {
            y: normalized.iter().map(|z| scale.abs() * z * deviation + shift.abs()).collect(),
            mean: mean_x,
            rstd: inverse * deviation,
            grad_x: grad_z
                .iter()
                .zip(&normalized)
                .map(|(g, z)| scale.abs() * inverse * deviation * (g.abs() + mean_g + z * mean_product))
                .collect(),
            grad_scale: mean_product * count * deviation,
            grad_shift: mean_g * count,
        }
    }
}

impl Case {
    fn plane(&self) -> usize {
        self.size[0] * self.size[1]
    }

    fn x<B: Backend>(&self, source: &Source<'_, B>) -> Result<Tensor<B>> {
        let x = source.normal("x", [self.batch, self.channels, self.size[0], self.size[1]])?;
        let shape = x.shape();
        source.tensor(shape, x.to_f32()?.into_iter().map(|x| x + self.offset).collect())
    }

    fn affine<B: Backend>(&self, source: &Source<'_, B>) -> Result<Option<(Tensor<B>, Tensor<B>)>> {
        let channels = [self.channels];
        Ok(if self.affine {
            Some((source.normal("scale", channels)?, source.normal("shift", channels)?))
        } else {
            None
        })
    }

    /// z, the activation's input, and Σ|terms| of it.
    fn z(&self, source: &Source<'_, Double>) -> Result<(Vec<f64>, Vec<f64>)> {
        let affine = self.affine(source)?;
        let affine = affine.as_ref().map(|(scale, shift)| (scale, shift));
        let z = ops::instance_norm(&self.x(source)?, affine, EPSILON, 1.0)?.y.to_f64()?;
        let planes = self.planes(source, &vec![0.0; z.len()])?;
        Ok((z, planes.into_iter().flat_map(|plane| plane.y).collect()))
    }

    /// The gradient in y, 0 where z is so near the activation's kink that rounding may put it on the other side.
    fn grad_y(&self, source: &Source<'_, Double>) -> Result<Vec<f64>> {
        let (z, magnitudes) = self.z(source)?;
        let near = 16.0 * f64::from(f32::EPSILON) * (self.plane() as f64).sqrt();
        let g = source.normal("g", [z.len()])?.to_f64()?;
        let kink = self.slope != 1.0;
        Ok(g.iter()
            .zip(&z)
            .zip(magnitudes)
            .map(|((&g, z), m)| if kink && z.abs() <= near * m { 0.0 } else { g })
            .collect())
    }

    fn planes(&self, source: &Source<'_, Double>, grad_z: &[f64]) -> Result<Vec<Plane>> {
        let x = self.x(source)?;
        let forward = ops::instance_norm(&x, None, EPSILON, 1.0)?;
        let (mean, inverse) = (forward.mean.to_f64()?, forward.rstd.to_f64()?);
        let affine = match self.affine(source)? {
            Some((scale, shift)) => scale.to_f64()?.into_iter().zip(shift.to_f64()?).collect(),
            None => vec![(1.0, 0.0); self.channels],
        };
        let (x, plane) = (x.to_f64()?, self.plane());
        let planes = x.chunks(plane).zip(grad_z.chunks(plane)).enumerate();
        Ok(planes.map(|(i, (x, g))| Plane::new(x, mean[i], inverse[i], affine[i % self.channels], g)).collect())
    }
}

impl Property for Case {
    fn seed(&self) -> u64 {
        self.seed
    }

    fn run<B: Backend>(&self, source: &Source<'_, B>) -> Result<Vec<Output>> {
        let x = self.x(source)?;
        let affine = self.affine(source)?;
        let affine = affine.as_ref().map(|(scale, shift)| (scale, shift));
        let forward = ops::instance_norm(&x, affine, EPSILON, self.slope)?;
        let g = Tensor::from_f64(source.backend, x.shape(), &self.grad_y(&source.on(&Double::new()))?)?;
        let (mean, rstd) = (&forward.mean, &forward.rstd);
        let (grad_x, grad_affine) = ops::instance_norm_grad(&x, mean, rstd, affine, &g, self.slope)?;
        let plane = self.plane();
        let mut outputs = vec![
            summed("y", &forward.y, plane)?,
            summed("mean", &forward.mean, plane)?,
            summed("rstd", &forward.rstd, plane)?,
            summed("grad_x", &grad_x, plane)?,
        ];
        if let Some((scale, shift)) = &grad_affine {
            outputs.push(summed("grad_scale", scale, self.batch * plane)?);
            outputs.push(summed("grad_shift", shift, self.batch * plane)?);
        }
        Ok(outputs)
    }

    fn magnitudes(&self, source: &Source<'_, Double>, _exact: &[Output]) -> Result<Vec<Vec<f64>>> {
        let (z, _) = self.z(source)?;
        let slope = |z: f64| if z > 0.0 { 1.0 } else { self.slope };
        let grad_z: Vec<f64> = self.grad_y(source)?.iter().zip(&z).map(|(g, &z)| g * slope(z)).collect();
        let planes = self.planes(source, &grad_z)?;
        let mut magnitudes = vec![
            planes.iter().flat_map(|plane| plane.y.clone()).collect(),
            planes.iter().map(|plane| plane.mean).collect(),
            planes.iter().map(|plane| plane.rstd).collect(),
            planes.iter().flat_map(|plane| plane.grad_x.clone()).collect(),
        ];
        if self.affine {
            let over_batch = |part: fn(&Plane) -> f64| {
                (0..self.channels).map(|c| planes[c..].iter().step_by(self.channels).map(part).sum()).collect()
            };
            magnitudes.push(over_batch(|plane| plane.grad_scale));
            magnitudes.push(over_batch(|plane| plane.grad_shift));
        }
        Ok(magnitudes)
    }
}

#[test]
fn instance_norm_matches_reference() {
    assert_matches_reference(case(side().boxed()));
}

#[test]
fn instance_norm_does_not_depend_on_threads() {
    assert_thread_independent(6, case(60usize..90));
}

#[test]
fn instance_norm_of_large_planes_matches_reference() {
    assert_large_matches_reference(6, case(60usize..130));
}
