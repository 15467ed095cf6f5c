//! Batches moved to the device.

use asap_autograd::Var;
use asap_tensor::{Backend, Ids, Tensor};

use super::sample::{Batch, InputData};
use crate::config::DataConfig;
use crate::nn::{Input, Target};
use crate::{Error, Result};

impl Batch {
    /// What the networks see of the batch, on the device.
    ///
    /// # Errors
    /// [`Error::Config`] if `data.instances` asks for edges that the batch doesn't have.
    pub fn input<B: Backend>(&self, backend: &B, data: &DataConfig) -> Result<Input<B>> {
        let [n, h, w] = [self.len(), self.height, self.width];
        let input = match &self.input {
            InputData::Labels(ids) => Input::labels(Ids::from_vec(backend, [n, h, w], ids.clone())?, data.classes),
            InputData::Rgb(colors) => Input::image(Var::constant(Tensor::from_f32(backend, [n, 3, h, w], colors)?)),
        };
        match (&self.edges, data.instances) {
            (_, false) => Ok(input),
            (Some(edges), true) => input.with_edges(&Var::constant(Tensor::from_f32(backend, [n, 1, h, w], edges)?)),
            (None, true) => {
                let problem =
                    format!("data.instances = true, but there is no instance map of {}", self.names.join(", "));
                Err(Error::Config { origin: "configuration".into(), problem })
            }
        }
    }

    /// What a generator is trained to output for the batch, on the device.
    ///
    /// # Errors
    /// If the device fails.
    pub fn target<B: Backend>(&self, backend: &B) -> Result<Target<B>> {
        let sizes = |channels| [self.len(), channels, self.height, self.width];
        let target = Target::new(Tensor::from_f32(backend, sizes(self.image_channels), &self.image)?);
        let Some(mask) = &self.mask else { return Ok(target) };
        let measured = mask.iter().filter(|&&pixel| pixel != 0.0).count();
        Ok(target.with_mask(Tensor::from_f32(backend, sizes(1), mask)?, measured))
    }
}

#[cfg(test)]
mod tests {
    use asap_tensor::Reference;

    use super::*;
    use crate::config;

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
    fn edges_follow_colors() {
        let data = DataConfig { input: config::Input::Rgb, instances: true, ..DataConfig::default() };
        let colors: Vec<f32> = (0..12).map(|v| v as f32 / 12.0).collect();
        let batch = batch(InputData::Rgb(colors.clone()), Some(vec![1.0, 0.0, 0.0, 1.0]));
        let channels = batch.input(&Reference::<f32>::new(), &data).unwrap().one_hot().unwrap();
        assert_eq!(channels.value().dims(), [2, 4, 1, 2]);
        let expected = [&colors[..6], &[1.0, 0.0], &colors[6..], &[0.0, 1.0]].concat();
        assert_eq!(channels.value().to_f32().unwrap(), expected);
    }

    #[test]
    fn edges_are_there_if_configured() {
        let backend = Reference::<f32>::new();
        let labels = || InputData::Labels(vec![0, 1, 2, 3]);
        let input = batch(labels(), Some(vec![1.0; 4])).input(&backend, &DataConfig::default()).unwrap();
        assert!(input.image_channels().is_none());
        let instances = DataConfig { instances: true, ..DataConfig::default() };
        let error = batch(labels(), None).input(&backend, &instances).err().unwrap().to_string();
        assert!(error.contains("data.instances = true, but there is no instance map of a, b"), "{error}");
    }
}
