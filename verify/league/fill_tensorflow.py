"""TensorFlow on the CPU: the losses of tf.nn, and of Keras where tf.nn has none."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
import tensorflow as tf

from fill import Missing, fill, refuse

REDUCE = {"none": lambda losses: losses, "mean": tf.reduce_mean, "sum": tf.reduce_sum}


def function(words, tensors):
    name = words["function"]
    axis = int(words.get("dim", 1))
    y = tf.constant(tensors["target"]) if "target" in tensors else None
    reduce = REDUCE[words.get("reduction", "none")]
    smoothing = float(words.get("label_smoothing", 0))
    if name == "mse_loss":
        return lambda x: reduce(tf.math.squared_difference(x, y))
    if name == "binary_cross_entropy":
        # Keras takes the mean over the last dimension, and has weights; its inputs are clipped to [1e-7, 1 - 1e-7].
        loss = tf.keras.losses.BinaryCrossentropy(reduction="none")
        return lambda x: reduce(loss(y[:, None], x[:, None], sample_weight=tensors.get("weight")))
    if name == "binary_cross_entropy_with_logits" and "pos_weight" in tensors:
        return lambda x: reduce(tf.nn.weighted_cross_entropy_with_logits(y, x, tensors["pos_weight"]))
    if name == "binary_cross_entropy_with_logits":
        return lambda x: reduce(tf.nn.sigmoid_cross_entropy_with_logits(y, x))
    if name == "cross_entropy" and y.dtype == tf.float32:
        return lambda x: reduce(tf.nn.softmax_cross_entropy_with_logits(y, x))
    if name == "cross_entropy" and smoothing:
        loss = tf.keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing, reduction="none")
        labels = tf.one_hot(y, tensors["input"].shape[1])
        return lambda x: reduce(loss(labels, x))
    if name == "cross_entropy":
        return lambda x: reduce(tf.nn.sparse_softmax_cross_entropy_with_logits(y, x))
    activations = {
        "sigmoid": tf.math.sigmoid,
        "logsigmoid": tf.math.log_sigmoid,
        "softplus": tf.math.softplus,
        "softmax": lambda x: tf.nn.softmax(x, axis),
        "log_softmax": lambda x: tf.nn.log_softmax(x, axis),
    }
    if name not in activations:
        raise Missing("no such function")
    return activations[name]


def answer(words, tensors):
    bce = words["function"] == "binary_cross_entropy"
    refuse(words, tensors, ["ignore_index", "beta", "positions"] + ([] if bce else ["weight"]))
    x = tf.constant(tensors["input"])
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = function(words, tensors)(x)
    gradient = tape.gradient(loss, x, output_gradients=tf.constant(tensors["grad_output"]))
    return np.asarray(loss), np.asarray(gradient)


fill(f"TensorFlow {tf.__version__}", answer)
