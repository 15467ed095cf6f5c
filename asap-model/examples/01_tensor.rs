//! Lesson 1: tensors, and ops that give the same results on every backend.
//!
//! `cargo run --release -p asap-model --example 01_tensor`

use asap_model::Result;
use asap_tensor::ops::{
    Conv2d, Taps, Transpose, add, conv2d, conv2d_ids, instance_norm, matmul, one_hot, permute, resize,
};
use asap_tensor::random::uniform_by_name;
use asap_tensor::{Backend, Cpu, Ids, Reference, Tensor};

/// A tensor of pseudorandom values in [−1, 1), seeded by the name, so every backend gets the same values.
fn uniform<B: Backend>(backend: &B, name: &str, shape: &[usize]) -> Result<Tensor<B>> {
    Ok(Tensor::from_f32(backend, shape, &uniform_by_name(name, shape.iter().product()))?)
}

/// One op from several families. The function is generic: it runs on the backend of its tensors.
fn ops<B: Backend>(backend: &B) -> Result<Vec<(&'static str, Tensor<B>)>> {
    // Images are (N, C, H, W): a batch of 2, 3 channels, 8×6 pixels.
    let x = uniform(backend, "x", &[2, 3, 8, 6])?;
    let per_channel = uniform(backend, "bias", &[3])?;
    let kernel = uniform(backend, "kernel", &[4, 3, 3, 3])?;
    let matrix = uniform(backend, "matrix", &[2, 6, 5])?;
    Ok(vec![
        // (C) broadcasts over (N, C, H, W): one value per channel.
        ("add", add(&x, &per_channel)?),
        // The last two axes are matrices, the others a batch: (2, 24, 6)·(2, 6, 5).
        ("matmul", matmul(&x.reshape([2, 24, 6])?, &matrix, Transpose::default())?),
        // A 3×3 convolution with stride 2 and padding 1: (2, 4, 4, 3).
        ("conv2d", conv2d(&x, &kernel, None, Conv2d { stride: 2, padding: 1 })?),
        // Normalizes each plane to mean 0 and variance 1; slope 1 means no activation.
        ("instance_norm", instance_norm(&x, None, 1e-5, 1.0)?.y),
        // Bilinear resampling to half the height and width: (2, 3, 4, 3).
        ("resize", resize(&x, &Taps::bilinear(8, 4)?, &Taps::bilinear(6, 3)?)?),
    ])
}

/// ‖a − b‖ / ‖b‖.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    let difference: f64 = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum();
    (difference / b.iter().map(|b| b * b).sum::<f64>()).sqrt()
}

fn main() -> Result<()> {
    // A backend is a value: here single precision on two threads, and the readable reference in double precision.
    let cpu = Cpu::new(Some(2))?;
    let reference = Reference::<f64>::new();

    println!("A tensor has a shape and values in row-major order.");
    let x = Tensor::from_f32(&cpu, [2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
    println!("  x         {x:?} {:?}", x.to_f32()?);
    // reshape shares the values; permute copies them into a new order.
    let reshaped = x.reshape([3, 2])?;
    let transposed = permute(&x, &[1, 0])?;
    println!("  reshaped  {reshaped:?} {:?}", reshaped.to_f32()?);
    println!("  permuted  {transposed:?} {:?}", transposed.to_f32()?);
    assert_eq!(reshaped.to_f32()?, x.to_f32()?);
    assert_eq!(transposed.to_f32()?, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);

    println!("\nThe same ops on both backends, and the relative distance of their results:");
    for ((name, fast), (_, exact)) in ops(&cpu)?.into_iter().zip(ops(&reference)?) {
        assert_eq!(fast.shape(), exact.shape());
        let distance = distance(&fast.to_f64()?, &exact.to_f64()?);
        println!("  {name:13} {:14} {distance:.1e}", fast.shape().to_string());
        // Single precision has a 24-bit mantissa: one rounding costs up to 6e-8, a sum a few times that.
        assert!(distance < 1e-6, "{name} differs by {distance}");
    }

    println!("\nA label map has integer ids. A convolution needs no one-hot form of it:");
    let ids = Ids::from_vec(&cpu, [1, 4, 4], (0..16).map(|pixel| pixel % 5).collect())?;
    let kernel = uniform(&cpu, "kernel of labels", &[2, 5, 3, 3])?;
    // A convolution of one-hot channels is a sum of the weights that the ids select.
    let looked_up = conv2d_ids(&ids, &kernel, None, Conv2d::padded(1))?;
    let multiplied = conv2d(&one_hot(&ids, 5)?, &kernel, None, Conv2d::padded(1))?;
    let distance = distance(&looked_up.to_f64()?, &multiplied.to_f64()?);
    println!("  {ids:?} convolved by lookup and by multiplication: distance {distance:.1e}");
    assert!(distance < 1e-6);

    println!("\nMismatched shapes are an error with the op and both shapes:");
    let Err(error) = matmul(&x, &x, Transpose::default()) else { panic!("(2, 3)·(2, 3) must fail") };
    println!("  {error}");
    assert!(error.to_string().contains("(2, 3)"));
    Ok(())
}
