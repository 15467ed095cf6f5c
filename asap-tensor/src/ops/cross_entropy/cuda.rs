//! Kernels of `Cuda`.

use std::sync::Arc;

use super::{CrossEntropy, CrossEntropyGrad, CrossEntropyGradInputs};
use crate::cuda::{Cuda, Source};
use crate::error::Result;
use crate::op::{Buffers, Inputs, Kernel};

pub(crate) const SOURCE: Source = Source::new("cross_entropy.cu", include_str!("cross_entropy.cu"), &[]);

impl Kernel<CrossEntropy> for Cuda {
    fn compute(
        &self,
        op: &CrossEntropy,
        (logits, ids): Inputs<'_, CrossEntropy, Self>,
    ) -> Result<Buffers<CrossEntropy, Self>> {
        let [batch, classes, plane] = op.logits.around(1);
        let (mut losses, mut log_sums) = (self.array(batch * plane)?, self.array(batch * plane)?);
        let launch = self.kernel(&SOURCE, "cross_entropy")?.output(&mut losses).output(&mut log_sums);
        let launch = launch.input(logits).input(ids).count(batch).size(classes).size(plane);
        launch.for_each_plane(batch, plane)?;
        Ok((Arc::new(losses), Arc::new(log_sums)))
    }
}

impl Kernel<CrossEntropyGrad> for Cuda {
    fn compute(
        &self,
        op: &CrossEntropyGrad,
        CrossEntropyGradInputs { logits, log_sums, ids, grad_output }: Inputs<'_, CrossEntropyGrad, Self>,
    ) -> Result<Self::Buffer> {
        let [batch, classes, plane] = op.logits.around(1);
        self.build(batch * classes * plane, |grad| {
            let launch = self.kernel(&SOURCE, "cross_entropy_grad")?.output(grad).input(logits).input(log_sums);
            let launch = launch.input(ids).input(grad_output).count(batch * classes).size(classes).size(plane);
            launch.for_each_plane(batch * classes, plane)
        })
    }
}
