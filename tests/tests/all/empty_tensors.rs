//! Tensors without numbers, and shapes of more numbers than there can be.

use asap_tensor::ops::{self, Conv2d};
use asap_tensor::{Backend, Cpu, Ids, Reference, Result, Tensor};
use asap_tests::gpu::gpu;

/// What an op made, by name: sizes and numbers.
type Made = (&'static str, Vec<usize>, Vec<f64>);

/// Ops on tensors of which some are empty.
fn of_nothing<B: Backend>(backend: &B) -> Result<Vec<Made>> {
    let zeros = |sizes: &[usize]| Tensor::zeros(backend, sizes);
    let bias = Tensor::from_f64(backend, [3], &[1.0, 2.0, 3.0])?;
    let x = zeros(&[2, 3, 4, 4])?;
    let wide = Tensor::from_f64(backend, [20], &[2.0; 20])?;
    let all = [
        (
            "conv2d without channels",
            ops::conv2d(&zeros(&[1, 0, 4, 4])?, &zeros(&[3, 0, 3, 3])?, Some(&bias), Conv2d::padded(1))?,
        ),
        (
            "conv2d of padding alone",
            ops::conv2d(&zeros(&[2, 1, 0, 3])?, &zeros(&[20, 1, 2, 2])?, Some(&wide), Conv2d::padded(1))?,
        ),
        (
            "conv2d without pictures",
            ops::conv2d(&zeros(&[0, 2, 4, 4])?, &zeros(&[3, 2, 3, 3])?, Some(&bias), Conv2d::padded(1))?,
        ),
        ("narrow", ops::narrow(&x, 1, 1, 0)?),
        ("cat", ops::cat(&[&x, &zeros(&[2, 0, 4, 4])?], 1)?),
        ("add by channel", ops::add(&zeros(&[2, 3, 0, 4])?, &bias)?),
        ("avg_pool", ops::avg_pool(&zeros(&[1, 1, 4, 0])?)?),
    ];
    all.into_iter().map(|(name, y)| Ok((name, y.dims().to_vec(), y.to_f64()?))).collect()
}

#[test]
fn every_backend_takes_tensors_without_numbers_alike() {
    let exact = of_nothing(&Reference::<f64>::new()).unwrap();
    let sizes: Vec<&[usize]> = exact.iter().map(|(_, sizes, _)| &sizes[..]).collect();
    assert_eq!(sizes[..2], [&[1, 3, 4, 4][..], &[2, 20, 1, 4]]);
    assert!(exact[0].2.iter().enumerate().all(|(i, y)| *y == (i / 16 + 1) as f64), "{exact:?}");
    let cpu = Cpu::new(Some(2)).unwrap().marking_unwritten();
    assert_eq!(of_nothing(&cpu).unwrap(), exact, "cpu");
    for (order, answer) in gpu()
        .map_or_else(Vec::new, |gpu| gpu.in_every_order(|order, cuda| (order.to_owned(), of_nothing(cuda).unwrap())))
    {
        assert_eq!(answer, exact, "{order}");
    }
}

#[test]
fn a_plane_without_pixels_has_no_mean() {
    fn refused<B: Backend>(backend: &B) {
        let error = ops::instance_norm(&Tensor::zeros(backend, [1, 2, 0, 4]).unwrap(), None, 1e-5, 1.0).unwrap_err();
        assert!(error.to_string().contains("0×4 has no pixels"), "{error}");
    }
    refused(&Reference::<f64>::new());
    refused(&Cpu::new(Some(1)).unwrap());
    if let Some(gpu) = gpu() {
        refused(&gpu.cuda);
    }
}

/// Their products would begin anew at 0 and seem to fit.
#[test]
fn shapes_of_more_numbers_than_there_are_addresses_are_refused() {
    let cpu = Cpu::new(Some(1)).unwrap();
    let large = [1, 1 << 60, 4, 4];
    for error in [
        Tensor::zeros(&cpu, large).unwrap_err(),
        Tensor::from_vec(&cpu, large, Vec::new()).unwrap_err(),
        Tensor::zeros(&cpu, [0]).unwrap().reshape(large).unwrap_err(),
        Ids::full(&cpu, [1 << 60, 4, 4], 0).unwrap_err(),
    ] {
        assert!(error.to_string().contains("1152921504606846976"), "{error}");
    }
}
