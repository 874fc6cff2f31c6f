"""What the functions are, exactly, and how far an answer is from that, in units in the last place (ULP) of an f32.

Two truths: mpmath with 150 digits for the test sets, on which each subject's worst error is measured; and f64 with formulas
that do not cancel for the numbers that are timed, where its own error is below a millionth of an ULP of an f32.
"""

import mpmath
import numpy as np

mpmath.mp.dps = 150

ELEMENTWISE = ("sigmoid", "log_sigmoid", "softplus")
PAIRS = ("mse", "bce_with_logits")


def ulps(got, exact, exact_f64=None):
    """The errors of f32 numbers, in ULP. `exact`: mpmath numbers, or an array of f64."""
    got = np.asarray(got, dtype=np.float32).ravel().astype(np.float64)
    if isinstance(exact, np.ndarray):
        exact = exact.ravel()
        difference = np.abs(got - exact)
        near = exact
    else:
        difference = np.array(
            [float(abs(mpmath.mpf(g) - e)) if np.isfinite(g) else np.inf for g, e in zip(got, exact)]
        )
        near = np.array([float(e) for e in exact])
    # The exponent of the f32 below; f64's frexp is exact, and an f32 has no exponent below -126.
    _, exponent = np.frexp(near)
    unit = np.ldexp(1.0, np.maximum(exponent - 1, -126) - 23)
    return np.where(np.isnan(got), np.nan, difference / unit)


def judge(got, exact):
    """The worst error, and how many answers are no numbers, or 0 where the f32 nearest to the exact value is not."""
    got = np.asarray(got, dtype=np.float32).ravel()
    near = exact.ravel() if isinstance(exact, np.ndarray) else np.array([float(e) for e in exact])
    if len(got) != len(near):
        raise ValueError(f"{len(got)} answers to {len(near)} questions")
    nearest = near.astype(np.float32)
    errors = ulps(got, exact)
    finite = errors[np.isfinite(errors)]
    return {
        "ulp": float(finite.max()) if finite.size else None,
        "compared": len(got),
        "nan": int(np.isnan(got).sum()),
        "infinite": int(np.isinf(got).sum()),
        "zero": int(((got == 0) & (nearest != 0)).sum()),
    }


def worse(a, b):
    """Two judgements as one."""
    if a is None or b is None:
        return a or b
    both = {key: a[key] + b[key] for key in ("compared", "nan", "infinite", "zero")}
    known = [j["ulp"] for j in (a, b) if j["ulp"] is not None]
    return both | {"ulp": max(known) if known else None}


# The test sets.


def every_magnitude():
    """Logits of every magnitude of both signs, down to the smallest f32, and many where the tails are."""
    random = np.random.default_rng(7)
    magnitudes = np.ldexp(1.0 + random.random((8, 157)), np.arange(-149, 8)).ravel()
    tails = np.concatenate([random.uniform(-110, 110, 1000), random.normal(0, 3, 1000), random.uniform(10, 20, 300)])
    x = np.concatenate([magnitudes, -magnitudes, tails, -tails, [0.0]]).astype(np.float32)
    return x[np.abs(x) < 120]


def test_set(function):
    """(input, target, labels) with a row for each question."""
    random = np.random.default_rng(11)
    if function in ELEMENTWISE:
        return every_magnitude()[:, None], None, None
    if function == "bce_with_logits":
        x = every_magnitude()
        return np.concatenate([x, x])[:, None], np.repeat(np.float32([0, 1]), len(x))[:, None], None
    if function == "mse":
        x = random.normal(0, 3, 2000).astype(np.float32)
        y = np.where(np.arange(2000) % 2, random.normal(0, 3, 2000), x * (1 + 1e-3 * random.random(2000)))
        return x[:, None], y.astype(np.float32)[:, None], None
    # Rows of ten classes, of which some are sure of themselves, as those of a trained classifier are.
    x = random.normal(0, 1, (1200, 10)) * np.repeat([1.0, 3.0, 10.0, 30.0], 300)[:, None]
    x = x.astype(np.float32)
    labels = np.where(np.arange(1200) % 3, x.argmax(1), random.integers(0, 10, 1200)).astype(np.int64)
    return x, None, labels


def exact(function, x, y, labels):
    """(losses or outputs, gradients) of a test set in mpmath's numbers, flat; each row is a call of its own."""
    mp = mpmath.mpf
    one = mp(1)
    values, gradients = [], []
    for row in range(len(x)):
        t = [mp(float(v)) for v in x[row]]
        if function == "mse":
            d = t[0] - mp(float(y[row, 0]))
            values.append(d * d)
            gradients.append(2 * d)
        elif function in ELEMENTWISE or function == "bce_with_logits":
            z = t[0]
            softplus = max(z, mp(0)) + mpmath.log1p(mpmath.exp(-abs(z)))
            if function == "softplus":
                values.append(softplus)
            elif function == "log_sigmoid":
                values.append(-(max(-z, mp(0)) + mpmath.log1p(mpmath.exp(-abs(z)))))
            elif function == "sigmoid":
                values.append(one / (one + mpmath.exp(-z)))
            else:
                target = mp(float(y[row, 0]))
                values.append(softplus - z * target)
                gradients.append(one / (one + mpmath.exp(-z)) - target)
        else:
            highest = max(t)
            e = [mpmath.exp(v - highest) for v in t]
            total = sum(e)
            others = total - 1
            log = mpmath.log1p(others)
            if function == "softmax":
                values.extend(v / total for v in e)
            elif function == "log_softmax":
                values.extend((v - highest) - log for v in t)
            else:
                label = labels[row]
                values.append(log - (t[label] - highest))
                gradients.extend(v / total - (1 if j == label else 0) for j, v in enumerate(e))
    return values, gradients


# The numbers that are timed.


def double(function, x, y, labels):
    """(mean loss or None, outputs or gradient of the mean) in f64."""
    x = x.astype(np.float64)
    if function == "mse":
        d = x - y
        return np.mean(d * d), 2 * d / x.size
    if function in ELEMENTWISE or function == "bce_with_logits":
        e = np.exp(-np.abs(x))
        if function == "softplus":
            return None, np.maximum(x, 0) + np.log1p(e)
        if function == "log_sigmoid":
            return None, np.minimum(x, 0) - np.log1p(e)
        low = e / (1 + e)
        high = 1 / (1 + e)
        if function == "sigmoid":
            return None, np.where(x >= 0, high, low)
        # Targets of 0 and 1 only: (1 - 2y) x is the logit whose softplus is the loss, and whose sigmoid the gradient.
        z = np.where(y == 1, -x, x)
        loss = np.maximum(z, 0) + np.log1p(e)
        return np.mean(loss), np.where(y == 1, -1, 1) * np.where(z >= 0, high, low) / x.size
    rows = np.arange(len(x))
    top = x.argmax(1)
    highest = x[rows, top][:, None]
    e = np.exp(x - highest)
    e[rows, top] = 0
    others = e.sum(1, keepdims=True)
    log = np.log1p(others)
    if function == "log_softmax":
        return None, (x - highest) - log
    e[rows, top] = 1
    e /= 1 + others
    if function == "softmax":
        return None, e
    loss = np.mean(log[:, 0] - (x[rows, labels] - highest[:, 0]))
    # p - 1 without the cancellation, where the label is the largest.
    e[rows, labels] -= 1
    sure = rows[labels == top]
    e[sure, labels[sure]] = -(others / (1 + others))[sure, 0]
    return loss, e / len(x)
