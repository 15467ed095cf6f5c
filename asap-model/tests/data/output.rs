use std::fs;

use asap_model::Error;
use asap_model::config::DepthScale;
use asap_model::data::{
    Picture, Plane, read_instances, read_labels, read_photo, write_instances, write_labels, write_rgb,
};

#[test]
fn from_output_rounds_and_crops() {
    // One row per channel; the last column is padding. The levels before rounding: 126.9 and 127.6 (16 bits: 32613.49, 32783.88).
    #[rustfmt::skip]
    let y = [
        -1.0, -0.0047, 9.0,
        1.0, 0.0005, 9.0,
        -1.5, 1.5, 9.0,
    ];
    let image = Picture::from_output(&y, [1, 3], [1, 2], None).unwrap();
    assert_eq!(image, Picture::Rgb(Plane { height: 1, width: 2, data: vec![[0, 255, 0], [127, 128, 255]] }));
    let scale = |per_unit, max, invalid| DepthScale { per_unit, max, invalid };
    let depths = |scale| Picture::from_output(&y, [3, 3], [3, 2], Some(scale)).unwrap().levels().unwrap().0;
    assert_eq!(depths(scale(None, 1.0, None)), [0, 32613, 65535, 32784, 0, 65535]);
    // Millimeters of at most 9 metres: 4478.85 and 4502.25 before rounding.
    let millimeters = depths(scale(Some(1000.0), 9.0, Some(0)));
    assert_eq!(millimeters, [1, 4479, 9000, 4502, 1, 9000], "0 means that nothing was measured");
    for (height, width, crop) in [(1, 2, [1, 2]), (1, 3, [2, 2]), (1, 3, [1, 4])] {
        assert!(matches!(Picture::from_output(&y, [height, width], crop, None), Err(Error::Tensor(_))));
    }
}

#[test]
fn written_files_read_back_equal() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.png");
    let image = Plane::from_fn(3, 5, |x, y| [x as u8, y as u8, 200]);
    write_rgb(&file, &image).unwrap();
    assert_eq!(read_photo(&file).unwrap(), image);
    let labels = Plane::from_fn(3, 5, |x, y| (x * y) as u8);
    write_labels(&file, &labels, &[[7, 8, 9]; 13]).unwrap();
    assert_eq!(read_labels(&file, 13).unwrap(), labels);
    let instances = Plane::from_fn(3, 5, |x, y| (10000 * x + y) as u32);
    write_instances(&file, &instances).unwrap();
    assert_eq!(read_instances(&file).unwrap(), instances);
}

#[test]
fn unencodable_ids_are_rejected_and_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.png");
    assert!(write_labels(&file, &Plane { height: 1, width: 1, data: vec![3] }, &[[0; 3]; 3]).is_err());
    assert!(write_instances(&file, &Plane { height: 1, width: 1, data: vec![65536] }).is_err());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}
