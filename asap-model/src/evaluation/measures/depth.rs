//! Errors of depth maps.

use super::{fault, require_equal_sizes};
use crate::Result;
use crate::config::DepthScale;
use crate::data::Image;

/// The maximum ratio of depths, either way round, of a correct pixel: δ < 1.25.
const RATIO: f64 = 1.25;

/// Errors over all valid pixels of several depth maps (Eigen, Puhrsch, Fergus 2014). A pixel is valid if the real map's
/// level is not the scale's invalid one, and not 0: a ratio to depth 0 is undefined.
#[derive(Clone, Debug)]
pub struct DepthErrors {
    scale: DepthScale,
    valid: u64,
    masked: u64,
    squares: f64,
    relative: f64,
    within: u64,
}

/// The values of [`DepthErrors`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DepthSummary {
    /// √ mean (d − d*)², in the unit of depths.
    pub rmse: f64,
    /// Mean |d − d*| / d*.
    pub abs_rel: f64,
    /// The share of pixels with max(d / d*, d* / d) < 1.25.
    pub delta1: f64,
    /// Number of compared pixels.
    pub valid: u64,
    /// Number of pixels without a real depth.
    pub masked: u64,
}

impl DepthErrors {
    /// No pixels yet.
    pub fn new(scale: DepthScale) -> Self {
        DepthErrors { scale, valid: 0, masked: 0, squares: 0.0, relative: 0.0, within: 0 }
    }

    /// Compares a network's output with the target, both in [−1, 1]. Pixels with mask 0 have no real depth.
    pub fn add_output(&mut self, output: &[f32], real: &[f32], mask: Option<&[f32]>) {
        for (pixel, (&output, &real)) in output.iter().zip(real).enumerate() {
            let measured = mask.is_none_or(|mask| mask[pixel] != 0.0);
            let real = measured.then(|| self.scale.of_output(real));
            self.compare(self.scale.of_output(output), real);
        }
    }

    /// Compares a generated depth map with the real one; they may have different numbers of bits.
    pub fn add(&mut self, generated: &Image, real: &Image) -> Result<()> {
        require_equal_sizes("depth", generated.size(), real.size())?;
        if generated.channels() != 1 || real.channels() != 1 {
            return Err(fault("depth", "a depth map must have one channel".into()));
        }
        let [max_generated, max_real] = [generated.max(), real.max()];
        for (generated, real) in generated.channel(0).zip(real.channel(0)) {
            let measured = !self.scale.is_invalid(real);
            let real = measured.then(|| self.scale.depth(real, max_real));
            self.compare(self.scale.depth(generated, max_generated), real);
        }
        Ok(())
    }

    fn compare(&mut self, generated: f64, real: Option<f64>) {
        let Some(real) = real.filter(|real| *real > 0.0) else {
            self.masked += 1;
            return;
        };
        self.valid += 1;
        self.squares += (generated - real).powi(2);
        self.relative += (generated - real).abs() / real;
        self.within += u64::from((generated / real).max(real / generated) < RATIO);
    }

    /// The errors; `None` if no pixel is valid.
    pub fn summary(&self) -> Option<DepthSummary> {
        let count = self.valid as f64;
        (self.valid > 0).then(|| DepthSummary {
            rmse: (self.squares / count).sqrt(),
            abs_rel: self.relative / count,
            delta1: self.within as f64 / count,
            valid: self.valid,
            masked: self.masked,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ValueScale;
    use crate::data::Plane;

    fn scale(per_unit: Option<f64>, max: f64, invalid: Option<u16>) -> DepthScale {
        DepthScale { per_unit, max, invalid }
    }

    #[test]
    fn pixels_without_a_depth_are_masked() {
        let gray = |data: Vec<u16>| Image::gray16(Plane { height: 1, width: data.len(), data });
        let mut errors = DepthErrors::new(scale(None, 65535.0, Some(65535)));
        errors.add(&gray(vec![90, 200, 7, 7, 0]), &gray(vec![100, 100, 65535, 0, 50])).unwrap();
        let found = errors.summary().unwrap();
        assert_eq!((found.valid, found.masked), (3, 2));
        assert!((found.rmse - ((100.0 + 10000.0 + 2500.0) / 3.0_f64).sqrt()).abs() < 1e-9);
        assert!((found.abs_rel - (0.1 + 1.0 + 1.0) / 3.0).abs() < 1e-12);
        assert!((found.delta1 - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(DepthErrors::new(scale(None, 1.0, None)).summary(), None);
    }

    #[test]
    fn bit_depths_may_differ() {
        let eight = Image::gray8(Plane { height: 1, width: 2, data: vec![51, 255] });
        let sixteen = Image::gray16(Plane { height: 1, width: 2, data: vec![13107, 65535] });
        let mut errors = DepthErrors::new(scale(None, 10.0, None));
        errors.add(&eight, &sixteen).unwrap();
        assert!(errors.summary().unwrap().rmse < 1e-12);
        let rgb = Plane { height: 1, width: 2, data: vec![[1; 3]; 2] }.into();
        assert!(errors.add(&rgb, &sixteen).is_err());
    }

    #[test]
    fn output_and_its_map_have_equal_errors() {
        // Centimeters up to 5 meters; 6 meters count as 5.
        let scale = scale(Some(100.0), 5.0, Some(9));
        let real = Image::gray16(Plane { height: 1, width: 5, data: vec![100, 250, 9, 0, 600] });
        let generated = [-0.6, 0.5, 0.3, -0.2, 0.2];
        let map = Image::gray16(Plane { height: 1, width: 5, data: generated.map(|y| scale.to_level(y)).to_vec() });
        let (mut of_maps, mut of_output) = (DepthErrors::new(scale), DepthErrors::new(scale));
        of_maps.add(&map, &real).unwrap();
        of_output.add_output(
            &generated,
            &real.values(&ValueScale { ranges: vec![[0.0, 500.0]], invalid: None }),
            Some(&[1.0, 1.0, 0.0, 1.0, 1.0]),
        );
        let (maps, output) = (of_maps.summary().unwrap(), of_output.summary().unwrap());
        assert_eq!([(maps.valid, maps.masked), (output.valid, output.masked)], [(3, 2); 2]);
        // Generated: 1, 3.75 and 3 meters; real: 1, 2.5 and 5.
        assert!((maps.rmse - ((1.25_f64.powi(2) + 4.0) / 3.0).sqrt()).abs() < 1e-9, "{maps:?}");
        for (of_map, of_output) in [(maps.rmse, output.rmse), (maps.abs_rel, output.abs_rel)] {
            assert!((of_map - of_output).abs() < 1e-6, "{maps:?} {output:?}");
        }
        assert_eq!((maps.delta1, output.delta1), (1.0 / 3.0, 1.0 / 3.0));
    }
}
