//! The memory of `Cpu`'s kernels.

use std::sync::Arc;

use super::{AdamOps, AdamStep};
use crate::error::Result;
use crate::plan::Plan;

impl AdamOps for Plan {
    fn adam(
        &self,
        weight: &mut Self::Buffer,
        first_moment: &mut Self::Buffer,
        second_moment: &mut Self::Buffer,
        _grad: &Self::Buffer,
        _guard: Option<&Self::Buffer>,
        _step: &AdamStep,
    ) -> Result<()> {
        // What something else still shares is copied.
        for buffer in [weight, first_moment, second_moment] {
            Arc::make_mut(buffer);
        }
        Ok(())
    }
}
