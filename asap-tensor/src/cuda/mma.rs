//! Products on the tensor cores: a header for the kernels that use them, and kernels that test it.

use super::module::Source;

pub(crate) const MMA: (&str, &str) = ("mma.cuh", include_str!("mma.cuh"));
pub(crate) const CHECK: Source = Source::new("mma_check.cu", include_str!("mma_check.cu"), &[MMA]);

#[cfg(all(test, target_os = "linux", target_arch = "x86_64"))]
mod tests {
    use super::CHECK;
    use crate::cuda::array::Array;
    use crate::cuda::backend::{Cuda, MatmulPrecision};
    use crate::cuda::testing::gpu;
    use crate::random::uniform_by_name;

    /// Rounds to TF32, ties away from zero.
    fn tf32(x: f32) -> f32 {
        f32::from_bits((x.to_bits() + 0x1000) & !0x1fff)
    }

    /// Rounds to bf16, ties to even.
    fn bf16(x: f32) -> f32 {
        let bits = x.to_bits();
        f32::from_bits((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff_0000)
    }

    /// A (16, k), B (k, 8) and sums (16, 8), rounded, and the register of each element.
    struct Product {
        k: usize,
        a: Vec<f32>,
        b: Vec<f32>,
        sums: Vec<f32>,
    }

    impl Product {
        fn new(name: &str, k: usize, round: fn(f32) -> f32) -> Self {
            let values = |what, count| uniform_by_name(&format!("{name} {what}"), count);
            let round = |values: Vec<f32>| values.into_iter().map(round).collect();
            Product { k, a: round(values("a", 16 * k)), b: round(values("b", k * 8)), sums: values("sums", 16 * 8) }
        }

        /// Lane, register and half of element (row or column `line`, `k`) of an operand whose registers start at `first`.
        fn place(&self, line: usize, k: usize, first: usize, lines: usize) -> (usize, usize, usize) {
            let per_register = self.k / 8;
            let lane = line % 8 * 4 + k % (self.k / 2) / per_register;
            (lane, first + line / 8 + lines / 8 * (k / (self.k / 2)), k % per_register)
        }

        /// The lanes' operands, 32 × 6 registers.
        fn operands(&self) -> Vec<u32> {
            let mut registers = vec![0u32; 32 * 6];
            let mut put = |(lane, register, half): (usize, usize, usize), value: f32| {
                let bits = if self.k == 16 { value.to_bits() >> 16 << (16 * half) } else { value.to_bits() };
                registers[lane * 6 + register] |= bits;
            };
            for k in 0..self.k {
                for row in 0..16 {
                    put(self.place(row, k, 0, 16), self.a[row * self.k + k]);
                }
                for column in 0..8 {
                    put(self.place(column, k, 4, 8), self.b[k * 8 + column]);
                }
            }
            registers
        }

        /// Place of element (row, column) of the sums among 32 × 4.
        fn sum(row: usize, column: usize) -> usize {
            (row % 8 * 4 + column / 2) * 4 + row / 8 * 2 + column % 2
        }
    }

    fn download<const N: usize>(gpu: &Cuda, arrays: [&Array<f32>; N]) -> [Vec<f32>; N] {
        arrays.map(|array| gpu.download_array(array).expect("results"))
    }

    #[test]
    fn tensor_cores_and_twins_match_a_scalar_product() {
        let gpu = gpu(MatmulPrecision::High);
        if gpu.precision() == MatmulPrecision::Highest {
            eprintln!("skipped: this GPU has no tensor cores for TF32 and bf16");
            return;
        }
        let cases = [("mma_tf32_check", 8, tf32 as fn(f32) -> f32), ("mma_bf16_check", 16, bf16)];
        for (kernel, k, round) in cases {
            let product = Product::new(kernel, k, round);
            let mut sums = vec![0.0; 32 * 4];
            (0..16 * 8).for_each(|i| sums[Product::sum(i / 8, i % 8)] = product.sums[i]);
            let (operands, sums) = (gpu.upload_slice(&product.operands()).unwrap(), gpu.upload_slice(&sums).unwrap());
            let [mut device, mut twin] = [(); 2].map(|()| gpu.array::<f32>(32 * 4).unwrap());
            let launch = gpu.kernel(&CHECK, kernel).unwrap().input(&operands).input(&sums);
            launch.output(&mut device).output(&mut twin).launch([1, 1, 1], [32, 1, 1]).unwrap();
            let [device, twin] = download(&gpu, [&device, &twin]);
            for (row, column) in (0..16 * 8).map(|i| (i / 8, i % 8)) {
                let terms =
                    (0..k).map(|k| f64::from(product.a[row * product.k + k]) * f64::from(product.b[k * 8 + column]));
                let expected = f64::from(product.sums[row * 8 + column]) + terms.sum::<f64>();
                for (who, got) in [("device", &device), ("twin", &twin)] {
                    let got = f64::from(got[Product::sum(row, column)]);
                    // Tensor cores truncate their sums.
                    assert!(
                        (got - expected).abs() < 1e-5,
                        "{kernel} {who} ({row}, {column}): {got}, expected {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn rounding_matches_its_twin() {
        let gpu = gpu(MatmulPrecision::High);
        if gpu.precision() == MatmulPrecision::Highest {
            eprintln!("skipped: this GPU has no tensor cores for TF32 and bf16");
            return;
        }
        let mut x = uniform_by_name("rounding", 1000);
        // Ties, of either parity, and the ends of the range.
        x.extend(
            [0x3f80_1000, 0x3f80_3000, 0x3f80_8000, 0x3f81_8000, 0, 0x8000_0000, 0x7f80_0000, 0x0080_0001]
                .map(f32::from_bits),
        );
        let pairs = x.len() / 2;
        let values = gpu.upload_slice(&x).unwrap();
        let [mut a, mut b] = [(); 2].map(|()| gpu.array::<u32>(2 * pairs).unwrap());
        let [mut c, mut d] = [(); 2].map(|()| gpu.array::<u32>(pairs).unwrap());
        let launch = gpu.kernel(&CHECK, "rounding_check").unwrap().input(&values).output(&mut a).output(&mut b);
        launch.output(&mut c).output(&mut d).count(pairs).for_each(pairs).unwrap();
        let [a, b, c, d] = [&a, &b, &c, &d].map(|array| gpu.download_array(array).unwrap());
        for (i, &x) in x.iter().enumerate() {
            // The lower bits of a TF32 register are ignored.
            let [device, twin] = [a[i] & !0x1fff, b[i] & !0x1fff];
            assert!(device == tf32(x).to_bits() && device == twin, "{x:e}: {device:x}, {twin:x}");
            let [device, twin] = [c[i / 2], d[i / 2]].map(|pair| pair >> (16 * (i % 2)) << 16);
            assert!(device == bf16(x).to_bits() && device == twin, "{x:e}: {device:x}, {twin:x}");
        }
    }
}
