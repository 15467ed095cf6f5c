//! What the networks are conditioned on: a label map or an image, and instance edges.

use asap_autograd::{Var, vjp};
use asap_tensor::{Backend, Ids, Tensor};

use crate::config::DataConfig;
use crate::data::{Batch, InputData};
use crate::layers::{Labels, Stack};
use crate::{Error, Result};

/// What each pixel's own network sees.
#[derive(Clone)]
pub enum Pixels<B: Backend> {
    /// A label map.
    Labels(Labels<B>),
    /// Numbers, (N, C, H, W): a colour image in [−1, 1], or one-hot labels.
    Dense(Var<B>),
}

/// The input of generator and discriminators.
#[derive(Clone)]
pub struct Condition<B: Backend> {
    /// The label map or image.
    pub pixels: Pixels<B>,
    /// 1 where the instance differs from a neighbour's, (N, 1, H, W); only the low-resolution stream and the
    /// discriminators see it.
    pub edges: Option<Var<B>>,
}

impl<B: Backend> Condition<B> {
    /// A batch moved to the device.
    ///
    /// # Errors
    /// [`Error::Config`] if `data.instances` asks for edges that the batch has not; otherwise if the device fails.
    pub fn from_batch(backend: &B, batch: &Batch, data: &DataConfig) -> Result<Self> {
        let [n, h, w] = [batch.len(), batch.height, batch.width];
        let pixels = match &batch.input {
            InputData::Labels(ids) => {
                let ids = Ids::from_vec(backend, [n, h, w], ids.clone())?;
                Pixels::Labels(Labels { ids, classes: data.classes })
            }
            InputData::Rgb(colours) => Pixels::Dense(Var::constant(Tensor::from_f32(backend, [n, 3, h, w], colours)?)),
        };
        let edges = match (&batch.edges, data.instances) {
            (_, false) => None,
            (Some(edges), true) => Some(Var::constant(Tensor::from_f32(backend, [n, 1, h, w], edges)?)),
            (None, true) => {
                let problem =
                    format!("data.instances = true, but there is no instance map of {}", batch.names.join(", "));
                return Err(Error::Config { origin: "configuration".into(), problem });
            }
        };
        Ok(Condition { pixels, edges })
    }

    /// All channels in the order of the published weights: labels or image, then edges.
    ///
    /// # Errors
    /// If the edges have another size.
    pub fn stack(&self) -> Result<Stack<B>> {
        Ok(match (&self.pixels, &self.edges) {
            (Pixels::Labels(labels), edges) => Stack { labels: Some(labels.clone()), dense: edges.clone() },
            (Pixels::Dense(x), None) => Stack::dense(x.clone()),
            (Pixels::Dense(x), Some(edges)) => Stack::dense(vjp::cat(&[x, edges], 1)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use asap_tensor::Reference;

    use super::*;
    use crate::config::Input;

    fn batch(input: InputData, edges: Option<Vec<f32>>) -> Batch {
        Batch {
            epoch: 1,
            index: 0,
            names: vec!["a".into(), "b".into()],
            height: 1,
            width: 2,
            input,
            edges,
            image: vec![0.0; 12],
            image_channels: 3,
            mask: None,
        }
    }

    #[test]
    fn colours_come_before_edges_and_each_picture_keeps_its_own() {
        let data = DataConfig { input: Input::Rgb, instances: true, ..DataConfig::default() };
        let colours: Vec<f32> = (0..12).map(|v| v as f32 / 12.0).collect();
        let batch = batch(InputData::Rgb(colours.clone()), Some(vec![1.0, 0.0, 0.0, 1.0]));
        let stack = Condition::from_batch(&Reference::<f32>::new(), &batch, &data).unwrap().stack().unwrap();
        let dense = stack.dense.unwrap();
        assert_eq!(dense.value().dims(), [2, 4, 1, 2]);
        let expected = [&colours[..6], &[1.0, 0.0], &colours[6..], &[0.0, 1.0]].concat();
        assert_eq!(dense.value().to_f32().unwrap(), expected);
    }

    #[test]
    fn edges_are_there_exactly_if_the_configuration_asks_for_them() {
        let backend = Reference::<f32>::new();
        let labels = || InputData::Labels(vec![0, 1, 2, 3]);
        let plain = DataConfig::default();
        let condition = Condition::from_batch(&backend, &batch(labels(), Some(vec![1.0; 4])), &plain).unwrap();
        assert!(condition.edges.is_none());
        let instances = DataConfig { instances: true, ..DataConfig::default() };
        let error = Condition::from_batch(&backend, &batch(labels(), None), &instances).err().unwrap().to_string();
        assert!(error.contains("data.instances = true, but there is no instance map of a, b"), "{error}");
    }
}
