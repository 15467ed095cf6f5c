//! Convolutions by cuBLAS on patches that are laid out a part at a time (explicit GEMM).

use super::sizes::Sizes;
use super::tiles::IMAGE;
use crate::cuda::{Array, Cuda, Matrices, Parameters, Product, Source};
use crate::error::Result;
use crate::ops::conv2d::Conv2dSize;

pub(super) const SOURCE: Source = Source::new("conv2d/columns.cu", include_str!("columns.cu"), &[IMAGE]);

/// Whether x itself is the patch matrix.
pub(super) fn is_pointwise(size: &Conv2dSize) -> bool {
    (size.kernel_height, size.kernel_width, size.stride, size.padding) == (1, 1, 1, 0)
}

/// `Part` of columns.cu: output pixels first … first + width of images image … image + images.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    image: i32,
    images: i32,
    first: i32,
    width: i32,
}

// SAFETY: four ints, as in columns.cu.
unsafe impl Parameters for Part {}

/// The output pixels in parts whose patches have at most `max` values: some images each, or some pixels of one, but at
/// least a pixel. Where x itself is the patch matrix, there is one part.
pub(super) fn parts(size: &Conv2dSize, max: usize) -> Vec<Part> {
    let pixels = size.out_height * size.out_width;
    let max = if is_pointwise(size) { usize::MAX } else { max / size.patch() };
    // As few parts as possible, of about one size.
    let part = |all: usize, max: usize| all.div_ceil(all.div_ceil(max.clamp(1, all)));
    let (images, width) = (part(size.batch, max / pixels), part(pixels, max));
    let mut parts = Vec::new();
    for image in (0..size.batch).step_by(images) {
        for first in (0..pixels).step_by(width) {
            let (images, width) = (images.min(size.batch - image), width.min(pixels - first));
            let [image, images, first, width] = [image, images, first, width].map(|size| size as i32);
            parts.push(Part { image, images, first, width });
        }
    }
    parts
}

impl Part {
    /// image, images, first, width.
    #[cfg(test)]
    pub(super) fn as_array(&self) -> [usize; 4] {
        [self.image, self.images, self.first, self.width].map(|size| size as usize)
    }

    fn images(&self) -> usize {
        self.images as usize
    }

    fn width(&self) -> usize {
        self.width as usize
    }

    /// Its patches, a matrix for each image.
    fn columns(&self, size: &Conv2dSize) -> Matrices {
        Matrices { offset: 0, stride: size.patch() * self.width(), row: self.width(), transposed: false }
    }

    /// Its outputs, (O, width) for each image.
    fn outputs(&self, size: &Conv2dSize) -> Matrices {
        let pixels = size.out_height * size.out_width;
        let image = size.out_channels * pixels;
        Matrices {
            offset: self.image as usize * image + self.first as usize,
            stride: image,
            row: pixels,
            transposed: false,
        }
    }
}

/// The weight, (O, I·R·S), the same for all images.
fn weight_of(size: &Conv2dSize) -> Matrices {
    Matrices { offset: 0, stride: 0, row: size.patch(), transposed: false }
}

impl Cuda {
    /// The patches of a part.
    fn columns_of(&self, x: &Array<f32>, part: &Part, size: &Conv2dSize, sizes: &Sizes) -> Result<Array<f32>> {
        let count = part.images() * size.patch() * part.width();
        let mut columns = self.array(count)?;
        let launch = self.kernel(&SOURCE, "conv2d_columns")?.input(x).output(&mut columns).size(count);
        launch.structure(sizes).structure(part).for_each_plane(1, count)?;
        Ok(columns)
    }

    pub(super) fn conv2d_forward_by_columns(
        &self,
        max: usize,
        x: &Array<f32>,
        weight: &Array<f32>,
        bias: Option<&Array<f32>>,
        size: &Conv2dSize,
        sizes: &Sizes,
    ) -> Result<Array<f32>> {
        let mut y = self.array(size.output().count())?;
        if let Some(bias) = bias {
            let (planes, pixels) = (size.batch * size.out_channels, size.out_height * size.out_width);
            let launch = self.kernel(&SOURCE, "conv2d_bias")?.input(bias).output(&mut y).count(planes);
            launch.size(size.out_channels).size(pixels).for_each_plane(planes, pixels)?;
        }
        for part in parts(size, max) {
            let written = if is_pointwise(size) { None } else { Some(self.columns_of(x, &part, size, sizes)?) };
            let product = Product {
                batch: part.images(),
                m: size.out_channels,
                k: size.patch(),
                n: part.width(),
                a: weight_of(size),
                b: part.columns(size),
                y: part.outputs(size),
                accumulate: bias.is_some(),
            };
            self.product(weight, written.as_ref().unwrap_or(x), &mut y, &product)?;
        }
        Ok(y)
    }

    pub(super) fn conv2d_grad_input_by_columns(
        &self,
        max: usize,
        grad_output: &Array<f32>,
        weight: &Array<f32>,
        size: &Conv2dSize,
        sizes: &Sizes,
    ) -> Result<Array<f32>> {
        let mut grad = self.array(size.input().count())?;
        for part in parts(size, max) {
            let product = Product {
                batch: part.images(),
                m: size.patch(),
                k: size.out_channels,
                n: part.width(),
                a: Matrices { transposed: true, ..weight_of(size) },
                b: part.outputs(size),
                y: part.columns(size),
                accumulate: false,
            };
            if is_pointwise(size) {
                self.product(weight, grad_output, &mut grad, &product)?;
                continue;
            }
            let mut columns = self.array(part.images() * size.patch() * part.width())?;
            self.product(weight, grad_output, &mut columns, &product)?;
            let launch = self.kernel(&SOURCE, "conv2d_add_columns")?.input(&columns).output(&mut grad);
            let launch = launch.structure(sizes).structure(&part).value(i32::from(part.first > 0));
            launch.for_each_plane(part.images() * size.in_channels, size.in_height * size.in_width)?;
        }
        Ok(grad)
    }

    pub(super) fn conv2d_grad_weight_by_columns(
        &self,
        max: usize,
        x: &Array<f32>,
        grad_output: &Array<f32>,
        size: &Conv2dSize,
        sizes: &Sizes,
    ) -> Result<Array<f32>> {
        let mut grad = self.array(size.weight().count())?;
        let mut accumulate = false;
        for part in parts(size, max) {
            let written = if is_pointwise(size) { None } else { Some(self.columns_of(x, &part, size, sizes)?) };
            let (outputs, columns) = (part.outputs(size), part.columns(size));
            for image in 0..part.images() {
                let product = Product {
                    batch: 1,
                    m: size.out_channels,
                    k: part.width(),
                    n: size.patch(),
                    a: Matrices { offset: outputs.offset + image * outputs.stride, ..outputs },
                    b: Matrices { offset: image * columns.stride, transposed: true, ..columns },
                    y: weight_of(size),
                    accumulate,
                };
                self.product(grad_output, written.as_ref().unwrap_or(x), &mut grad, &product)?;
                accumulate = true;
            }
        }
        Ok(grad)
    }
}
