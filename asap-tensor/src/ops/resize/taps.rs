//! A sparse matrix that resamples one axis.

use crate::error::{Result, require_argument};

/// The inputs that each output of an axis is a weighted sum of, and their weights. Every output has the same number of
/// taps; those that it doesn't need have weight 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Taps {
    inputs: usize,
    outputs: usize,
    per_output: usize,
    index: Vec<u32>,
    weight: Vec<f64>,
}

impl Taps {
    /// Taps from lists of (input, weight), one for each output.
    pub(crate) fn build(inputs: usize, outputs: usize, list: impl FnMut(usize) -> Vec<(usize, f64)>) -> Self {
        let lists: Vec<_> = (0..outputs).map(list).collect();
        let per_output = lists.iter().map(Vec::len).max().unwrap_or(0).max(1);
        let padded = lists.iter().flat_map(|list| (0..per_output).map(|i| list.get(i).copied().unwrap_or((0, 0.0))));
        let (index, weight) = padded.map(|(i, w)| (i as u32, w)).unzip();
        Taps { inputs, outputs, per_output, index, weight }
    }

    /// The fixed downsampling before the low-resolution stream (published code): `inputs / factor` outputs, each a
    /// tent of 2·factor taps; reflections of factor/2 pixels beyond the edges. Factor 1 copies.
    ///
    /// # Errors
    /// If the factor is not 1 or an even divisor of `inputs`, or the axis is too short to be reflected.
    pub fn tent(inputs: usize, factor: usize) -> Result<Self> {
        let op = "Taps::tent";
        let divides = factor == 1 || factor > 0 && factor.is_multiple_of(2) && inputs.is_multiple_of(factor);
        require_argument(divides, op, || format!("the factor {factor} must be 1, or even and a divisor of {inputs}"))?;
        require_argument(inputs > factor / 2, op, || {
            format!("an axis of {inputs} is too short to be reflected by {}", factor / 2)
        })?;
        if factor == 1 {
            return Ok(Self::build(inputs, inputs, |o| vec![(o, 1.0)]));
        }
        let half = factor / 2;
        // 1, 3, 5, … up and down again, summing to 2·factor².
        let tent = |tap: usize| (2 * tap.min(2 * factor - 1 - tap) + 1) as f64 / (2 * factor * factor) as f64;
        let reflect = |position: usize| match position.checked_sub(half) {
            None => half - position,
            Some(i) if i < inputs => i,
            Some(i) => 2 * (inputs - 1) - i,
        };
        Ok(Self::build(inputs, inputs / factor, |o| {
            (0..2 * factor).map(|tap| (reflect(o * factor + tap), tent(tap))).collect()
        }))
    }

    /// Bilinear resizing with pixel centers at half-integers (`align_corners` false) and edges repeated; no smoothing
    /// when it shrinks.
    pub fn bilinear(inputs: usize, outputs: usize) -> Result<Self> {
        check_sizes("Taps::bilinear", inputs, outputs)?;
        let ratio = inputs as f64 / outputs as f64;
        Ok(Self::build(inputs, outputs, |o| {
            let center = ((o as f64 + 0.5) * ratio - 0.5).max(0.0);
            let low = (center as usize).min(inputs - 1);
            let (high, fraction) = ((low + 1).min(inputs - 1), center - low as f64);
            vec![(low, 1.0 - fraction), (high, fraction)]
        }))
    }

    /// The pixel whose area contains the output's upper left corner (PyTorch's `nearest`): where one size divides the
    /// other, each pixel is repeated or some are left out.
    pub fn nearest(inputs: usize, outputs: usize) -> Result<Self> {
        check_sizes("Taps::nearest", inputs, outputs)?;
        Ok(Self::build(inputs, outputs, |o| vec![(o * inputs / outputs, 1.0)]))
    }

    /// The mean of 3 at stride 2 with one pixel of padding that is not counted.
    pub fn average_pool(inputs: usize) -> Self {
        Self::average(inputs, 2)
    }

    /// The mean of 3 at stride 1 with one pixel of padding that is not counted.
    pub fn average_pool_same(inputs: usize) -> Self {
        Self::average(inputs, 1)
    }

    fn average(inputs: usize, stride: usize) -> Self {
        Self::build(inputs, inputs.div_ceil(stride), |o| {
            let (first, end) = ((stride * o).saturating_sub(1), (stride * o + 2).min(inputs));
            (first..end).map(|i| (i, 1.0 / (end - first) as f64)).collect()
        })
    }

    /// The mean of the whole axis, as each of `outputs` outputs.
    pub fn mean(inputs: usize, outputs: usize) -> Self {
        Self::build(inputs, outputs, |_| (0..inputs).map(|i| (i, 1.0 / inputs as f64)).collect())
    }

    /// Whether each output is its own input.
    pub fn is_identity(&self) -> bool {
        self.inputs == self.outputs
            && self.per_output == 1
            && self.index.iter().enumerate().all(|(o, &i)| i as usize == o)
            && self.weight.iter().all(|&w| w == 1.0)
    }

    /// The transposed matrix: what each output received from an input flows back to it.
    pub fn transposed(&self) -> Self {
        let mut lists = vec![Vec::new(); self.inputs];
        for o in 0..self.outputs {
            for (i, w) in self.of(o).filter(|&(_, w)| w != 0.0) {
                lists[i].push((o, w));
            }
        }
        Self::build(self.outputs, self.inputs, |i| std::mem::take(&mut lists[i]))
    }

    /// The size of the axis before.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Its size after.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Taps of each output.
    pub fn per_output(&self) -> usize {
        self.per_output
    }

    /// Positions of the inputs, (outputs, per_output).
    pub fn index(&self) -> &[u32] {
        &self.index
    }

    /// Weights, (outputs, per_output).
    pub fn weight(&self) -> &[f64] {
        &self.weight
    }

    /// The (input, weight) pairs of output `o`.
    pub fn of(&self, o: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let range = o * self.per_output..(o + 1) * self.per_output;
        self.index[range.clone()].iter().map(|&i| i as usize).zip(self.weight[range].iter().copied())
    }
}

fn check_sizes(op: &'static str, inputs: usize, outputs: usize) -> Result<()> {
    require_argument(inputs > 0 && outputs > 0, op, || format!("can't resize {inputs} pixels to {outputs}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dense(taps: &Taps, o: usize) -> Vec<f64> {
        let mut row = vec![0.0; taps.inputs()];
        for (i, w) in taps.of(o) {
            row[i] += w;
        }
        row
    }

    #[test]
    fn tent_of_factor_two_has_weights_1_3_3_1() {
        let taps = Taps::tent(8, 2).unwrap();
        assert_eq!(dense(&taps, 1), [0.0, 0.125, 0.375, 0.375, 0.125, 0.0, 0.0, 0.0]);
        assert_eq!(dense(&taps, 0), [0.375, 0.5, 0.125, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(dense(&taps, 3), [0.0, 0.0, 0.0, 0.0, 0.0, 0.125, 0.5, 0.375]);
    }

    #[test]
    fn weights_sum_to_one() {
        let kinds = [
            Taps::tent(24, 4).unwrap(),
            Taps::bilinear(7, 19).unwrap(),
            Taps::bilinear(19, 7).unwrap(),
            Taps::nearest(4, 8).unwrap(),
            Taps::nearest(7, 3).unwrap(),
            Taps::average_pool(9),
            Taps::average_pool(1),
            Taps::average_pool_same(6),
            Taps::average_pool_same(1),
            Taps::mean(5, 2),
        ];
        for taps in kinds {
            for o in 0..taps.outputs() {
                let sum: f64 = taps.of(o).map(|(_, w)| w).sum();
                assert!((sum - 1.0).abs() < 1e-12, "output {o} of {taps:?} sums to {sum}");
            }
        }
    }

    #[test]
    fn average_pool_does_not_count_padding() {
        let taps = Taps::average_pool_same(4);
        let third = 1.0 / 3.0;
        assert_eq!(dense(&taps, 0), [0.5, 0.5, 0.0, 0.0]);
        assert_eq!(dense(&taps, 2), [0.0, third, third, third]);
        assert_eq!(taps.outputs(), 4);
    }

    #[test]
    fn nearest_repeats_or_drops_pixels() {
        let sources = |inputs, outputs| Taps::nearest(inputs, outputs).unwrap().index().to_vec();
        assert_eq!(sources(2, 4), [0, 0, 1, 1]);
        assert_eq!(sources(6, 2), [0, 3]);
        assert_eq!(sources(5, 3), [0, 1, 3]);
    }

    #[test]
    fn transposed_swaps_rows_and_columns() {
        let taps = Taps::bilinear(5, 9).unwrap();
        let transposed = taps.transposed();
        for o in 0..9 {
            for i in 0..5 {
                assert_eq!(dense(&taps, o)[i], dense(&transposed, i)[o]);
            }
        }
    }

    #[test]
    fn tent_rejects_factors_that_do_not_divide() {
        for (inputs, factor) in [(10, 4), (9, 3), (8, 0)] {
            assert!(Taps::tent(inputs, factor).is_err(), "{inputs} by {factor}");
        }
    }
}
