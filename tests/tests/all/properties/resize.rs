use asap_tensor::ops::Taps;
use asap_tensor::{Backend, Result, ops};
use asap_tests::bound::Output;
use asap_tests::property::{Property, assert_matches_reference, assert_thread_independent, summed};
use asap_tests::source::Source;
use proptest::prelude::*;

use super::{channels, side};

#[derive(Debug)]
struct Case {
    batch: usize,
    channels: usize,
    rows: Axis,
    columns: Axis,
    seed: u64,
}

/// How one axis is resampled.
#[derive(Clone, Debug)]
enum Axis {
    /// (outputs, factor)
    Tent(usize, usize),
    /// (inputs, outputs)
    Bilinear(usize, usize),
    /// (inputs, outputs)
    Mean(usize, usize),
    /// (inputs, outputs)
    Nearest(usize, usize),
    /// Inputs of the mean of 3 at stride 2.
    Pool(usize),
    /// Inputs of the mean of 3 at stride 1.
    PoolSame(usize),
}

impl Axis {
    fn taps(&self) -> Result<Taps> {
        match *self {
            Axis::Tent(outputs, factor) => Taps::tent(outputs * factor, factor),
            Axis::Bilinear(inputs, outputs) => Taps::bilinear(inputs, outputs),
            Axis::Mean(inputs, outputs) => Ok(Taps::mean(inputs, outputs)),
            Axis::Nearest(inputs, outputs) => Taps::nearest(inputs, outputs),
            Axis::Pool(inputs) => Ok(Taps::average_pool(inputs)),
            Axis::PoolSame(inputs) => Ok(Taps::average_pool_same(inputs)),
        }
    }
}

fn axis(side: BoxedStrategy<usize>) -> impl Strategy<Value = Axis> + Clone {
    let factor = prop::sample::select(vec![1usize, 2, 4, 8]);
    prop_oneof![
        3 => (1usize..=5, factor).prop_map(|(outputs, factor)| Axis::Tent(outputs, factor)),
        3 => (side.clone(), side.clone()).prop_map(|(inputs, outputs)| Axis::Bilinear(inputs, outputs)),
        1 => (side.clone(), side.clone()).prop_map(|(inputs, outputs)| Axis::Mean(inputs, outputs)),
        1 => (side.clone(), side.clone()).prop_map(|(inputs, outputs)| Axis::Nearest(inputs, outputs)),
        1 => side.clone().prop_map(Axis::Pool),
        1 => side.prop_map(Axis::PoolSame),
    ]
}

fn case(axis: impl Strategy<Value = Axis> + Clone) -> impl Strategy<Value = Case> {
    (1usize..=3, channels(), axis.clone(), axis, any::<u64>()).prop_map(|(batch, channels, rows, columns, seed)| Case {
        batch,
        channels,
        rows,
        columns,
        seed,
    })
}

impl Property for Case {
    fn seed(&self) -> u64 {
        self.seed
    }

    fn run<B: Backend>(&self, source: &Source<'_, B>) -> Result<Vec<Output>> {
        let (rows, columns) = (self.rows.taps()?, self.columns.taps()?);
        let [h, w] = [rows.inputs(), columns.inputs()];
        let x = source.normal("x", [self.batch, self.channels, h, w])?;
        let y = ops::resize(&x, &rows, &columns)?;
        let grad_x = ops::resize_grad(&source.normal("g", y.shape())?, &rows, &columns)?;
        let ids = source.ids("ids", [self.batch, h, w], self.channels)?;
        let y_ids = ops::resize_ids(&ids, self.channels, &rows, &columns)?;
        let picked = ops::pick_ids(&ids, &rows, &columns)?;
        let taps = rows.per_output() * columns.per_output();
        let taps_back = rows.transposed().per_output() * columns.transposed().per_output();
        Ok(vec![
            summed("resize", &y, taps)?,
            summed("resize_grad", &grad_x, taps_back)?,
            summed("resize_ids", &y_ids, taps)?,
            Output { name: "pick_ids", values: picked.to_vec()?.into_iter().map(f64::from).collect(), terms: 0 },
        ])
    }
}

#[test]
fn resize_matches_reference() {
    assert_matches_reference(case(axis(side().boxed())));
}

#[test]
fn resize_does_not_depend_on_threads() {
    assert_thread_independent(6, case((100usize..150, 100usize..150).prop_map(|(i, o)| Axis::Bilinear(i, o))));
}
