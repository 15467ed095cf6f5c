//! Agreement of label maps: pixel accuracy, intersection over union, Dice.

use super::fault;
use crate::Result;

/// How often each class was predicted for the pixels of each class, over several label maps. Pixels whose label is no class
/// don't count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    /// (labels, predictions).
    counts: Vec<u64>,
}

impl Confusion {
    /// No pixels yet.
    pub fn new(classes: usize) -> Self {
        Confusion { classes, counts: vec![0; classes * classes] }
    }

    /// Adds a map's pixels.
    ///
    /// # Errors
    /// If the maps differ in size, or a prediction is no class.
    pub fn add(&mut self, labels: &[u8], predicted: &[u8]) -> Result<()> {
        if labels.len() != predicted.len() {
            let why = format!("maps of {} and {} pixels can't be compared", labels.len(), predicted.len());
            return Err(fault("Confusion", why));
        }
        for (&label, &class) in labels.iter().zip(predicted) {
            let [label, class] = [label, class].map(usize::from);
            if class >= self.classes {
                return Err(fault("Confusion", format!("class {class} was predicted, of {} classes", self.classes)));
            }
            if label < self.classes {
                self.counts[label * self.classes + class] += 1;
            }
        }
        Ok(())
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Pixels that were compared.
    pub fn pixels(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The share of pixels whose class was predicted; `None` without pixels.
    pub fn pixel_accuracy(&self) -> Option<f64> {
        let right: u64 = (0..self.classes).map(|class| self.at(class, class)).sum();
        share(right, self.pixels())
    }

    /// The intersection over the union of a class's labels and predictions; `None` if it has neither.
    pub fn iou(&self, class: usize) -> Option<f64> {
        let [both, labels, predicted] = self.areas(class);
        share(both, labels + predicted - both)
    }

    /// The mean [IoU](Self::iou) of the classes that have one.
    pub fn mean_iou(&self) -> Option<f64> {
        let ious: Vec<f64> = (0..self.classes).filter_map(|class| self.iou(class)).collect();
        (!ious.is_empty()).then(|| ious.iter().sum::<f64>() / ious.len() as f64)
    }

    /// Dice of class 1 of two classes, 2·|labels ∩ predictions| / (|labels| + |predictions|); `None` if there are other classes,
    /// or no pixels of class 1.
    pub fn dice(&self) -> Option<f64> {
        if self.classes != 2 {
            return None;
        }
        let [both, labels, predicted] = self.areas(1);
        share(2 * both, labels + predicted)
    }

    fn at(&self, label: usize, class: usize) -> u64 {
        self.counts[label * self.classes + class]
    }

    /// Pixels of a class in both, in labels and in predictions.
    fn areas(&self, class: usize) -> [u64; 3] {
        let all = || 0..self.classes;
        let labels = all().map(|other| self.at(class, other)).sum();
        [self.at(class, class), labels, all().map(|other| self.at(other, class)).sum()]
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iou_matches_hand_computed_matrix() {
        let mut confusion = Confusion::new(4);
        // Class 2 is never there; 4 and 255 are no classes.
        confusion.add(&[0, 0, 0, 1, 1, 4, 255], &[0, 0, 1, 1, 3, 0, 1]).unwrap();
        confusion.add(&[3, 0], &[3, 0]).unwrap();
        assert_eq!(confusion.pixels(), 7);
        assert_eq!(confusion.pixel_accuracy(), Some(5.0 / 7.0));
        let ious: Vec<_> = (0..4).map(|class| confusion.iou(class)).collect();
        assert_eq!(ious, [Some(3.0 / 4.0), Some(1.0 / 3.0), None, Some(1.0 / 2.0)]);
        let mean = (3.0 / 4.0 + 1.0 / 3.0 + 1.0 / 2.0) / 3.0;
        assert!((confusion.mean_iou().unwrap() - mean).abs() < 1e-12);
        assert_eq!(confusion.dice(), None, "only of two classes");
    }

    #[test]
    fn dice_is_of_class_one() {
        let mut confusion = Confusion::new(2);
        assert_eq!((confusion.dice(), confusion.mean_iou(), confusion.pixel_accuracy()), (None, None, None));
        confusion.add(&[0, 0, 0, 0, 1, 1, 1, 2], &[0, 0, 0, 1, 1, 1, 0, 1]).unwrap();
        // 2 in both, 3 labels, 3 predictions.
        assert_eq!(confusion.dice(), Some(4.0 / 6.0));
        assert_eq!(confusion.mean_iou(), Some((3.0 / 5.0 + 2.0 / 4.0) / 2.0));
    }

    #[test]
    fn unlike_maps_are_refused() {
        let mut confusion = Confusion::new(2);
        assert!(confusion.add(&[0, 1], &[0]).is_err());
        assert!(confusion.add(&[0], &[2]).is_err());
    }
}
