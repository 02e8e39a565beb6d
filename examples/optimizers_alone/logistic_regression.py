"""Scikit-learn's logistic regression, computed by gradient descent on the arrays of any library.

The program requires scikit-learn, compares the coefficients with scikit-learn's, and computes in float64.
"""

import argparse
import os
from typing import Any

from array_api_compat import array_namespace

import cutedl_xp as cdl

Array = Any
Params = dict[str, Array]


def loss_and_gradients(params: Params, x: Array, y: Array, penalty: float) -> tuple[Array, Params]:
    """Return the mean cross-entropy of classes 0 and 1 plus penalty / 2 times the sum of squared coefficients."""
    xp = array_namespace(x)
    z = x @ params["coefficients"] + params["intercept"]
    softplus = xp.logaddexp(xp.zeros_like(z), z)
    loss = xp.mean(softplus - y * z) + penalty / 2 * xp.sum(params["coefficients"] ** 2)
    error = xp.exp(z - softplus) - y
    slopes = x.T @ error / x.shape[0] + penalty * params["coefficients"]
    return loss, {"coefficients": slopes, "intercept": xp.mean(error)}


def fit(optimizer: cdl.optimizers.Optimizer, x: Array, y: Array, penalty: float, updates: int) -> Params:
    """Return the coefficients and the intercept, starting at 0, as arrays of the library and device of x and y."""
    xp = array_namespace(x)
    params = {"coefficients": xp.zeros_like(x[0, :]), "intercept": xp.zeros_like(y[0])}
    state = optimizer.init(params)
    for _ in range(updates):
        _, gradients = loss_and_gradients(params, x, y, penalty)
        params, state = optimizer.update(params, gradients, state)
    return params


def compare(backend: cdl.Backend) -> None:
    """Print both results for the 569 samples with 30 features that scikit-learn contains."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    samples, classes = load_breast_cancer(return_X_y=True)
    samples = StandardScaler().fit_transform(samples)
    theirs = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-10).fit(samples, classes)

    x, y = backend.asarray(samples), backend.asarray(classes, dtype="float64")
    penalty = 1.0 / len(samples)  # scikit-learn multiplies the sum of the cross-entropies by C; this is a mean
    optimizer = cdl.optimizers.Momentum(lr=0.3, momentum=0.95, nesterov=True)  # the curvature is below 1 / 0.3
    updates = 1_500
    ours = fit(optimizer, x, y, penalty, updates)

    reference: Params = {
        "coefficients": backend.asarray(theirs.coef_[0]),
        "intercept": backend.asarray(theirs.intercept_[0], dtype="float64"),
    }
    print(f"{'':18}{'loss':>16}{'accuracy':>10}{'first coefficients':>32}{'intercept':>12}")
    for name, params in (("scikit-learn", reference), (backend.name, ours)):
        loss = float(loss_and_gradients(params, x, y, penalty)[0])
        positive = backend.to_numpy(x @ params["coefficients"] + params["intercept"]) > 0
        first = "".join(f"{each:10.6f}" for each in backend.to_numpy(params["coefficients"])[:3])
        accuracy, intercept = (positive == classes).mean(), float(params["intercept"])
        print(f"{name:18}{loss:16.12f}{accuracy:10.4f}{first:>32}{intercept:12.6f}")
    largest = abs(backend.to_numpy(ours["coefficients"]) - theirs.coef_[0]).max()
    print(f"largest difference of a coefficient after {updates} updates: {largest:.1e}")


def main() -> None:
    """Read the arguments and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, usage=argparse.SUPPRESS)  # an error is one line
    parser.add_argument("--backend", metavar="NAME", default="numpy", help="numpy (default), torch, jax, cupy, cupy:1")
    args = parser.parse_args()
    os.environ.setdefault("JAX_ENABLE_X64", "1")  # before the import of JAX, which uses float32 otherwise
    try:
        backend = cdl.get_backend(args.backend)
    except (cdl.BackendUnavailable, ValueError) as error:
        parser.error(str(error).replace("`name`", "--backend"))
    try:
        compare(backend)
    except ImportError as error:
        parser.error(f"scikit-learn is missing: pip install scikit-learn ({error})")


if __name__ == "__main__":
    main()
