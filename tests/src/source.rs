//! Random inputs: functions of the case's seed and the tensor's name, so every backend gets the same.

use asap_tensor::{Backend, Ids, Result, Shape, Tensor, random};
use rand::RngExt;

/// Generates the inputs of one case for one backend.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a, B> {
    /// Where the tensors are made.
    pub backend: &'a B,
    /// The case's seed.
    pub seed: u64,
    /// Whether every value is replaced by its absolute value: a sum of products then becomes Σ|terms|.
    pub absolute: bool,
}

impl<'a, B: Backend> Source<'a, B> {
    /// The same inputs on another backend.
    pub fn on<'b, C>(&self, backend: &'b C) -> Source<'b, C> {
        Source { backend, seed: self.seed, absolute: self.absolute }
    }

    /// A tensor of these values, or of their absolute values.
    ///
    /// # Errors
    /// If the shape has another number of elements.
    pub fn tensor(&self, shape: impl Into<Shape>, mut values: Vec<f32>) -> Result<Tensor<B>> {
        if self.absolute {
            values.iter_mut().for_each(|v| *v = v.abs());
        }
        Tensor::from_f32(self.backend, shape, &values)
    }

    /// Samples of the standard normal distribution.
    pub fn normal(&self, name: &str, shape: impl Into<Shape>) -> Result<Tensor<B>> {
        let shape = shape.into();
        self.tensor(shape, random::normal(self.seed, name, shape.count(), 1.0))
    }

    /// Integers from −2 to 2: zeros and ties are frequent.
    pub fn whole(&self, name: &str, shape: impl Into<Shape>) -> Result<Tensor<B>> {
        let (shape, mut rng) = (shape.into(), random::stream(self.seed, name));
        self.tensor(shape, (0..shape.count()).map(|_| rng.random_range(-2i8..=2).into()).collect())
    }

    /// Uniform samples from 0.1 to 2.
    pub fn positive(&self, name: &str, shape: impl Into<Shape>) -> Result<Tensor<B>> {
        let (shape, mut rng) = (shape.into(), random::stream(self.seed, name));
        self.tensor(shape, (0..shape.count()).map(|_| rng.random_range(0.1f32..2.0)).collect())
    }

    /// Label maps (N, H, W) of ids below `classes`, and now and then one outside.
    pub fn ids(&self, name: &str, sizes: [usize; 3], classes: usize) -> Result<Ids<B>> {
        let mut rng = random::stream(self.seed, name);
        let outside = classes.max(1) as u8 + 3;
        Ids::from_vec(
            self.backend,
            sizes,
            (0..sizes.iter().product())
                .map(|_| if rng.random_range(0..20) == 0 { outside } else { rng.random_range(0..classes.max(1)) as u8 })
                .collect(),
        )
    }
}
