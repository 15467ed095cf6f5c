//! A backend that replaces one op and forwards the others.

use std::sync::Arc;

use asap_tensor::ops::{
    AdamOp, BinaryOp, Cat, Conv2d, Conv2dForward, Conv2dGradInput, Conv2dGradWeight, Conv2dIds, Conv2dIdsGradWeight,
    Conv2dStack, CrossEntropy, CrossEntropyGrad, InstanceNorm, InstanceNormGrad, Matmul, MaxPool2, MaxPool2Grad,
    Narrow, OneHot, Pad2d, Pad2dGrad, PadIds, Permute, PickIds, PixelConv, PixelConvGradInput, PixelConvGradKernels,
    PixelMlpForward, PixelMlpGrad, Place, Resize, ResizeIds, Sum, SumChannels, Unary, UnaryGrad, UnaryOp, conv2d,
    instance_norm, unary,
};
use asap_tensor::random::uniform_by_name;
use asap_tensor::{Backend, Kernel, Profiler, Reference, Result, Storage, Tensor, delegate_kernels};

/// `Reference<f64>`, but tanh x is x between −1 and 1.
#[derive(Clone, Debug, Default)]
struct Mine {
    inner: Reference<f64>,
}

impl Storage for Mine {
    type Elem = f64;
    type Buffer = Arc<Vec<f64>>;
    type IdBuffer = Arc<Vec<u8>>;

    fn device(&self) -> String {
        "mine".into()
    }
    fn upload(&self, data: Vec<f64>) -> Result<Self::Buffer> {
        self.inner.upload(data)
    }
    fn download(&self, buffer: &Self::Buffer) -> Result<Vec<f64>> {
        self.inner.download(buffer)
    }
    fn filled(&self, value: f64, count: usize) -> Result<Self::Buffer> {
        self.inner.filled(value, count)
    }
    fn upload_ids(&self, ids: Vec<u8>) -> Result<Self::IdBuffer> {
        self.inner.upload_ids(ids)
    }
    fn download_ids(&self, ids: &Self::IdBuffer) -> Result<Vec<u8>> {
        self.inner.download_ids(ids)
    }
    fn profiler(&self) -> Option<&Profiler> {
        self.inner.profiler()
    }
    fn with_profiler(&self, profiler: Profiler) -> Self {
        Mine { inner: self.inner.with_profiler(profiler) }
    }
}

impl Kernel<UnaryOp> for Mine {
    fn compute(&self, op: &UnaryOp, x: &Self::Buffer) -> Result<Self::Buffer> {
        match op.f {
            Unary::Tanh => Ok(Arc::new(x.iter().map(|x| x.clamp(-1.0, 1.0)).collect())),
            _ => self.inner.compute(op, x),
        }
    }
}

delegate_kernels!(Mine => |mine| &mine.inner;
    UnaryGrad, BinaryOp, Sum, SumChannels, Permute, Narrow, Place, Cat, Pad2d, Pad2dGrad, PadIds, OneHot, Matmul,
    Conv2dForward, Conv2dGradInput, Conv2dGradWeight, Conv2dIds, Conv2dIdsGradWeight, Conv2dStack, InstanceNorm,
    InstanceNormGrad, MaxPool2, MaxPool2Grad, CrossEntropy, CrossEntropyGrad, Resize, ResizeIds, PickIds, PixelConv,
    PixelConvGradInput, PixelConvGradKernels, PixelMlpForward, PixelMlpGrad, AdamOp,
);

/// The input and the output of tanh after a convolution and a norm.
fn block<B: Backend>(backend: &B) -> Result<[Vec<f64>; 2]> {
    let tensor =
        |name, shape: [usize; 4]| Tensor::from_f32(backend, shape, &uniform_by_name(name, shape.iter().product()));
    let x = conv2d(&tensor("x", [2, 3, 6, 5])?, &tensor("weight", [4, 3, 3, 3])?, None, Conv2d::padded(1))?;
    let x = instance_norm(&x, None, 1e-5, 0.2)?.y;
    Ok([x.to_f64()?, unary(Unary::Tanh, &x)?.to_f64()?])
}

#[test]
fn only_the_replaced_op_differs() {
    let [x, y] = block(&Reference::<f64>::new()).unwrap();
    let [mine_x, mine_y] = block(&Mine::default()).unwrap();
    assert_eq!(mine_x, x);
    assert_ne!(mine_y, y);
    assert_eq!(mine_y, x.iter().map(|x| x.clamp(-1.0, 1.0)).collect::<Vec<_>>());
}
