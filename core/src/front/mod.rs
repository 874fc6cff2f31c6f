//! What callers see: the element types, the methods of losses and activations, and the kernels compiled once.

pub(crate) mod compiled;
pub mod device;
pub mod element;
pub(crate) mod functions;
mod methods;
pub mod metrics;
