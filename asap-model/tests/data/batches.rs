use std::collections::HashSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use asap_model::config::{DataConfig, Layout, Resize};
use asap_model::data::{
    Augmentation, Batch, Channels, Dataset, Example, HostInput, Loader, LoaderOptions, Plane, Purpose, Source, Split,
    Synthetic, batches_per_epoch, epoch_order, instance_edges, resize_image, resize_nearest, synthetic,
};
use asap_model::{Error, Result};
use asap_tensor::Reference;

use crate::support::{facades, small};

/// Examples in which label, instance and photo all show where a pixel came from.
struct Ramps {
    count: usize,
    reads: AtomicUsize,
}

impl Ramps {
    fn new(count: usize) -> Arc<Ramps> {
        Arc::new(Ramps { count, reads: AtomicUsize::new(0) })
    }
}

const HEIGHT: usize = 20;
const WIDTH: usize = 24;

impl Source for Ramps {
    fn len(&self) -> usize {
        self.count
    }

    fn get(&self, index: usize) -> Result<Example> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let input = HostInput {
            name: index.to_string(),
            channels: Channels::Labels(Plane::from_fn(HEIGHT, WIDTH, |x, _| x as u8)),
            instances: Some(Plane::from_fn(HEIGHT, WIDTH, |x, _| u32::from(x >= 12))),
        };
        let target = Plane::from_fn(HEIGHT, WIDTH, |x, y| [x as u8, y as u8, index as u8]).into();
        Ok(Example { input, target })
    }
}

fn labels(example: &Example) -> &[u8] {
    let Channels::Labels(map) = &example.input.channels else { panic!("labels stay labels") };
    &map.data
}

fn image(example: &Example) -> Vec<[u8; 3]> {
    let Some(image) = example.target.as_rgb() else { panic!("images stay RGB") };
    image.data
}

fn edges(example: &Example) -> Vec<f32> {
    instance_edges(example.input.instances.as_ref().unwrap())
}

fn names(batch: &Batch) -> Vec<String> {
    batch.examples.iter().map(|example| example.input.name.clone()).collect()
}

fn cropped() -> DataConfig {
    let mut data = small(Layout::Pairs);
    data.classes = 24;
    data.resize = Resize::Crop;
    data.size = [16, 16];
    data
}

fn training(batch: usize, workers: usize) -> LoaderOptions {
    LoaderOptions { purpose: Purpose::Training, batch, seed: 5, epochs: 1..4, first_batch: 0, workers }
}

fn all(source: Arc<dyn Source>, data: &DataConfig, options: LoaderOptions) -> Vec<Batch> {
    Loader::start(source, data, options).unwrap().collect::<Result<_>>().unwrap()
}

#[test]
fn batches_do_not_depend_on_workers() {
    let alone = all(Ramps::new(7), &cropped(), training(2, 0));
    assert_eq!(alone.len(), 9);
    for workers in [1, 2, 3, 16] {
        assert_eq!(all(Ramps::new(7), &cropped(), training(2, workers)), alone, "{workers} workers");
    }
}

#[test]
fn loader_resumes_mid_epoch() {
    let whole = all(Ramps::new(7), &cropped(), training(2, 2));
    for stopped in 0..whole.len() {
        let (epoch, first_batch) = (1 + stopped as u64 / 3, stopped % 3);
        let options = LoaderOptions { epochs: epoch..4, first_batch, ..training(2, 2) };
        assert_eq!(all(Ramps::new(7), &cropped(), options), whole[stopped..], "stopped after {stopped} batches");
    }
}

#[test]
fn epoch_order_is_a_permutation_per_epoch() {
    let batches = all(Ramps::new(12), &cropped(), training(3, 2));
    let mut orders = HashSet::new();
    for epoch in 1..4 {
        let names = batches.iter().filter(|b| b.epoch == epoch).flat_map(names).collect::<Vec<_>>();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), 12);
        orders.insert(names);
    }
    assert_eq!(orders.len(), 3);
    assert_eq!(epoch_order(5, 2, 12), epoch_order(5, 2, 12));
    assert_ne!(epoch_order(5, 2, 12), epoch_order(6, 2, 12));
    let places = batches.iter().map(|b| (b.epoch, b.index)).collect::<Vec<_>>();
    assert_eq!(places, (1..4).flat_map(|e| (0..4).map(move |i| (e, i))).collect::<Vec<_>>());
}

#[test]
fn epoch_order_is_uniform() {
    let mut counts = std::collections::HashMap::new();
    for epoch in 0..6000 {
        *counts.entry(epoch_order(1, epoch, 3)).or_insert(0) += 1;
    }
    assert_eq!(counts.len(), 6);
    // 1000 each, ± six standard deviations.
    assert!(counts.values().all(|count| (827..=1173).contains(count)), "{counts:?}");
}

#[test]
fn training_drops_incomplete_batch_validation_keeps_it() {
    assert_eq!(batches_per_epoch(7, 3, Purpose::Training), 2);
    assert_eq!(batches_per_epoch(7, 3, Purpose::Validation), 3);
    let trained = all(Ramps::new(7), &cropped(), LoaderOptions { epochs: 1..2, ..training(3, 2) });
    assert_eq!(trained.iter().map(|batch| batch.examples.len()).collect::<Vec<_>>(), [3, 3]);
    let options = LoaderOptions { purpose: Purpose::Validation, epochs: 0..1, ..training(3, 2) };
    let measured = all(Ramps::new(7), &cropped(), options);
    assert_eq!(measured.iter().map(|batch| batch.examples.len()).collect::<Vec<_>>(), [3, 3, 1]);
    let names = measured.iter().flat_map(names).collect::<Vec<_>>();
    assert_eq!(names, (0..7).map(|i| i.to_string()).collect::<Vec<_>>());
}

#[test]
fn all_maps_share_crop_and_flip() {
    let data = cropped();
    let raw = Ramps::new(1).get(0).unwrap();
    let mut flips = 0;
    let mut corners = HashSet::new();
    for epoch in 0..400 {
        let example = raw.prepare(&data, Some(Augmentation { seed: 3, epoch, index: 0 })).unwrap();
        let (labels, image, edges) = (labels(&example), image(&example), edges(&example));
        for i in 0..16 * 16 {
            let [column, ..] = image[i];
            assert_eq!(labels[i], column);
            assert_eq!(edges[i] == 1.0, column == 11 || column == 12);
        }
        flips += u32::from(labels[0] > labels[1]);
        corners.insert((labels[0].min(labels[15]), image[0][1]));
    }
    assert_eq!(corners.len(), 9 * 5, "every crop occurs");
    // 200 ± six standard deviations.
    assert!((140..=260).contains(&flips), "{flips} of 400 are mirrored");
}

#[test]
fn disabling_flip_keeps_crops() {
    let mut data = cropped();
    let raw = Ramps::new(1).get(0).unwrap();
    for epoch in 0..50 {
        let augmentation = Some(Augmentation { seed: 3, epoch, index: 0 });
        data.flip = true;
        let flipped = raw.prepare(&data, augmentation).unwrap();
        data.flip = false;
        let example = raw.prepare(&data, augmentation).unwrap();
        let (a, b) = (labels(&flipped), labels(&example));
        assert!(b[0] < b[1]);
        assert_eq!(a[0].min(a[15]), b[0]);
    }
}

#[test]
fn validation_only_resizes() {
    let mut data = cropped();
    (data.resize, data.load_size) = (Resize::ResizeAndCrop, Some([18, 18]));
    let raw = Ramps::new(1).get(0).unwrap();
    let example = raw.prepare(&data, None).unwrap();
    let (Channels::Labels(map), Some(photo)) = (&raw.input.channels, raw.target.as_rgb()) else { panic!("as above") };
    assert_eq!(example.input.channels, Channels::Labels(resize_nearest(map, 16, 16)));
    assert_eq!(example.target, resize_image(&photo, 16, 16).into());
    // Edges are found after resizing: as wide as at any other size.
    assert_eq!(edges(&example)[..16].iter().sum::<f32>(), 2.0);
    data.resize = Resize::Crop;
    let middle = raw.prepare(&data, None).unwrap();
    assert_eq!(labels(&middle)[..16], (4..20).collect::<Vec<u8>>()[..]);
}

#[test]
fn training_crops_from_the_load_size() {
    let mut data = cropped();
    (data.resize, data.load_size, data.flip) = (Resize::ResizeAndCrop, Some([40, 48]), false);
    let raw = Ramps::new(1).get(0).unwrap();
    let example = raw.prepare(&data, Some(Augmentation { seed: 3, epoch: 1, index: 0 })).unwrap();
    let labels = labels(&example);
    // At twice the size each column appears twice, and 16 columns show at most 9 of the 24.
    assert!((7..=8).contains(&(labels[15] - labels[0])), "{:?}", &labels[..16]);
}

#[test]
fn load_jitter_scales_both_sides() {
    let mut data = cropped();
    (data.resize, data.load_size, data.flip) = (Resize::ResizeAndCrop, Some([40, 48]), false);
    data.load_jitter = 1.5;
    let raw = Ramps::new(1).get(0).unwrap();
    let described =
        |data: &DataConfig, epoch| Augmentation { seed: 3, epoch, index: 0 }.describe("0", [20, 24], data).unwrap();
    let mut widths = HashSet::new();
    for epoch in 0..400 {
        let text = described(&data, epoch);
        let (width, rest) = text.strip_prefix("resized to ").unwrap().split_once('×').unwrap();
        let [width, height] = [width, rest.split(',').next().unwrap()].map(|side| side.parse::<f64>().unwrap());
        assert!((width / 48.0 - height / 40.0).abs() < 0.025, "{text}");
        let example = raw.prepare(&data, Some(Augmentation { seed: 3, epoch, index: 0 })).unwrap();
        let labels = labels(&example);
        let shown = f64::from(labels[15] - labels[0]);
        assert!((shown - 15.0 * 24.0 / width).abs() <= 1.0, "{text}: {:?}", &labels[..16]);
        widths.insert(width as usize);
    }
    // 400 samples of 41 widths.
    assert_eq!((widths.iter().min(), widths.iter().max()), (Some(&32), Some(&72)));
    assert!(widths.len() > 35, "{}", widths.len());
    // Never smaller than the crop.
    (data.load_size, data.load_jitter) = (Some([16, 17]), 8.0);
    assert!((0..50).any(|epoch| described(&data, epoch) == "resized to 16×16"));
}

#[test]
fn image_smaller_than_crop_is_rejected() {
    let mut data = cropped();
    let raw = Ramps::new(1).get(0).unwrap();
    data.size = [32, 16];
    let error = raw.prepare(&data, None).unwrap_err().to_string();
    assert!(error.contains("24×20") && error.contains("16×32") && error.contains("data.resize"), "{error}");
    (data.resize, data.size) = (Resize::None, [16, 24]);
    let error = raw.prepare(&data, None).unwrap_err().to_string();
    assert!(error.contains("24×20") && error.contains("not the 24×16"), "{error}");
}

#[test]
fn unreadable_image_fails_its_batch_only() {
    let dir = tempfile::tempdir().unwrap();
    facades(dir.path(), 6);
    let set = Dataset::discover(dir.path(), &small(Layout::Facades), Split::Val).unwrap();
    fs::write(dir.path().join("val_img/f03.png"), b"broken").unwrap();
    for workers in [0, 1, 3] {
        let options = LoaderOptions { purpose: Purpose::Validation, epochs: 0..1, ..training(2, workers) };
        let batches = Loader::start(Arc::new(set.clone()), &small(Layout::Facades), options).unwrap();
        let good = batches.map(|batch| batch.map_err(|e| assert!(e.to_string().contains("f03.png"))).is_ok());
        assert_eq!(good.collect::<Vec<_>>(), [true, false, true], "{workers} workers");
    }
}

#[test]
fn dropped_loader_stops_and_prefetch_is_bounded() {
    let source = Ramps::new(1000);
    let mut loader = Loader::start(source.clone(), &cropped(), training(1, 2)).unwrap();
    loader.next().unwrap().unwrap();
    drop(loader);
    let reads = source.reads.load(Ordering::SeqCst);
    assert!(reads <= 10, "{reads} examples were read for one batch");
    assert_eq!(Arc::strong_count(&source), 1, "no thread holds the source any more");
}

#[test]
fn too_few_pairs_for_a_batch_are_rejected() {
    for (count, batch) in [(2, 3), (0, 1), (4, 0)] {
        let refused = Loader::start(Ramps::new(count), &cropped(), training(batch, 1)).err();
        assert!(matches!(refused, Some(Error::Config { .. })), "{count} examples, batches of {batch}");
    }
}

#[test]
fn batches_stack_on_the_first_axis() {
    let data = cropped();
    let options = LoaderOptions { purpose: Purpose::Validation, epochs: 0..1, ..training(2, 0) };
    let batch = &all(Ramps::new(2), &data, options)[0];
    let one = |index| Ramps::new(2).get(index).unwrap().prepare(&data, None).unwrap();
    let (first, second) = (one(0), one(1));
    let backend = Reference::<f32>::new();
    let image = batch.target(&backend, &data).unwrap().image;
    assert_eq!(image.value().dims(), [2, 3, 16, 16]);
    assert_eq!(
        image.value().to_f32().unwrap(),
        [&first, &second].map(|example| example.target.values(&data.output_scale())).concat()
    );
    let data = DataConfig { instances: true, ..data };
    let input = batch.input(&backend, &data).unwrap();
    assert_eq!(input.sizes(), [2, 16, 16]);
    let given = input.image_channels().unwrap().value().to_f32().unwrap();
    assert_eq!(given, [edges(&first), edges(&second)].concat());
    assert_eq!(batch.examples, [first, second]);
}

#[test]
fn synthetic_facades_make_batches() {
    let mut data = small(Layout::Synthetic);
    (data.classes, data.size, data.resize) = (13, [32, 32], Resize::None);
    let source = Synthetic { kind: synthetic::Kind::Facades, seed: 1, first: 10, count: 3, size: [32, 32] };
    let batches = all(Arc::new(source), &data, LoaderOptions { epochs: 1..2, ..training(3, 2) });
    assert_eq!((batches.len(), batches[0].examples.len()), (1, 3));
    assert!(batches[0].examples.iter().flat_map(labels).all(|&id| id < 13));
}
