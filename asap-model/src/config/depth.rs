//! What the levels of depth maps mean.

/// The scale of depth maps, on disk and in the network: level 0 and the network's −1 are depth 0, both rise with depth.
///
/// ```
/// use asap_model::config::DepthScale;
/// // Millimetres of at most ten metres, 0 where nothing was measured.
/// let scale = DepthScale { per_unit: Some(1000.0), max: 10.0, invalid: Some(0) };
/// assert_eq!((scale.depth(2500.0, 65535.0), scale.of_output(-0.5), scale.to_level(-0.5)), (2.5, 2.5, 2500));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DepthScale {
    /// Levels that make one unit of depth; `None` where the largest level that a map's format has stands for `max`.
    pub per_unit: Option<f64>,
    /// The depth that the network's 1 stands for. What lies farther counts as this far.
    pub max: f64,
    /// The level that means "not measured".
    pub invalid: Option<u16>,
}

impl DepthScale {
    /// The level of depth `max` in maps whose format's largest level is `most`; not rounded.
    pub fn full_level(&self, most: f64) -> f64 {
        self.per_unit.map_or(most, |per_unit| per_unit * self.max)
    }

    /// The depth of a level of such maps, at most `max`.
    pub fn depth(&self, level: f64, most: f64) -> f64 {
        (level / self.full_level(most)).min(1.0) * self.max
    }

    /// The depth of a network's output; what lies outside [−1, 1] counts as the nearer end.
    pub fn of_output(&self, y: f32) -> f64 {
        (f64::from(y).clamp(-1.0, 1.0) + 1.0) / 2.0 * self.max
    }

    /// The level of a network's output in a map of 16 bits, rounded. A drawn depth is a depth: where it would have the
    /// level that means "not measured", it gets the one beside that.
    pub fn to_level(&self, y: f32) -> u16 {
        let level = ((f64::from(y).clamp(-1.0, 1.0) + 1.0) / 2.0 * self.full_level(f64::from(u16::MAX))).round() as u16;
        match self.invalid {
            Some(invalid) if level == invalid => {
                if level == 0 {
                    1
                } else {
                    level - 1
                }
            }
            _ => level,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DataConfig, Output};

    fn scale(set: &[&str]) -> DepthScale {
        let mut config = crate::Config::default();
        config.set("data.output=depth").unwrap();
        set.iter().for_each(|assignment| config.set(&format!("data.{assignment}")).unwrap());
        config.validate().unwrap();
        config.data.depth().unwrap()
    }

    #[test]
    fn without_keys_the_whole_range_of_a_format_is_the_networks() {
        let plain = scale(&[]);
        assert_eq!(plain, DepthScale { per_unit: None, max: 1.0, invalid: None });
        assert_eq!([plain.depth(255.0, 255.0), plain.depth(65535.0, 65535.0)], [1.0, 1.0]);
        assert_eq!([-1.0, 0.0, 1.0, 7.0].map(|y| plain.to_level(y)), [0, 32768, 65535, 65535]);
        assert_eq!(DataConfig::default().depth(), None);
        assert!(!DataConfig { output: Output::Depth, ..DataConfig::default() }.is_masked());
    }

    #[test]
    fn levels_a_unit_mean_the_same_in_every_format() {
        let metres = scale(&["depth_scale=256", "depth_max=80"]);
        assert_eq!([metres.depth(512.0, 65535.0), metres.depth(128.0, 255.0)], [2.0, 0.5]);
        assert_eq!(metres.depth(65535.0, 65535.0), 80.0, "what lies farther counts as depth_max");
        assert_eq!([metres.to_level(1.0), metres.to_level(-1.0)], [80 * 256, 0]);
        assert_eq!(scale(&["depth_scale=1000"]).max, 65.535, "without depth_max the whole range");
        let whole = scale(&["depth_max=10"]);
        assert_eq!([whole.depth(255.0, 255.0), whole.depth(65535.0, 65535.0), whole.of_output(0.0)], [10.0, 10.0, 5.0]);
    }

    #[test]
    fn a_drawn_depth_never_has_the_level_of_what_was_not_measured() {
        for (invalid, y, expected) in [(0, -1.0, 1), (65535, 1.0, 65534), (32768, 0.0, 32767), (7, 0.0, 32768)] {
            let drawn = scale(&[&format!("depth_invalid={invalid}")]).to_level(y);
            assert_eq!(drawn, expected, "{invalid}");
        }
    }
}
