//! Images to look at, of whatever kind the dataset is.

use super::depth_colors::depth_colors;
use super::encode::level;
use super::pixels::Image;
use super::plane::{Plane, RgbImage};
use crate::config::DataConfig;

/// Channels of values in [−1, 1], (C, H, W), as red, green and blue.
fn view(values: &[f32], [height, width]: [usize; 2], shown: [usize; 3]) -> RgbImage {
    let pixels = height * width;
    Plane::from_fn(height, width, |x, y| shown.map(|channel| level(values[channel * pixels + y * width + x])))
}

impl DataConfig {
    /// An input image to look at: `data.input_shown` of its channels.
    pub fn view_input(&self, image: &Image) -> RgbImage {
        view(&image.values(&self.input_scale()), image.size(), self.input_shown())
    }

    /// A target, or a file that inference wrote, to look at: `data.output_shown` of its channels; a depth map in colors, black where
    /// nothing was measured.
    pub fn view_target(&self, image: &Image) -> RgbImage {
        let scale = self.output_scale();
        self.view_output(&image.values(&scale), image.mask(&scale).as_deref(), image.size())
    }

    /// As [`view_target`](Self::view_target), of values (C, H, W) in [−1, 1]. Pixels with mask 0 were not measured.
    pub fn view_output(&self, values: &[f32], mask: Option<&[f32]>, [height, width]: [usize; 2]) -> RgbImage {
        if self.depth().is_none() {
            return view(values, [height, width], self.output_shown());
        }
        let measured = |pixel: usize| mask.is_none_or(|mask| mask[pixel] != 0.0);
        let share = |pixel: usize| measured(pixel).then(|| (f64::from(values[pixel]) + 1.0) / 2.0);
        depth_colors(height, width, |x, y| share(y * width + x))
    }
}
