//! Inputs and targets copied to the device, stacked on the first axis.

use std::borrow::Borrow;

use asap_autograd::Var;
use asap_tensor::{Backend, Ids, Tensor};

use super::example::{Batch, Channels, Example, HostInput};
use super::pixels::Image;
use super::plane::instance_edges;
use super::problem::Problem;
use crate::config::DataConfig;
use crate::nn::{Input, Target};
use crate::{Error, Result};

impl HostInput {
    /// Inputs of one size and kind on the device, followed by instance edges if `data.instances`.
    ///
    /// # Errors
    /// [`Error::Config`] if `data.instances`, but an input has no instance map.
    pub fn stack<B: Backend>(inputs: &[impl Borrow<HostInput>], backend: &B, data: &DataConfig) -> Result<Input<B>> {
        let [h, w] = inputs.first().map_or([0; 2], |input| input.borrow().size());
        let n = inputs.len();
        let scale = data.input_scale();
        let (mut ids, mut values, mut edges) = (Vec::new(), Vec::new(), Vec::new());
        for input in inputs.iter().map(Borrow::borrow) {
            match &input.channels {
                Channels::Labels(map) => ids.extend_from_slice(&map.data),
                Channels::Image(image) if image.channels() == data.input_channels() => {
                    values.extend(image.values(&scale))
                }
                Channels::Image(_) => return Err(unlike(&input.name)),
            }
            let instances = input.instances.as_ref().filter(|_| data.instances);
            if input.size() != [h, w] || instances.is_some_and(|map| map.size() != [h, w]) {
                return Err(unlike(&input.name));
            }
            edges.extend(instances.into_iter().flat_map(instance_edges));
            if data.instances && instances.is_none() {
                let problem = format!("data.instances = true, but there is no instance map of {}", input.name);
                return Err(Error::Config { origin: "configuration".into(), problem });
            }
        }
        let input = match (ids.is_empty(), values.is_empty()) {
            (false, true) => Input::labels(Ids::from_vec(backend, [n, h, w], ids)?, data.label_channels()),
            (true, false) => {
                Input::image(Var::constant(Tensor::from_f32(backend, [n, data.input_channels(), h, w], &values)?))
            }
            _ => return Err(unlike("batch")),
        };
        if !data.instances {
            return Ok(input);
        }
        input.with_edges(&Var::constant(Tensor::from_f32(backend, [n, 1, h, w], &edges)?))
    }
}

impl Batch {
    /// What the networks see, on the device; see [`HostInput::stack`].
    ///
    /// # Errors
    /// As [`HostInput::stack`].
    pub fn input<B: Backend>(&self, backend: &B, data: &DataConfig) -> Result<Input<B>> {
        let inputs: Vec<&HostInput> = self.examples.iter().map(|example| &example.input).collect();
        HostInput::stack(&inputs, backend, data)
    }

    /// What a generator is trained to output, on the device.
    ///
    /// # Errors
    /// [`Error::Data`] if the targets differ in kind or size.
    pub fn target<B: Backend>(&self, backend: &B, data: &DataConfig) -> Result<Target<B>> {
        let scale = data.output_scale();
        let kind = |target: &Image| (target.size(), target.channels());
        let ([h, w], channels) = self.examples.first().map_or(([0; 2], 0), |example| kind(&example.target));
        let (mut values, mut mask) = (Vec::new(), Vec::new());
        for example @ Example { input, target } in &self.examples {
            if kind(target) != ([h, w], channels) {
                return Err(unlike(&input.name));
            }
            values.extend(target.values(&scale));
            if let Some(pixels) = example.mask(data) {
                (0..channels).for_each(|_| mask.extend_from_slice(&pixels));
            }
        }
        let sizes = |channels| [self.examples.len(), channels, h, w];
        let target = Target::new(Tensor::from_f32(backend, sizes(channels), &values)?);
        if mask.is_empty() {
            return Ok(target);
        }
        let measured = mask.iter().filter(|&&pixel| pixel != 0.0).count();
        Ok(target.with_mask(Tensor::from_f32(backend, sizes(channels), &mask)?, measured))
    }
}

fn unlike(name: &str) -> Error {
    Problem::new(name.as_ref(), "differs in kind or size from the rest of its batch").into()
}

#[cfg(test)]
mod tests {
    use asap_tensor::Reference;

    use crate::config::InputKind;

    use super::super::plane::Plane;
    use super::*;

    /// Two examples of 1×2 pixels, with an instance border between the pixels of the first.
    fn batch(channels: impl Fn(u8) -> Channels, instances: bool) -> Batch {
        let example = |i: u8| {
            let plane = |data| Plane { height: 1, width: 2, data };
            let instances = instances.then(|| plane(vec![7, 7 + u32::from(i == 0)]));
            let input = HostInput { name: format!("pair {i}"), channels: channels(i), instances };
            Example { input, target: Plane { height: 1, width: 2, data: vec![[0; 3]; 2] }.into() }
        };
        Batch { epoch: 1, index: 0, examples: vec![example(0), example(1)] }
    }

    fn labels(i: u8) -> Channels {
        Channels::Labels(Plane { height: 1, width: 2, data: vec![i, 2] })
    }

    #[test]
    fn edges_follow_colors() {
        let data = DataConfig { input: InputKind::Image, instances: true, ..DataConfig::default() };
        let rgb = |i| Channels::Image(Plane { height: 1, width: 2, data: vec![[0, 255, 255 * i], [255, 0, 0]] }.into());
        let channels = batch(rgb, true).input(&Reference::<f32>::new(), &data).unwrap().one_hot().unwrap();
        assert_eq!(channels.value().dims(), [2, 4, 1, 2]);
        #[rustfmt::skip]
        let expected = [
            -1.0, 1.0, 1.0, -1.0, -1.0, -1.0, 1.0, 1.0,
            -1.0, 1.0, 1.0, -1.0, 1.0, -1.0, 0.0, 0.0,
        ];
        assert_eq!(channels.value().to_f32().unwrap(), expected);
    }

    #[test]
    fn edges_are_there_if_configured() {
        let backend = Reference::<f32>::new();
        let input = batch(labels, true).input(&backend, &DataConfig::default()).unwrap();
        assert!(input.image_channels().is_none());
        let instances = DataConfig { instances: true, ..DataConfig::default() };
        let error = batch(labels, false).input(&backend, &instances).err().unwrap().to_string();
        assert!(error.contains("data.instances = true, but there is no instance map of pair 0"), "{error}");
    }

    #[test]
    fn ignored_labels_mask_every_channel() {
        let backend = Reference::<f32>::new();
        let mut config = crate::Config::default();
        config.set_all(&["data.classes=2".into(), "data.ignore=255".into()]).unwrap();
        // Both examples have class 2, the ignored one, at their second pixel.
        let images = Var::constant(Tensor::full(&backend, [2, 3, 1, 2], 4.0).unwrap());
        let target = batch(labels, false).target(&backend, &config.data).unwrap();
        assert_eq!((target.masked(&images).unwrap().value().to_f32().unwrap(), target.scale()), (vec![4.0; 12], 1.0));
        config.set("data.ignore_as=mask").unwrap();
        let mut batch = batch(labels, false);
        batch.examples[1].input.channels = Channels::Labels(Plane { height: 1, width: 2, data: vec![1, 0] });
        let target = batch.target(&backend, &config.data).unwrap();
        let masked = target.masked(&images).unwrap().value().to_f32().unwrap();
        assert_eq!(masked, [[4.0, 0.0].repeat(3), vec![4.0; 6]].concat());
        assert_eq!(target.scale(), 12.0 / 9.0);
        let one_hot = batch.input(&backend, &config.data).unwrap().one_hot().unwrap();
        assert_eq!(one_hot.value().dims(), [2, 3, 1, 2]);
    }

    #[test]
    fn batch_of_two_kinds_is_rejected() {
        let backend = Reference::<f32>::new();
        let data = DataConfig::default();
        let mixed = |i| {
            if i == 0 {
                labels(i)
            } else {
                Channels::Image(Plane { height: 1, width: 2, data: vec![[0; 3]; 2] }.into())
            }
        };
        assert!(batch(mixed, false).input(&backend, &data).is_err());
        let narrow =
            |i| Channels::Labels(Plane { height: 1, width: 2 - usize::from(i), data: vec![0; 2 - usize::from(i)] });
        assert!(batch(narrow, false).input(&backend, &data).is_err());
        let mut two = batch(labels, false);
        two.examples[1].target = Image::gray8(Plane { height: 1, width: 2, data: vec![0; 2] });
        assert!(two.target(&backend, &data).is_err());
    }
}
