//! What the levels of depth maps mean.

/// The scale of depth maps, on disk and in the network: level 0 and an output of −1 are depth 0, and both grow with depth.
///
/// ```
/// use asap_model::config::DepthScale;
/// // Millimeters up to ten meters, 0 where nothing was measured.
/// let scale = DepthScale { per_unit: Some(1000.0), max: 10.0, invalid: Some(0) };
/// assert_eq!((scale.depth(2500.0, 65535.0), scale.of_output(-0.5), scale.to_level(-0.5)), (2.5, 2.5, 2500));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DepthScale {
    /// Levels per unit of depth; `None` if the format's largest level stands for `max`.
    pub per_unit: Option<f64>,
    /// The depth that an output of 1 stands for; larger depths are clipped.
    pub max: f64,
    /// The level that means "not measured".
    pub invalid: Option<u16>,
}

impl Default for DepthScale {
    fn default() -> Self {
        DepthScale { per_unit: None, max: 1.0, invalid: None }
    }
}

impl DepthScale {
    /// The level of depth `max` in maps whose format's largest level is `largest`; not rounded.
    pub fn full_level(&self, largest: f64) -> f64 {
        self.per_unit.map_or(largest, |per_unit| per_unit * self.max)
    }

    /// Whether a level means "not measured".
    pub fn is_invalid(&self, level: f64) -> bool {
        self.invalid.is_some_and(|invalid| level == f64::from(invalid) || !level.is_finite())
    }

    /// The depth of a level of such maps, at most `max`.
    pub fn depth(&self, level: f64, largest: f64) -> f64 {
        (level / self.full_level(largest)).min(1.0) * self.max
    }

    /// The depth of a network's output, clamped to [−1, 1].
    pub fn of_output(&self, y: f32) -> f64 {
        (f64::from(y).clamp(-1.0, 1.0) + 1.0) / 2.0 * self.max
    }

    /// The level of a network's output in a 16-bit map, rounded. Never the level that means "not measured": a neighbor
    /// takes its place.
    pub fn to_level(&self, y: f32) -> u16 {
        let level = ((f64::from(y).clamp(-1.0, 1.0) + 1.0) / 2.0 * self.full_level(f64::from(u16::MAX))).round() as u16;
        match self.invalid {
            Some(0) if level == 0 => 1,
            Some(invalid) if level == invalid => level - 1,
            _ => level,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::data::{DataConfig, OutputKind};

    fn scale(set: &[&str]) -> DepthScale {
        let mut config = crate::Config::default();
        config.set("data.output=depth").unwrap();
        set.iter().for_each(|assignment| config.set(&format!("data.{assignment}")).unwrap());
        config.validate().unwrap();
        config.data.depth().unwrap()
    }

    #[test]
    fn default_scale_is_the_format_range() {
        let plain = scale(&[]);
        assert_eq!(plain, DepthScale { per_unit: None, max: 1.0, invalid: None });
        assert_eq!([plain.depth(255.0, 255.0), plain.depth(65535.0, 65535.0)], [1.0, 1.0]);
        assert_eq!([-1.0, 0.0, 1.0, 7.0].map(|y| plain.to_level(y)), [0, 32768, 65535, 65535]);
        assert_eq!(DataConfig::default().depth(), None);
        assert!(!DataConfig { output: OutputKind::Depth, ..DataConfig::default() }.is_masked());
    }

    #[test]
    fn levels_per_unit_apply_to_every_format() {
        let meters = scale(&["depth_scale=256", "depth_max=80"]);
        assert_eq!([meters.depth(512.0, 65535.0), meters.depth(128.0, 255.0)], [2.0, 0.5]);
        assert_eq!(meters.depth(65535.0, 65535.0), 80.0, "larger depths are clipped");
        assert_eq!([meters.to_level(1.0), meters.to_level(-1.0)], [80 * 256, 0]);
        assert_eq!(scale(&["depth_scale=1000"]).max, 65.535, "without depth_max the whole range");
        let whole = scale(&["depth_max=10"]);
        assert_eq!([whole.depth(255.0, 255.0), whole.depth(65535.0, 65535.0), whole.of_output(0.0)], [10.0, 10.0, 5.0]);
    }

    #[test]
    fn output_never_has_the_invalid_level() {
        for (invalid, y, expected) in [(0, -1.0, 1), (65535, 1.0, 65534), (32768, 0.0, 32767), (7, 0.0, 32768)] {
            let level = scale(&[&format!("depth_invalid={invalid}")]).to_level(y);
            assert_eq!(level, expected, "{invalid}");
        }
    }
}
