//! The input of networks, on the device.

use asap_autograd::{Var, VarPixels};
use asap_tensor::ops::{Conv2d, Pad, PadMode, Taps, one_hot, pad_ids, resize_ids};
use asap_tensor::{Backend, Ids, Tensor};

use crate::Result;

/// The channels of a batch of images: labels, whose one-hot form is never built, followed by image channels. Either may
/// be absent, but not both.
#[derive(Clone)]
pub struct Input<B: Backend> {
    labels: Option<Labels<B>>,
    /// (N, C, H, W).
    image: Option<Var<B>>,
    /// Whether the last image channel is an edge map, which the pixelwise networks don't see.
    edges: bool,
}

/// Label maps and the number of classes.
#[derive(Clone, Debug)]
struct Labels<B: Backend> {
    /// (N, H, W).
    ids: Ids<B>,
    classes: usize,
}

impl<B: Backend> Input<B> {
    /// Label maps (N, H, W) of `classes` classes.
    pub fn labels(ids: Ids<B>, classes: usize) -> Self {
        Input { labels: Some(Labels { ids, classes }), image: None, edges: false }
    }

    /// Image channels, (N, C, H, W).
    pub fn image(x: Var<B>) -> Self {
        Input { labels: None, image: Some(x), edges: false }
    }

    /// Followed by instance edges, (N, 1, H, W): 1 where a pixel's instance differs from a neighbor's.
    pub fn with_edges(&self, edges: &Var<B>) -> Result<Self> {
        Ok(Input { edges: true, ..self.with(edges)? })
    }

    /// Followed by the channels of x.
    pub fn with(&self, x: &Var<B>) -> Result<Self> {
        let image = match &self.image {
            Some(image) => Var::cat(&[image, x], 1)?,
            None => x.clone(),
        };
        Ok(Input { labels: self.labels.clone(), image: Some(image), edges: false })
    }

    /// The input of the pixelwise networks: all channels but edges, followed by a context, if there is one, (N, C, H, W).
    pub fn pixels(&self, context: Option<Var<B>>) -> Result<VarPixels<B>> {
        let own = match (&self.labels, &self.image) {
            (Some(Labels { ids, classes }), _) => VarPixels::Ids { ids: ids.clone(), classes: *classes },
            (None, Some(image)) if self.edges => {
                let [_, channels, ..] = image.value().nchw("input")?;
                VarPixels::Dense(image.narrow(1, 0, channels - 1)?)
            }
            (None, Some(image)) => VarPixels::Dense(image.clone()),
            (None, None) => unreachable!("an input has channels"),
        };
        let Some(context) = context else { return Ok(own) };
        let own = match own {
            VarPixels::Ids { ids, classes } => Var::constant(one_hot(&ids, classes)?),
            VarPixels::Dense(image) => image,
        };
        Ok(VarPixels::Dense(Var::cat(&[&own, &context], 1)?))
    }

    /// The label maps, and their number of classes.
    pub fn label_maps(&self) -> Option<(&Ids<B>, usize)> {
        self.labels.as_ref().map(|labels| (&labels.ids, labels.classes))
    }

    /// The channels that are not labels.
    pub fn image_channels(&self) -> Option<&Var<B>> {
        self.image.as_ref()
    }

    /// The zero-padded convolution of all channels with a weight (O, C, R, S).
    pub fn conv2d(&self, weight: &Var<B>, bias: Option<&Var<B>>, args: Conv2d) -> Result<Var<B>> {
        Ok(match (&self.labels, &self.image) {
            (Some(labels), None) => Var::conv2d_ids(&labels.ids, weight, bias, args)?,
            (None, Some(image)) => image.conv2d(weight, bias, args)?,
            (Some(labels), Some(image)) => Var::conv2d_stack(&labels.ids, image, weight, bias, args)?,
            (None, None) => unreachable!("an input has channels"),
        })
    }

    /// Reflection padding.
    pub fn reflect(&self, pad: Pad) -> Result<Self> {
        let labels = |labels: &Labels<B>| -> Result<_> {
            Ok(Labels { ids: pad_ids(&labels.ids, pad)?, classes: labels.classes })
        };
        let image = |image: &Var<B>| image.pad2d(pad, PadMode::Reflect);
        Ok(Input {
            labels: self.labels.as_ref().map(labels).transpose()?,
            image: self.image.as_ref().map(image).transpose()?,
            edges: self.edges,
        })
    }

    /// Resampled. Labels become image channels: the fraction of each class.
    pub fn resize(&self, rows: &Taps, columns: &Taps) -> Result<Self> {
        let labels = |labels: &Labels<B>| resize_ids(&labels.ids, labels.classes, rows, columns);
        let labels = self.labels.as_ref().map(labels).transpose()?;
        let image = self.image.as_ref().map(|image| image.resize(rows, columns)).transpose()?;
        Ok(Input { labels: None, image: Some(join(labels, image)?), edges: self.edges })
    }

    /// All channels, (N, C, H, W), labels as one-hot channels.
    pub fn one_hot(&self) -> Result<Var<B>> {
        let labels = self.labels.as_ref().map(|labels| one_hot(&labels.ids, labels.classes)).transpose()?;
        join(labels, self.image.clone())
    }

    /// The backend of its tensors.
    pub fn backend(&self) -> &B {
        match (&self.labels, &self.image) {
            (Some(labels), _) => labels.ids.backend(),
            (None, Some(image)) => image.value().backend(),
            (None, None) => unreachable!("an input has channels"),
        }
    }

    /// (N, H, W).
    pub fn sizes(&self) -> [usize; 3] {
        match (&self.labels, &self.image) {
            (Some(labels), _) => labels.ids.sizes(),
            (None, Some(image)) => image.shape().nchw().map_or([0; 3], |[n, _, h, w]| [n, h, w]),
            (None, None) => [0; 3],
        }
    }
}

/// Dense labels followed by image channels.
fn join<B: Backend>(labels: Option<Tensor<B>>, image: Option<Var<B>>) -> Result<Var<B>> {
    Ok(match (labels.map(Var::constant), image) {
        (Some(labels), Some(image)) => Var::cat(&[&labels, &image], 1)?,
        (labels, image) => labels.or(image).unwrap_or_else(|| unreachable!("an input has channels")),
    })
}

impl<B: Backend> From<&Input<B>> for Input<B> {
    fn from(input: &Input<B>) -> Self {
        input.clone()
    }
}

impl<B: Backend> From<Var<B>> for Input<B> {
    fn from(x: Var<B>) -> Self {
        Input::image(x)
    }
}

impl<B: Backend> From<&Var<B>> for Input<B> {
    fn from(x: &Var<B>) -> Self {
        Input::image(x.clone())
    }
}
