//! A quantity by step, in bounded memory.

/// Maximum number of buckets.
const MAXIMUM: usize = 1000;
/// Curves with fewer buckets are not smoothed.
const SMOOTHED_FROM: usize = 20;
/// The standard deviation of the smoothing, in buckets of the whole curve.
const SMOOTHING: f64 = 0.02;

/// A quantity by step. Neighboring steps share a bucket, as many as it takes to keep at most [`MAXIMUM`] buckets; which
/// depends only on their count.
#[derive(Clone, Debug)]
pub struct Curve {
    stride: u64,
    /// In order of their steps.
    pub buckets: Vec<Bucket>,
}

/// `stride` neighboring steps.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    first: u64,
    last: u64,
    count: u64,
    sum: f64,
    pub low: f64,
    pub high: f64,
    /// The value of the last step.
    pub latest: f64,
}

impl Default for Curve {
    fn default() -> Self {
        Curve { stride: 1, buckets: Vec::new() }
    }
}

impl FromIterator<(u64, f64)> for Curve {
    fn from_iter<I: IntoIterator<Item = (u64, f64)>>(points: I) -> Self {
        let mut curve = Curve::default();
        points.into_iter().for_each(|(step, value)| curve.push(step, value));
        curve
    }
}

impl Bucket {
    /// The middle of its steps.
    pub fn step(&self) -> f64 {
        (self.first + self.last) as f64 / 2.0
    }

    pub fn mean(&self) -> f64 {
        self.sum / self.count as f64
    }

    fn absorb(&mut self, later: &Bucket) {
        self.last = later.last;
        self.count += later.count;
        self.sum += later.sum;
        self.low = self.low.min(later.low);
        self.high = self.high.max(later.high);
        self.latest = later.latest;
    }
}

impl Curve {
    /// Adds the value of a step, counted from 1 and later than all before. Ignores values that are not finite.
    pub fn push(&mut self, step: u64, value: f64) {
        if !value.is_finite() {
            return;
        }
        let bucket = Bucket { first: step, last: step, count: 1, sum: value, low: value, high: value, latest: value };
        self.add(bucket);
        if self.buckets.len() > MAXIMUM {
            self.stride *= 2;
            let buckets = std::mem::take(&mut self.buckets);
            buckets.into_iter().for_each(|bucket| self.add(bucket));
        }
    }

    fn add(&mut self, bucket: Bucket) {
        let place = |bucket: &Bucket| bucket.first.saturating_sub(1) / self.stride;
        match self.buckets.last_mut() {
            Some(last) if place(last) == place(&bucket) => last.absorb(&bucket),
            _ => self.buckets.push(bucket),
        }
    }

    /// The last step and its value.
    pub fn latest(&self) -> Option<(u64, f64)> {
        self.buckets.last().map(|bucket| (bucket.last, bucket.latest))
    }

    /// The means of all buckets, smoothed by a Gaussian; `None` for a short curve.
    pub fn smooth(&self) -> Option<Vec<f64>> {
        let count = self.buckets.len();
        if count < SMOOTHED_FROM {
            return None;
        }
        let deviation = (SMOOTHING * count as f64).max(1.0);
        let reach = (3.0 * deviation) as usize;
        let weights: Vec<f64> = (0..=reach).map(|i| (-0.5 * (i as f64 / deviation).powi(2)).exp()).collect();
        let at = |place: usize| {
            let near = place.saturating_sub(reach)..=(place + reach).min(count - 1);
            let (sum, weight) = near.fold((0.0, 0.0), |(sum, weight), other| {
                let w = weights[place.abs_diff(other)] * self.buckets[other].count as f64;
                (sum + w * self.buckets[other].mean(), weight + w)
            });
            sum / weight
        };
        Some((0..count).map(at).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_curves_keep_extremes_and_means() {
        let mut curve: Curve = (1..=1000).map(|step| (step, step as f64)).collect();
        assert_eq!(curve.buckets.len(), 1000);
        for step in 1001..=100_000 {
            curve.push(step, if step == 77_777 { 1e6 } else { step as f64 });
        }
        assert!((MAXIMUM / 2..=MAXIMUM).contains(&curve.buckets.len()));
        assert_eq!(curve.buckets.iter().map(|bucket| bucket.count).sum::<u64>(), 100_000);
        assert_eq!(curve.buckets[0].low, 1.0);
        assert!(curve.buckets.iter().any(|bucket| bucket.high == 1e6));
        let plain = curve.buckets[200];
        assert_eq!((plain.mean(), plain.step()), (plain.step(), (plain.low + plain.high) / 2.0));
        assert_eq!(curve.latest(), Some((100_000, 100_000.0)));
    }

    #[test]
    fn buckets_depend_on_steps_alone() {
        let mut every: Curve = (1..=5000).map(|step| (step, 1.0)).collect();
        let fifth: Curve = (5..=5000).step_by(5).map(|step| (step, 1.0)).collect();
        assert_eq!((every.stride, every.buckets.len()), (8, 625));
        assert_eq!(fifth.buckets.len(), 1000);
        every.push(5001, f64::NAN);
        assert_eq!(every.latest(), Some((5000, 1.0)));
    }

    #[test]
    fn smoothing_averages_noise() {
        let mut curve: Curve = (1..=19).map(|step| (step, 1.0)).collect();
        assert!(curve.smooth().is_none());
        (20..=100).for_each(|step| curve.push(step, 1.0));
        (101..=400).for_each(|step| curve.push(step, 1.0 + (step % 2) as f64));
        let smooth = curve.smooth().unwrap();
        assert_eq!(smooth.len(), 400);
        assert!((smooth[0] - 1.0).abs() < 1e-3);
        assert!(smooth[130..].iter().all(|value| (value - 1.5).abs() < 0.05));
    }
}
