//! An op as data, and the kernels that backends have for it.
//!
//! An op is a value: the sizes of its operands, checked once. It knows the shapes of its results, its cost, and the
//! memory that its kernel on `Cpu` takes. A backend implements [`Kernel`] for each op, and the public function
//! checks the arguments, makes the op and calls [`Op::run`].

use std::fmt::Debug;

use crate::error::Result;
use crate::plan::Plan;
use crate::profile::Cost;
use crate::shape::Shape;
use crate::storage::Storage;
use crate::tensor::{Ids, Tensor};

/// An op with the sizes it runs on.
pub trait Op: Debug + Sized {
    /// The name in profiles and errors.
    const NAME: &'static str;
    /// The operands of a kernel: one buffer, an array or tuple of buffers, or a structure of them.
    type Inputs<'a, B: Storage>;
    /// What describes the results: [`Shape`] for a tensor, `[N, H, W]` for label maps, a pair for several.
    type Output: Outputs;

    /// The shapes of the results.
    fn output(&self) -> Self::Output;

    /// Multiply-accumulates and memory traffic, by the sizes alone.
    fn cost(&self) -> Cost;

    /// Takes from `plan` the memory that the kernel of `Cpu` takes; by default, room for the results.
    fn plan(&self, _inputs: Self::Inputs<'_, Plan>, plan: &Plan) -> Result<Buffers<Self, Plan>> {
        Ok(self.output().plan(plan))
    }

    /// Runs the backend's kernel, reports it to the profiler and gives the results their shapes.
    fn run<B: Kernel<Self>>(
        &self,
        backend: &B,
        inputs: Self::Inputs<'_, B>,
    ) -> Result<<Self::Output as Outputs>::Tensors<B>> {
        let buffers = backend.measure(Self::NAME, self.cost(), || backend.compute(self, inputs))?;
        Ok(self.output().tensors(backend, buffers))
    }
}

/// A backend's kernel for the op `O`.
pub trait Kernel<O: Op>: Storage {
    /// Computes the results. The operands have the op's sizes.
    fn compute(&self, op: &O, inputs: O::Inputs<'_, Self>) -> Result<Buffers<O, Self>>;
}

/// The operands of backend `B`'s kernel for the op `O`.
pub type Inputs<'a, O, B> = <O as Op>::Inputs<'a, B>;
/// Its results.
pub type Buffers<O, B> = <<O as Op>::Output as Outputs>::Buffers<B>;

/// `Plan` needs no kernels of its own: ops know their memory.
impl<O: Op> Kernel<O> for Plan {
    fn compute(&self, op: &O, inputs: O::Inputs<'_, Self>) -> Result<Buffers<O, Self>> {
        op.plan(inputs, self)
    }
}

/// The shapes of an op's results.
pub trait Outputs {
    /// The results as kernels return them.
    type Buffers<B: Storage>;
    /// The results as [`Op::run`] returns them.
    type Tensors<B: Storage>;

    /// Room for the results.
    fn plan(&self, plan: &Plan) -> Self::Buffers<Plan>;

    /// Gives buffers these shapes.
    fn tensors<B: Storage>(self, backend: &B, buffers: Self::Buffers<B>) -> Self::Tensors<B>;
}

/// Nothing: the op changes its operands in place.
impl Outputs for () {
    type Buffers<B: Storage> = ();
    type Tensors<B: Storage> = ();

    fn plan(&self, _: &Plan) {}

    fn tensors<B: Storage>(self, _: &B, (): ()) {}
}

/// A tensor.
impl Outputs for Shape {
    type Buffers<B: Storage> = B::Buffer;
    type Tensors<B: Storage> = Tensor<B>;

    fn plan(&self, plan: &Plan) -> <Plan as Storage>::Buffer {
        plan.block(self.count())
    }

    fn tensors<B: Storage>(self, backend: &B, buffer: B::Buffer) -> Tensor<B> {
        Tensor::from_parts(backend, self, buffer)
    }
}

/// Label maps, (N, H, W).
impl Outputs for [usize; 3] {
    type Buffers<B: Storage> = B::IdBuffer;
    type Tensors<B: Storage> = Ids<B>;

    fn plan(&self, plan: &Plan) -> <Plan as Storage>::IdBuffer {
        plan.id_block(self.iter().product())
    }

    fn tensors<B: Storage>(self, backend: &B, buffer: B::IdBuffer) -> Ids<B> {
        Ids::from_parts(backend, self, buffer)
    }
}

impl<T: Outputs> Outputs for Option<T> {
    type Buffers<B: Storage> = Option<T::Buffers<B>>;
    type Tensors<B: Storage> = Option<T::Tensors<B>>;

    fn plan(&self, plan: &Plan) -> Self::Buffers<Plan> {
        self.as_ref().map(|shape| shape.plan(plan))
    }

    fn tensors<B: Storage>(self, backend: &B, buffers: Self::Buffers<B>) -> Self::Tensors<B> {
        self.zip(buffers).map(|(shape, buffers)| shape.tensors(backend, buffers))
    }
}

/// Pairs nest: three results are `(S, (T, U))`.
impl<S: Outputs, T: Outputs> Outputs for (S, T) {
    type Buffers<B: Storage> = (S::Buffers<B>, T::Buffers<B>);
    type Tensors<B: Storage> = (S::Tensors<B>, T::Tensors<B>);

    fn plan(&self, plan: &Plan) -> Self::Buffers<Plan> {
        (self.0.plan(plan), self.1.plan(plan))
    }

    fn tensors<B: Storage>(self, backend: &B, (first, second): Self::Buffers<B>) -> Self::Tensors<B> {
        (self.0.tensors(backend, first), self.1.tensors(backend, second))
    }
}

/// Defines an op: its sizes, its name, `Inputs` for a lifetime and a backend ⇒ `Output` with the shapes, and its cost;
/// then, where the kernel of `Cpu` takes more than its results, [`Op::plan`].
macro_rules! op {
    (
        $(#[$doc:meta])*
        $op:ident { $($(#[$about:meta])* $field:ident: $type:ty),+ $(,)? }
        $name:literal, for<$a:lifetime, $backend:ident> $inputs:ty => $output:ty: |$this:ident| $shapes:expr,
        cost: $cost:expr
        $(, plan: |$buffers:ident, $plan:ident| $memory:expr)? $(,)?
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        #[allow(missing_docs, reason = "the op's documentation explains its sizes")]
        pub struct $op {
            $($(#[$about])* pub $field: $type,)+
        }

        #[allow(unused_variables, reason = "not every expression needs the sizes")]
        impl $crate::op::Op for $op {
            const NAME: &'static str = $name;
            type Inputs<$a, $backend: $crate::Storage> = $inputs;
            type Output = $output;

            fn output(&self) -> $output {
                let $this = self;
                $shapes
            }

            fn cost(&self) -> $crate::profile::Cost {
                let $this = self;
                $cost
            }

            $(fn plan(
                &self,
                $buffers: $crate::op::Inputs<'_, Self, $crate::Plan>,
                $plan: &$crate::Plan,
            ) -> $crate::Result<$crate::op::Buffers<Self, $crate::Plan>> {
                let $this = self;
                $memory
            })?
        }
    };
}
pub(crate) use op;

/// Kernels of a backend that delegates ops to another one with the same buffers:
/// `delegate_kernels!(Mine => |mine| &mine.inner; MaxPool2, MaxPool2Grad)`.
#[macro_export]
macro_rules! delegate_kernels {
    ($backend:ty => |$this:ident| $inner:expr; $($op:ty),+ $(,)?) => {
        $(impl $crate::op::Kernel<$op> for $backend {
            fn compute(
                &self,
                op: &$op,
                inputs: $crate::op::Inputs<'_, $op, Self>,
            ) -> $crate::Result<$crate::op::Buffers<$op, Self>> {
                let $this = self;
                $crate::op::Kernel::<$op>::compute($inner, op, inputs)
            }
        })+
    };
}
