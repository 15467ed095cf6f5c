//! Instance edges against the published code's.

use asap_model::data::{Plane, instance_edges};
use safetensors::SafeTensors;

const CITY: &[u8] = include_bytes!("../fixtures/gen_city.safetensors");

#[test]
fn instance_edges_are_the_last_channel_of_the_published_input() {
    let tensors = SafeTensors::deserialize(CITY).unwrap();
    let instance = tensors.tensor("instance").unwrap();
    let input = tensors.tensor("input").unwrap();
    let [batch, 1, height, width] = *instance.shape() else { panic!("instance is (B, 1, H, W)") };
    let channels = input.shape()[1];
    let ids: Vec<u32> = instance.data().as_chunks::<4>().0.iter().map(|v| u32::from_le_bytes(*v)).collect();
    let input: Vec<f32> = input.data().as_chunks::<4>().0.iter().map(|v| f32::from_le_bytes(*v)).collect();
    let pixels = height * width;
    for n in 0..batch {
        let map = Plane { height, width, data: ids[n * pixels..][..pixels].to_vec() };
        let expected = &input[(n * channels + channels - 1) * pixels..][..pixels];
        assert!(expected.contains(&1.0), "a picture without edges checks nothing");
        assert_eq!(instance_edges(&map), expected, "picture {n}");
    }
}
