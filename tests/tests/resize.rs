//! Resizing against Pillow's own numbers: what the published networks were trained on.

use asap_model::data::{Plane, resize_image, resize_labels};
use safetensors::SafeTensors;

const PILLOW: &[u8] = include_bytes!("../fixtures/pillow_resize.safetensors");
const SIZES: [(usize, usize); 4] = [(286, 286), (64, 48), (256, 128), (100, 131)];

fn rgb(tensors: &SafeTensors, name: &str) -> Plane<[u8; 3]> {
    let view = tensors.tensor(name).unwrap();
    let [height, width, 3] = *view.shape() else { panic!("{name} is no RGB picture") };
    Plane { height, width, data: view.data().as_chunks::<3>().0.to_vec() }
}

fn ids(tensors: &SafeTensors, name: &str) -> Plane<u8> {
    let view = tensors.tensor(name).unwrap();
    let [height, width] = *view.shape() else { panic!("{name} is no map") };
    Plane { height, width, data: view.data().to_vec() }
}

#[test]
fn photos_are_within_two_levels_of_pillows_bicubic() {
    let tensors = SafeTensors::deserialize(PILLOW).unwrap();
    let image = rgb(&tensors, "image");
    for (width, height) in SIZES {
        let expected = rgb(&tensors, &format!("image.bicubic.{width}x{height}"));
        let resized = resize_image(&image, height, width);
        assert_eq!((resized.height, resized.width), (height, width));
        let pairs = resized.data.as_flattened().iter().zip(expected.data.as_flattened());
        let worst = pairs.map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert!(worst <= 2, "{width}×{height}: a level is {worst} away");
    }
}

#[test]
fn ids_are_exactly_pillows_nearest() {
    let tensors = SafeTensors::deserialize(PILLOW).unwrap();
    let label = ids(&tensors, "label");
    for (width, height) in SIZES {
        let expected = ids(&tensors, &format!("label.nearest.{width}x{height}"));
        assert_eq!(resize_labels(&label, height, width), expected, "{width}×{height}");
    }
}
