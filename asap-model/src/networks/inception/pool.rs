//! 3×3 pooling, composed of existing ops.

use asap_tensor::ops::{Pad, PadMode, Taps, cat, max_pool2, narrow, pad2d, resize};
use asap_tensor::{Backend, Tensor};

use crate::Result;

/// The four windows of 2×2 pixels that cover a window of 3×3, by their first row and column.
const WINDOWS: [[usize; 2]; 4] = [[0, 0], [0, 1], [1, 0], [1, 1]];

/// 3×3 pooling.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pool {
    /// The mean, stride 1, of x's shape; padding is not counted.
    Average,
    /// The maximum, stride 1, of x's shape. x is not negative, so zero padding never wins.
    Max,
    /// The maximum, stride 2, without padding: (N, C, H, W) → (N, C, ⌊(H − 1)/2⌋, ⌊(W − 1)/2⌋).
    Halve,
}

impl Pool {
    pub fn forward<B: Backend>(self, x: &Tensor<B>) -> Result<Tensor<B>> {
        let [_, _, h, w] = x.nchw("pool")?;
        match self {
            Pool::Average => Ok(resize(x, &Taps::average_pool_same(h), &Taps::average_pool_same(w))?),
            Pool::Max => {
                let padded = pad2d(x, Pad::all(1), PadMode::Zero)?;
                let of_two = maximum(WINDOWS.map(|start| part(&padded, start, [h + 1, w + 1])))?;
                maximum(WINDOWS.map(|start| part(&of_two, start, [h, w])))
            }
            Pool::Halve => {
                let size = [h, w].map(|side| side.saturating_sub(1) / 2 * 2);
                maximum(WINDOWS.map(|start| Ok(max_pool2(&part(x, start, size)?)?)))
            }
        }
    }
}

/// Rows and columns from `start` on.
fn part<B: Backend>(x: &Tensor<B>, [top, left]: [usize; 2], [height, width]: [usize; 2]) -> Result<Tensor<B>> {
    Ok(narrow(&narrow(x, 2, top, height)?, 3, left, width)?)
}

/// The elementwise maximum of four tensors, by 2×2 pooling of blocks of their elements.
fn maximum<B: Backend>(four: [Result<Tensor<B>>; 4]) -> Result<Tensor<B>> {
    let [a, b, c, d] = four;
    let four = [a?, b?, c?, d?];
    let shape = four[0].shape();
    let columns = four.iter().map(|x| Ok(x.reshape([shape.count(), 1, 1, 1])?)).collect::<Result<Vec<_>>>()?;
    let blocks = cat(&columns.iter().collect::<Vec<_>>(), 3)?.reshape([shape.count(), 1, 2, 2])?;
    Ok(max_pool2(&blocks)?.reshape(shape)?)
}

#[cfg(test)]
mod tests {
    use asap_tensor::random::uniform_by_name;
    use asap_tensor::{Cpu, Reference};

    use super::*;

    /// The maximum of every 3×3 window, by definition.
    fn by_definition(x: &[f32], [planes, h, w]: [usize; 3], stride: usize, padding: usize) -> Vec<f32> {
        let outputs = |side: usize| (side + 2 * padding - 3) / stride + 1;
        let mut y = Vec::new();
        for plane in 0..planes {
            for (p, q) in (0..outputs(h)).flat_map(|p| (0..outputs(w)).map(move |q| (p, q))) {
                let window = (0..9).filter_map(|tap| {
                    let row = (p * stride + tap / 3).checked_sub(padding).filter(|&row| row < h)?;
                    let column = (q * stride + tap % 3).checked_sub(padding).filter(|&column| column < w)?;
                    Some(x[(plane * h + row) * w + column])
                });
                y.push(window.fold(f32::NEG_INFINITY, f32::max));
            }
        }
        y
    }

    fn check<B: Backend>(backend: &B) {
        for [h, w] in [[3, 3], [8, 8], [7, 10], [5, 4]] {
            let signed = uniform_by_name("x", 6 * h * w);
            let x = Tensor::from_f32(backend, [2, 3, h, w], &signed).unwrap();
            let y = Pool::Halve.forward(&x).unwrap();
            assert_eq!(y.dims(), [2, 3, (h - 1) / 2, (w - 1) / 2]);
            assert_eq!(y.to_f32().unwrap(), by_definition(&signed, [6, h, w], 2, 0));
            let positive: Vec<f32> = signed.iter().map(|x| x.max(0.0)).collect();
            let x = Tensor::from_f32(backend, [2, 3, h, w], &positive).unwrap();
            assert_eq!(Pool::Max.forward(&x).unwrap().to_f32().unwrap(), by_definition(&positive, [6, h, w], 1, 1));
        }
    }

    #[test]
    fn max_pool_matches_definition() {
        check(&Reference::<f64>::new());
        check(&Cpu::new(Some(2)).unwrap());
    }

    #[test]
    fn average_pool_ignores_padding() {
        let x = Tensor::from_f64(&Reference::<f64>::new(), [1, 1, 2, 3], &[1.0, 2.0, 3.0, 5.0, 6.0, 7.0]).unwrap();
        let means = Pool::Average.forward(&x).unwrap().to_vec().unwrap();
        let expected = [3.5, 4.0, 4.5, 3.5, 4.0, 4.5];
        assert!(means.iter().zip(expected).all(|(mean, expected)| (mean - expected).abs() < 1e-12), "{means:?}");
    }
}
