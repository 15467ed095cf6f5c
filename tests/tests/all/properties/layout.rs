use asap_tensor::ops::{Pad, PadMode};
use asap_tensor::{Backend, Result, ops};
use asap_tests::bound::Output;
use asap_tests::property::{Property, assert_matches_reference, assert_thread_independent, copied, summed};
use asap_tests::source::Source;
use proptest::prelude::*;

use super::{channels, side};

/// Axes in another order.
#[derive(Debug)]
struct Permute {
    sizes: Vec<usize>,
    axes: Vec<usize>,
    seed: u64,
}

impl Property for Permute {
    fn seed(&self) -> u64 {
        self.seed
    }

    fn run<B: Backend>(&self, source: &Source<'_, B>) -> Result<Vec<Output>> {
        let x = source.normal("x", &self.sizes[..])?;
        Ok(vec![copied("permute", &ops::permute(&x, &self.axes)?)?])
    }
}

fn permute(ranks: impl Strategy<Value = usize>, size: usize) -> impl Strategy<Value = Permute> {
    ranks
        .prop_flat_map(move |rank| {
            let axes = Just((0..rank).collect::<Vec<usize>>()).prop_shuffle();
            (prop::collection::vec(1..=size, rank), axes, any::<u64>())
        })
        .prop_map(|(sizes, axes, seed)| Permute { sizes, axes, seed })
}

#[test]
fn permute_matches_reference() {
    assert_matches_reference(permute(1usize..=6, 5));
}

#[test]
fn permute_does_not_depend_on_threads() {
    assert_thread_independent(8, permute(Just(4), 24));
}

/// Pieces joined along an axis, and a range of it taken and put back.
#[derive(Debug)]
struct Pieces {
    sizes: Vec<usize>,
    axis: usize,
    lengths: Vec<usize>,
    seed: u64,
}

impl Property for Pieces {
    fn seed(&self) -> u64 {
        self.seed
    }

    fn run<B: Backend>(&self, source: &Source<'_, B>) -> Result<Vec<Output>> {
        let mut pieces = Vec::new();
        for (i, &length) in self.lengths.iter().enumerate() {
            let mut sizes = self.sizes.clone();
            sizes[self.axis] = length;
            pieces.push(source.normal(&format!("piece {i}"), &sizes[..])?);
        }
        let all = ops::cat(&pieces.iter().collect::<Vec<_>>(), self.axis)?;
        let (start, length) = (self.lengths[0], self.lengths[1]);
        let second = ops::narrow(&all, self.axis, start, length)?;
        let alone = ops::place(&second, self.axis, start, all.dims()[self.axis])?;
        Ok(vec![copied("cat", &all)?, copied("narrow", &second)?, copied("place", &alone)?])
    }
}

fn pieces(size: usize) -> impl Strategy<Value = Pieces> {
    (1usize..=4)
        .prop_flat_map(move |rank| {
            let lengths = prop::collection::vec(1..=size, 2..=4);
            (prop::collection::vec(1..=size, rank), 0..rank, lengths, any::<u64>())
        })
        .prop_map(|(sizes, axis, lengths, seed)| Pieces { sizes, axis, lengths, seed })
}

#[test]
fn cat_narrow_place_match_reference() {
    assert_matches_reference(pieces(7));
}

#[test]
fn cat_narrow_place_do_not_depend_on_threads() {
    assert_thread_independent(8, pieces(24));
}

/// Rows and columns around images and label maps, and one-hot label maps.
#[derive(Debug)]
struct Frame {
    batch: usize,
    channels: usize,
    size: [usize; 2],
    pad: Pad,
    mode: PadMode,
    seed: u64,
}

impl Property for Frame {
    fn seed(&self) -> u64 {
        self.seed
    }

    fn run<B: Backend>(&self, source: &Source<'_, B>) -> Result<Vec<Output>> {
        let &Frame { batch, channels, size: [h, w], pad, mode, .. } = self;
        let x = source.normal("x", [batch, channels, h, w])?;
        let y = ops::pad2d(&x, pad, mode)?;
        let grad_x = ops::pad2d_grad(&source.normal("g", y.shape())?, pad, mode)?;
        let ids = source.ids("ids", [batch, h, w], channels)?;
        // A pixel is reflected across either edge of either axis.
        let mut outputs = vec![
            copied("pad2d", &y)?,
            summed("pad2d_grad", &grad_x, 9)?,
            copied("one_hot", &ops::one_hot(&ids, channels)?)?,
        ];
        if mode == PadMode::Reflect {
            let padded = ops::pad_ids(&ids, pad)?;
            let values = padded.to_vec()?.into_iter().map(f64::from).collect();
            outputs.push(Output { name: "pad_ids", values, terms: 0 });
        }
        Ok(outputs)
    }
}

fn frame(side: impl Strategy<Value = usize> + Clone + 'static) -> impl Strategy<Value = Frame> {
    (1usize..=3, channels(), side.clone(), side, any::<bool>())
        .prop_flat_map(|(batch, channels, h, w, reflect)| {
            // A reflection is shorter than the image; zeros may be more.
            let most = |size: usize| if reflect { (size - 1).min(4) } else { 4 };
            let sides = (0..=most(h), 0..=most(h), 0..=most(w), 0..=most(w));
            (Just((batch, channels, [h, w], reflect)), sides, any::<u64>())
        })
        .prop_map(|((batch, channels, size, reflect), (top, bottom, left, right), seed)| {
            let mode = if reflect { PadMode::Reflect } else { PadMode::Zero };
            Frame { batch, channels, size, pad: Pad { top, bottom, left, right }, mode, seed }
        })
}

#[test]
fn pad_and_one_hot_match_reference() {
    assert_matches_reference(frame(side().boxed()));
}

#[test]
fn pad_and_one_hot_do_not_depend_on_threads() {
    assert_thread_independent(8, frame(120usize..140));
}
