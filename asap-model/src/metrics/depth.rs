//! Errors of depth maps.

use super::require_equal_sizes;
use crate::data::Picture;
use crate::{Error, Result};

/// The ratio of depths, either way round, below which a pixel counts as right: δ < 1.25.
const RATIO: f64 = 1.25;

/// Errors of depth maps, over all valid pixels of all maps that were added (Eigen, Puhrsch, Fergus 2014). A pixel is
/// valid where the real map's level is not the invalid one, and not 0: without a depth there is no ratio to it.
#[derive(Clone, Debug)]
pub struct DepthErrors {
    invalid: Option<u16>,
    farthest: f64,
    valid: u64,
    masked: u64,
    squares: f64,
    relative: f64,
    within: u64,
}

/// What [`DepthErrors`] found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DepthSummary {
    /// √ mean (d − d*)², in the unit of depths.
    pub rmse: f64,
    /// Mean |d − d*| / d*.
    pub abs_rel: f64,
    /// The share of pixels with max(d / d*, d* / d) < 1.25.
    pub delta1: f64,
    /// Pixels that were compared.
    pub valid: u64,
    /// Pixels that were not, since the real map has no depth there.
    pub masked: u64,
}

impl DepthErrors {
    /// No pixels yet. `invalid` is the level of the real maps that means "not measured"; `farthest` is the depth that
    /// the largest level stands for, level 0 being depth 0.
    pub fn new(invalid: Option<u16>, farthest: f64) -> Self {
        DepthErrors { invalid, farthest, valid: 0, masked: 0, squares: 0.0, relative: 0.0, within: 0 }
    }

    /// Compares a drawn depth map with the real one; they may have different numbers of bits.
    ///
    /// # Errors
    /// If the sizes differ, or a picture is not gray.
    pub fn add(&mut self, drawn: &Picture, real: &Picture) -> Result<()> {
        require_equal_sizes("depth", drawn.size(), real.size())?;
        let ((drawn, most_drawn), (real, most_real)) = (levels(drawn)?, levels(real)?);
        for (drawn, real) in drawn.into_iter().zip(real) {
            if real == 0 || Some(real) == self.invalid {
                self.masked += 1;
                continue;
            }
            let drawn = f64::from(drawn) / most_drawn * self.farthest;
            let real = f64::from(real) / most_real * self.farthest;
            self.valid += 1;
            self.squares += (drawn - real).powi(2);
            self.relative += (drawn - real).abs() / real;
            self.within += u64::from((drawn / real).max(real / drawn) < RATIO);
        }
        Ok(())
    }

    /// The errors; `None` where no pixel is valid.
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

/// The levels of a gray picture, and the largest that there can be.
fn levels(picture: &Picture) -> Result<(Vec<u16>, f64)> {
    match picture {
        Picture::Gray8(plane) => Ok((plane.data.iter().map(|&level| level.into()).collect(), 255.0)),
        Picture::Gray16(plane) => Ok((plane.data.clone(), 65535.0)),
        Picture::Rgb(_) => {
            let why = "a depth map is gray, not RGB".into();
            Err(Error::Tensor(asap_tensor::Error::Argument { op: "depth", why }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Plane;

    #[test]
    fn pixels_without_a_real_depth_are_left_out_and_counted() {
        let gray = |data: Vec<u16>| Picture::Gray16(Plane { height: 1, width: data.len(), data });
        let mut errors = DepthErrors::new(Some(65535), 65535.0);
        errors.add(&gray(vec![90, 200, 7, 7, 0]), &gray(vec![100, 100, 65535, 0, 50])).unwrap();
        let found = errors.summary().unwrap();
        assert_eq!((found.valid, found.masked), (3, 2));
        assert!((found.rmse - ((100.0 + 10000.0 + 2500.0) / 3.0_f64).sqrt()).abs() < 1e-9);
        assert!((found.abs_rel - (0.1 + 1.0 + 1.0) / 3.0).abs() < 1e-12);
        assert!((found.delta1 - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(DepthErrors::new(None, 1.0).summary(), None);
    }

    #[test]
    fn maps_of_eight_and_sixteen_bits_are_compared_by_what_they_mean() {
        let eight = Picture::Gray8(Plane { height: 1, width: 2, data: vec![51, 255] });
        let sixteen = Picture::Gray16(Plane { height: 1, width: 2, data: vec![13107, 65535] });
        let mut errors = DepthErrors::new(None, 10.0);
        errors.add(&eight, &sixteen).unwrap();
        assert!(errors.summary().unwrap().rmse < 1e-12);
        let rgb = Picture::Rgb(Plane { height: 1, width: 2, data: vec![[1; 3]; 2] });
        assert!(errors.add(&rgb, &sixteen).is_err());
    }
}
