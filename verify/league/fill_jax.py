"""JAX on the CPU: the losses of optax, the activations of jax.nn. Means and sums by jnp, as optax's pages do."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from fill import Missing, fill, refuse

REDUCE = {"none": lambda losses: losses, "mean": jnp.mean, "sum": jnp.sum}


def function(words, tensors):
    name = words["function"]
    axis = int(words.get("dim", 1))
    y = jnp.asarray(tensors["target"]) if "target" in tensors else None
    smoothing = float(words.get("label_smoothing", 0))
    if name == "mse_loss":
        return lambda x: optax.squared_error(x, y)
    if name == "binary_cross_entropy_with_logits":
        return lambda x: optax.sigmoid_binary_cross_entropy(x, y)
    if name == "cross_entropy" and y.dtype == jnp.float32:
        return lambda x: optax.softmax_cross_entropy(x, y)
    if name == "cross_entropy" and smoothing:
        labels = optax.smooth_labels(jax.nn.one_hot(y, tensors["input"].shape[1]), smoothing)
        return lambda x: optax.softmax_cross_entropy(x, labels)
    if name == "cross_entropy":
        return lambda x: optax.softmax_cross_entropy_with_integer_labels(x, y, axis=1)
    activations = {
        "sigmoid": jax.nn.sigmoid,
        "logsigmoid": jax.nn.log_sigmoid,
        "softplus": jax.nn.softplus,
        "softmax": lambda x: jax.nn.softmax(x, axis),
        "log_softmax": lambda x: jax.nn.log_softmax(x, axis),
    }
    if name not in activations:
        raise Missing("no such function")
    return activations[name]


def answer(words, tensors):
    refuse(words, tensors, ["weight", "pos_weight", "ignore_index", "beta"])
    each, reduce = function(words, tensors), REDUCE[words.get("reduction", "none")]
    loss, backward = jax.vjp(lambda x: reduce(each(x)), jnp.asarray(tensors["input"]))
    (gradient,) = backward(jnp.asarray(tensors["grad_output"]))
    return np.asarray(loss), np.asarray(gradient)


fill(f"JAX {jax.__version__}, optax {optax.__version__}", answer)
