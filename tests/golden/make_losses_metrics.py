"""Makes losses_metrics.npz: the losses and metrics of Keras 3, for tests that compare.

    python tests/golden/make_losses_metrics.py

Made with keras 3.15.1 on torch 2.13.0; the file holds the versions that it was made with. Everything is computed in
float64. Each case is a group ``losses/<name>/...`` or ``metrics/<name>/...``: ``spec`` is JSON that says what was
called, the rest are arrays; metrics see three batches of uneven sizes.
"""

import json
import os
import pathlib

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import torch

keras.config.set_floatx("float64")
rng = np.random.default_rng(7)

LOSSES = {
    "mse": ("MeanSquaredError", {}, "reals"),
    "mse_mean_with_weight": ("MeanSquaredError", {"reduction": "mean_with_sample_weight"}, "reals"),
    "mae": ("MeanAbsoluteError", {"reduction": "sum"}, "reals"),
    "mape": ("MeanAbsolutePercentageError", {}, "reals"),
    "msle": ("MeanSquaredLogarithmicError", {}, "reals"),
    "huber": ("Huber", {"delta": 0.7}, "reals"),
    "log_cosh": ("LogCosh", {}, "reals"),
    "cosine": ("CosineSimilarity", {}, "reals"),
    "hinge": ("Hinge", {}, "many"),
    "hinge_signed": ("Hinge", {}, "signs"),
    "squared_hinge": ("SquaredHinge", {}, "many"),
    "categorical_hinge": ("CategoricalHinge", {}, "one"),
    "kld": ("KLDivergence", {}, "simplex"),
    "poisson": ("Poisson", {}, "counts"),
    "bce": ("BinaryCrossentropy", {"label_smoothing": 0.2}, "many"),
    "cce": ("CategoricalCrossentropy", {"label_smoothing": 0.1}, "simplex"),
    "scce_ignore": ("SparseCategoricalCrossentropy", {"ignore_class": 2}, "label"),
    "scce_logits_ignore": ("SparseCategoricalCrossentropy", {"ignore_class": 1, "from_logits": True}, "label"),
    "binary_focal": ("BinaryFocalCrossentropy", {"gamma": 1.5}, "many"),
    "binary_focal_balanced": ("BinaryFocalCrossentropy", {"apply_class_balancing": True, "alpha": 0.4,
                                                          "label_smoothing": 0.1, "from_logits": True}, "many"),
    "categorical_focal": ("CategoricalFocalCrossentropy", {"alpha": [0.1, 0.2, 0.3, 0.4]}, "one"),
    "categorical_focal_logits": ("CategoricalFocalCrossentropy", {"gamma": 3.0, "from_logits": True}, "one"),
    "gce": ("CategoricalGeneralizedCrossEntropy", {"q": 0.3}, "label"),
    "dice": ("Dice", {}, "many"),
    "dice_axis": ("Dice", {"axis": [1]}, "many"),
    "tversky": ("Tversky", {"alpha": 0.3, "beta": 0.8}, "many"),
    "circle": ("Circle", {"gamma": 3.0, "margin": 0.3}, "embeddings"),
    "ctc": ("CTC", {}, "sequences"),
}
METRICS = {
    "mean": ("Mean", {}, "values"),
    "sum": ("Sum", {}, "values"),
    "mse": ("MeanSquaredError", {}, "reals"),
    "rmse": ("RootMeanSquaredError", {}, "reals"),
    "mae": ("MeanAbsoluteError", {}, "reals"),
    "mape": ("MeanAbsolutePercentageError", {}, "reals"),
    "msle": ("MeanSquaredLogarithmicError", {}, "reals"),
    "logcosh": ("LogCoshError", {}, "reals"),
    "cosine": ("CosineSimilarity", {}, "reals"),
    "pearson": ("PearsonCorrelation", {}, "reals"),
    "concordance": ("ConcordanceCorrelation", {}, "reals"),
    "r2": ("R2Score", {}, "reals"),
    "r2_raw": ("R2Score", {"class_aggregation": None}, "reals"),
    "r2_variance": ("R2Score", {"class_aggregation": "variance_weighted_average"}, "reals"),
    "r2_adjusted": ("R2Score", {"num_regressors": 2}, "reals"),
    "hinge": ("Hinge", {}, "many"),
    "squared_hinge": ("SquaredHinge", {}, "many"),
    "categorical_hinge": ("CategoricalHinge", {}, "one"),
    "poisson": ("Poisson", {}, "counts"),
    "kld": ("KLDivergence", {}, "simplex"),
    "bce": ("BinaryCrossentropy", {"label_smoothing": 0.1}, "many"),
    "cce": ("CategoricalCrossentropy", {}, "one"),
    "scce": ("SparseCategoricalCrossentropy", {"from_logits": True}, "label"),
    "binary_accuracy": ("BinaryAccuracy", {"threshold": 0.4}, "many"),
    "categorical_accuracy": ("CategoricalAccuracy", {}, "one"),
    "sparse_categorical_accuracy": ("SparseCategoricalAccuracy", {}, "label"),
    "top_k": ("TopKCategoricalAccuracy", {"k": 2}, "one"),
    "sparse_top_k": ("SparseTopKCategoricalAccuracy", {"k": 2}, "label"),
    "true_positives": ("TruePositives", {"thresholds": [0.3, 0.7]}, "many"),
    "true_negatives": ("TrueNegatives", {}, "many"),
    "false_positives": ("FalsePositives", {}, "many"),
    "false_negatives": ("FalseNegatives", {"thresholds": 0.6}, "many"),
    "precision": ("Precision", {}, "many"),
    "precision_thresholds": ("Precision", {"thresholds": [0.2, 0.5, 0.8]}, "many"),
    "precision_class": ("Precision", {"class_id": 1}, "many"),
    "precision_top_k": ("Precision", {"top_k": 2}, "many"),
    "recall": ("Recall", {"thresholds": 0.4}, "many"),
    "recall_top_k_class": ("Recall", {"top_k": 2, "class_id": 3}, "many"),
    "sensitivity": ("SensitivityAtSpecificity", {"specificity": 0.6}, "many"),
    "specificity": ("SpecificityAtSensitivity", {"sensitivity": 0.6, "num_thresholds": 50}, "many"),
    "precision_at_recall": ("PrecisionAtRecall", {"recall": 0.5}, "many"),
    "recall_at_precision": ("RecallAtPrecision", {"precision": 0.5, "class_id": 2}, "many"),
    "auc": ("AUC", {}, "many"),
    "auc_minoring": ("AUC", {"summation_method": "minoring", "num_thresholds": 20}, "many"),
    "auc_majoring": ("AUC", {"summation_method": "majoring", "curve": "PR"}, "many"),
    "auc_pr": ("AUC", {"curve": "PR"}, "many"),
    "auc_prgain": ("AUC", {"curve": "PRGAIN"}, "many"),
    "auc_thresholds": ("AUC", {"thresholds": [0.1, 0.35, 0.5, 0.9]}, "many"),
    "auc_labels": ("AUC", {"multi_label": True, "num_labels": 4}, "many"),
    "auc_labels_weighted": ("AUC", {"multi_label": True, "num_labels": 4, "label_weights": [0.1, 0.2, 0.3, 0.4],
                                    "curve": "PR"}, "many"),
    "f1": ("F1Score", {}, "one"),
    "f1_micro": ("F1Score", {"average": "micro"}, "one"),
    "f1_threshold": ("F1Score", {"average": "weighted", "threshold": 0.5}, "many"),
    "fbeta": ("FBetaScore", {"average": "macro", "beta": 2.0}, "one"),
    "iou": ("IoU", {"num_classes": 4, "target_class_ids": [0, 2]}, "classes"),
    "mean_iou": ("MeanIoU", {"num_classes": 4}, "classes"),
    "mean_iou_ignore": ("MeanIoU", {"num_classes": 4, "ignore_class": 1}, "classes"),
    "binary_iou": ("BinaryIoU", {"threshold": 0.4, "target_class_ids": [1]}, "binary"),
    "one_hot_iou": ("OneHotIoU", {"num_classes": 4, "target_class_ids": [1]}, "one"),
    "one_hot_mean_iou": ("OneHotMeanIoU", {"num_classes": 4}, "one"),
}
UNWEIGHTED = {"auc_labels", "auc_labels_weighted"}      # where Keras 3 cannot weigh samples


def normal(*shape):
    """Multiples of 1/64, which the file keeps in little space."""
    return np.round(rng.standard_normal(shape) * 64) / 64


def drawn(kind, n, from_logits):
    k = 4
    x = normal(n, k)
    softmax, logistic = np.exp(x) / np.exp(x).sum(-1, keepdims=True), 1 / (1 + np.exp(-x))
    one = np.eye(k)[rng.integers(0, k, n)]
    return {
        "values": (normal(n), None),
        "reals": (normal(n, k), x),
        "many": ((rng.random((n, k)) < 0.4).astype(float), x if from_logits else logistic),
        "binary": ((rng.random((n, 1)) < 0.4).astype(float), logistic[:, :1]),
        "signs": (rng.choice([-1.0, 1.0], (n, k)), x),
        "one": (one, x if from_logits else softmax),
        "simplex": (rng.dirichlet(np.ones(k), n), softmax),
        "label": (rng.integers(0, k, n), x if from_logits else softmax),
        "counts": (rng.integers(0, 5, (n, k)).astype(float), np.exp(x)),
        "classes": (rng.integers(0, k, n), rng.integers(0, k, n)),
        "embeddings": (rng.integers(0, 2, n), x / np.sqrt((x * x).sum(-1, keepdims=True))),
        "sequences": (rng.integers(1, 5, (n, 3)), normal(n, 8, 5)),
    }[kind]


def loss_case(name, cls, args, kind):
    y_true, y_pred = drawn(kind, 6, args.get("from_logits"))
    case = {"y_true": y_true, "y_pred": y_pred, "weights": np.abs(normal(6))}
    loss = getattr(keras.losses, cls)(**{k: tuple(v) if k == "axis" else v for k, v in args.items()})
    case["value"] = array(loss(y_true, y_pred))
    if name != "dice" and name != "tversky":        # one number for the batch: nothing to weigh
        case["weighted"] = array(loss(y_true, y_pred, sample_weight=case["weights"]))
    return case


def metric_case(name, cls, args, kind):
    case = {}
    plain, weighted = (getattr(keras.metrics, cls)(**args, **({"dtype": "float64"} if "IoU" in cls else {}))
                       for _ in range(2))
    for i, n in enumerate((5, 11, 2)):
        y_true, y_pred = drawn(kind, n, args.get("from_logits"))
        weights = np.round(rng.random(n) * 64) / 64
        given = (y_true,) if y_pred is None else (y_true, y_pred)
        plain.update_state(*given)
        case |= {f"y_true{i}": y_true, f"weights{i}": weights}
        if y_pred is not None:
            case[f"y_pred{i}"] = y_pred
        if name not in UNWEIGHTED:
            weighted.update_state(*given, sample_weight=weights)
    case["value"] = array(plain.result())
    if name not in UNWEIGHTED:
        case["weighted"] = array(weighted.result())
    return case


def array(x):
    return keras.ops.convert_to_numpy(x)


def main():
    arrays = {"versions": np.array(f"keras {keras.__version__}, torch {torch.__version__}, numpy {np.__version__}")}
    for kind, table, make in (("losses", LOSSES, loss_case), ("metrics", METRICS, metric_case)):
        for name, case in table.items():
            arrays[f"{kind}/{name}/spec"] = np.array(json.dumps(case[:2]))
            arrays |= {f"{kind}/{name}/{key}": value for key, value in make(name, *case).items()}
    np.savez_compressed(pathlib.Path(__file__).parent / "losses_metrics.npz", **arrays)


if __name__ == "__main__":
    main()
