//! Tensors without elements, and shapes with too many.

use asap_tensor::ops::{self, Conv2d, Taps};
use asap_tensor::{Backend, Cpu, Ids, Reference, Result, Tensor};
use asap_tests::gpu::gpu;

/// The output of an op: name, dimensions and values.
type Output = (&'static str, Vec<usize>, Vec<f64>);

/// Ops on tensors, some of which are empty.
fn ops_on_empty<B: Backend>(backend: &B) -> Result<Vec<Output>> {
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
            "conv2d of padding only",
            ops::conv2d(&zeros(&[2, 1, 0, 3])?, &zeros(&[20, 1, 2, 2])?, Some(&wide), Conv2d::padded(1))?,
        ),
        (
            "conv2d without images",
            ops::conv2d(&zeros(&[0, 2, 4, 4])?, &zeros(&[3, 2, 3, 3])?, Some(&bias), Conv2d::padded(1))?,
        ),
        ("narrow", ops::narrow(&x, 1, 1, 0)?),
        ("cat", ops::cat(&[&x, &zeros(&[2, 0, 4, 4])?], 1)?),
        ("add by channel", ops::add(&zeros(&[2, 3, 0, 4])?, &bias)?),
        (
            "cross_entropy without pixels",
            ops::cross_entropy(&zeros(&[1, 3, 4, 0])?, &Ids::full(backend, [1, 4, 0], 0)?)?.losses,
        ),
        (
            "cross_entropy_grad without images",
            ops::cross_entropy_grad(
                &zeros(&[0, 3, 4, 2])?,
                &zeros(&[0, 1, 4, 2])?,
                &Ids::full(backend, [0, 4, 2], 0)?,
                &zeros(&[0, 1, 4, 2])?,
            )?,
        ),
        ("average_pool", ops::resize(&zeros(&[1, 1, 4, 0])?, &Taps::average_pool(4), &Taps::average_pool(0))?),
    ];
    all.into_iter().map(|(name, y)| Ok((name, y.dims().to_vec(), y.to_f64()?))).collect()
}

#[test]
fn backends_agree_on_empty_tensors() {
    let exact = ops_on_empty(&Reference::<f64>::new()).unwrap();
    let sizes: Vec<&[usize]> = exact.iter().map(|(_, sizes, _)| &sizes[..]).collect();
    assert_eq!(sizes[..2], [&[1, 3, 4, 4][..], &[2, 20, 1, 4]]);
    assert!(exact[0].2.iter().enumerate().all(|(i, y)| *y == (i / 16 + 1) as f64), "{exact:?}");
    let cpu = Cpu::new(Some(2)).unwrap().poison_uninitialized();
    assert_eq!(ops_on_empty(&cpu).unwrap(), exact, "cpu");
    for (order, answer) in gpu()
        .map_or_else(Vec::new, |gpu| gpu.in_every_order(|order, cuda| (order.to_owned(), ops_on_empty(cuda).unwrap())))
    {
        assert_eq!(answer, exact, "{order}");
    }
}

#[test]
fn instance_norm_of_empty_plane_is_rejected() {
    fn rejected<B: Backend>(backend: &B) {
        let error = ops::instance_norm(&Tensor::zeros(backend, [1, 2, 0, 4]).unwrap(), None, 1e-5, 1.0).unwrap_err();
        assert!(error.to_string().contains("0×4 has no pixels"), "{error}");
    }
    rejected(&Reference::<f64>::new());
    rejected(&Cpu::new(Some(1)).unwrap());
    if let Some(gpu) = gpu() {
        rejected(&gpu.cuda);
    }
}

/// The product of the dimensions would wrap around to 0.
#[test]
fn overflowing_shapes_are_rejected() {
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
