//! The properties can fail: one wrong element of one backend is found.

use asap_tensor::ops::{self, Conv2d};
use asap_tensor::{Backend, Result};
use asap_tests::bound::Output;
use asap_tests::property::{Property, check, summed};
use asap_tests::source::Source;

#[derive(Debug)]
struct Planted {
    /// The factor of one element of every backend but the oracle.
    factor: f64,
}

impl Property for Planted {
    fn seed(&self) -> u64 {
        7
    }

    fn run<B: Backend>(&self, source: &Source<'_, B>) -> Result<Vec<Output>> {
        let (x, weight) = (source.normal("x", [1, 3, 9, 9])?, source.normal("weight", [5, 3, 3, 3])?);
        let mut y = summed("conv2d", &ops::conv2d(&x, &weight, None, Conv2d::padded(1))?, 27)?;
        if source.backend.device() != "reference64" {
            let largest = (0..y.values.len()).max_by(|&i, &j| y.values[i].abs().total_cmp(&y.values[j].abs()));
            y.values[largest.unwrap()] *= self.factor;
        }
        Ok(vec![y])
    }
}

#[test]
fn one_wrong_element_is_found() {
    assert_eq!(check(&Planted { factor: 1.0 }), Ok(()));
    for factor in [1.0 + 1e-3, 1.0 - 1e-3, -1.0, 0.0, f64::NAN, f64::INFINITY] {
        assert!(check(&Planted { factor }).is_err(), "a factor of {factor} goes unnoticed");
    }
}
