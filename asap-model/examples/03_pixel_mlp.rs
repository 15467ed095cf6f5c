//! Lesson 3: the paper's op, `pixel_mlp`. Every tile of the image has its own small network, applied to each pixel.
//!
//! `cargo run --release -p asap-model --example 03_pixel_mlp`

use asap_autograd::{Tape, Var, VarPixels};
use asap_model::Result;
use asap_model::networks::asap_net::plain_pixel_mlp;
use asap_tensor::ops::{PixelMlp, Pixels, one_hot, pixel_mlp, position_table};
use asap_tensor::random::uniform_by_name;
use asap_tensor::{Backend, Cpu, Ids, Reference, Tensor};

/// Cosine and sine of a pixel's position in its tile, for the periods S, S/2, …, 2: (log2 S, 2, S).
fn positions<B: Backend>(backend: &B, tile: usize) -> Result<Tensor<B>> {
    Ok(Tensor::from_f32(backend, [tile.ilog2() as usize, 2, tile], &position_table(tile))?)
}

/// One tile of 16×16 pixels, from one layer with weights chosen by hand.
fn one_tile() -> Result<()> {
    let backend = Reference::<f64>::new();
    let (tile, classes) = (16, 2);
    // The labels: a window (1) in a wall (0).
    let inside = |r: usize| (4..12).contains(&r);
    let labels = (0..tile * tile).map(|pixel| u8::from(inside(pixel / tile) && inside(pixel % tile))).collect();
    let ids = Ids::from_vec(&backend, [1, tile, tile], labels)?;

    // One output from 2 + 4·4 features. The parameters are the bias, then one weight per feature. Features 0 and 1 are
    // the one-hot label, followed by four for each period: cos x, sin x, cos y, sin y.
    let mlp = PixelMlp { tile, widths: vec![1] };
    let mut params = vec![0.0; 1 + classes + 16];
    let (bias, weights) = params.split_at_mut(1);
    bias[0] = 0.2;
    weights[1] = -2.0; // windows are dark
    weights[classes + 4 * 2 + 2] = 0.4; // cos y at the third period, S/4: stripes 4 pixels high
    weights[classes] = 0.2; // cos x at the first period, S: a gradient from left to right and back
    let params = Tensor::from_f64(&backend, [1, params.len(), 1, 1], &params)?;

    let y = pixel_mlp(&mlp, &params, Pixels::Ids { ids: &ids, classes }, &positions(&backend, tile)?)?.to_f64()?;
    println!("One tile, one layer, a bias and three nonzero weights:");
    let gray = |y: f64| b" .:-=+*%@"[((y + 1.0) / 2.0 * 8.0).round() as usize] as char;
    for row in y.chunks_exact(tile) {
        println!("  {}", row.iter().flat_map(|&y| [gray(y), gray(y)]).collect::<String>());
    }
    // Each pixel is independent of the others: at (0, 0) every cosine is 1.
    assert!((y[0] - f64::tanh(0.2 + 0.4 + 0.2)).abs() < 1e-12);
    // The window's edge is as sharp as in the labels, although all 256 pixels share one set of weights.
    let (wall, window) = (y[8 * tile + 3], y[8 * tile + 4]);
    assert!(wall - window > 1.0, "{wall} beside {window}");
    Ok(())
}

/// ‖a − b‖ / ‖b‖.
fn distance<A: Backend, B: Backend>(a: &Tensor<A>, b: &Tensor<B>) -> Result<f64> {
    let (a, b) = (a.to_f64()?, b.to_f64()?);
    let difference: f64 = a.iter().zip(&b).map(|(a, b)| (a - b).powi(2)).sum();
    Ok((difference / b.iter().map(|b| b * b).sum::<f64>()).sqrt())
}

/// The image and the gradient of the parameters, from the fused op and from the plain composition.
fn fused_and_plain<B: Backend>(backend: &B) -> Result<[(Tensor<B>, Tensor<B>); 2]> {
    // Two images of 2×3 tiles of 8×8 pixels, 5 classes, layers 17 → 6 → 6 → 3.
    let (tile, classes, grid) = (8, 5, [2, 3]);
    let mlp = PixelMlp { tile, widths: vec![6, 6, 3] };
    let channels = [classes + 4 * 3, 6, 6, 3];
    let count: usize = channels.windows(2).map(|c| c[0] * c[1] + c[1]).sum();
    let shape = [2, count, grid[0], grid[1]];
    let params = Tensor::from_f32(backend, shape, &uniform_by_name("parameters", shape.iter().product()))?;
    let sizes = [2, grid[0] * tile, grid[1] * tile];
    let labels = (0..sizes.iter().product::<usize>()).map(|pixel| (pixel * pixel % classes) as u8).collect();
    let ids = Ids::from_vec(backend, sizes, labels)?;
    let positions = positions(backend, tile)?;
    let run = |fused: bool| -> Result<(Tensor<B>, Tensor<B>)> {
        let tape = Tape::new();
        let leaf = tape.leaf(params.clone());
        let image = if fused {
            Var::pixel_mlp(&mlp, &leaf, VarPixels::Ids { ids: ids.clone(), classes }, &positions)?
        } else {
            plain_pixel_mlp(&mlp, &leaf, &Var::constant(one_hot(&ids, classes)?), &positions)?
        };
        let gradients = tape.backward(&image.mul(&image)?.mean()?)?;
        let gradient = gradients.of(&leaf).expect("the image depends on the parameters");
        Ok((image.value().clone(), gradient.clone()))
    };
    Ok([run(true)?, run(false)?])
}

fn main() -> Result<()> {
    one_tile()?;
    println!("\nThe fused op against permute, cat, batched matmul and activations (relative distances):");
    let [(exact, exact_gradient), (plain, plain_gradient)] = fused_and_plain(&Reference::<f64>::new())?;
    let (image, gradient) = (distance(&plain, &exact)?, distance(&plain_gradient, &exact_gradient)?);
    println!("  plain, double precision   image {image:.1e}   gradient {gradient:.1e}");
    assert!(image < 1e-13 && gradient < 1e-13);
    let [(fused, fused_gradient), _] = fused_and_plain(&Cpu::new(None)?)?;
    let (image, gradient) = (distance(&fused, &exact)?, distance(&fused_gradient, &exact_gradient)?);
    println!("  fused, single precision   image {image:.1e}   gradient {gradient:.1e}");
    assert!(image < 1e-5 && gradient < 1e-5);
    Ok(())
}
