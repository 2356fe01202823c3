"""Write what PyTorch and scikit-learn make of losses and metrics of images with several classes.

Usage: python3 tools/goldens/multi_label.py > test/goldens/ops/multi_label.json
The committed numbers are those of PyTorch 1.13.0 and scikit-learn 1.2.1, in double precision. `asymmetric_loss` is AsymmetricLoss of
https://github.com/Alibaba-MIIL/ASL (commit 05b193d8, MIT), its steps written out with the reduction as an option. Scores have ties,
and one class has no positives (scikit-learn gives it 0 and warns; null here).
"""

import json
import sys

import numpy as np
import torch
from sklearn.metrics import average_precision_score, precision_recall_curve

rng = np.random.default_rng(20)


def reduced(costs, reduction):
    return costs if reduction == "none" else getattr(costs, reduction)()


def binary_cross_entropy(x, y, reduction="mean", label_smoothing=0.0, weight=None):
    smoothed = (1 - label_smoothing) * y + label_smoothing / 2
    return torch.nn.functional.binary_cross_entropy_with_logits(x, smoothed, weight=weight, reduction=reduction)


def asymmetric_loss(x, y, reduction="mean", gamma_neg=4.0, gamma_pos=1.0, clip=0.05, eps=1e-8):
    xs_pos = torch.sigmoid(x)
    xs_neg = 1 - xs_pos
    if clip > 0:
        xs_neg = (xs_neg + clip).clamp(max=1)
    loss = y * torch.log(xs_pos.clamp(min=eps)) + (1 - y) * torch.log(xs_neg.clamp(min=eps))
    if gamma_neg > 0 or gamma_pos > 0:
        pt = xs_pos * y + xs_neg * (1 - y)
        loss = loss * torch.pow(1 - pt, gamma_pos * y + gamma_neg * (1 - y))
    return reduced(-loss, reduction)


LOGITS = np.float64(np.float32(rng.uniform(-6, 6, (4, 5))))
# At 0, where a gradient by cases would go wrong, and where exp overflows float32.
LOGITS[0, :3] = [0, 0, 0.5]
WIDE = np.array([[0.0, 90, -90, 15, -15], [200, -200, 30, -30, 0]])
HARD = np.float64(rng.random((4, 5)) < 0.4)
HARD[3] = 0
SOFT = np.float64(np.float32(rng.random((4, 5))))
WEIGHT = np.float64(np.float32(rng.uniform(0.5, 2, 5)))


def loss_case(name, loss, x, y, **options):
    logits = torch.tensor(x, requires_grad=True)
    given = {key: torch.tensor(value) if isinstance(value, np.ndarray) else value for key, value in options.items()}
    output = {"binary_cross_entropy": binary_cross_entropy, "asymmetric": asymmetric_loss}[loss](logits, torch.tensor(y), **given)
    output.sum().backward()
    stored = {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in options.items()}
    return {
        "name": name,
        "loss": loss,
        "options": stored,
        "shape": list(x.shape),
        "logits": x.ravel().tolist(),
        "targets": y.ravel().tolist(),
        "output": output.detach().numpy().ravel().tolist(),
        "gradient": logits.grad.numpy().ravel().tolist(),
    }


def best_f1(truth, scores):
    precision, recall, thresholds = precision_recall_curve(truth, scores)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-300)
    return float(f1[:-1].max())


def ranking_case(name, truth, scores):
    has = bool(np.any(truth))
    return {
        "name": name,
        "truth": [int(each) for each in truth],
        "scores": [float(each) for each in scores],
        "averagePrecision": float(average_precision_score(truth, scores)) if has else None,
        "bestF1": best_f1(truth, scores) if has else None,
    }


random = rng.random(200) < 0.15
noisy = np.float64(np.float32(rng.normal(0, 1, 200) + 1.2 * random))
VOLUME = np.float64(np.float32(rng.uniform(-3, 3, (2, 3, 2, 2))))

json.dump(
    {
        "about": "see README.md",
        "torch": torch.__version__,
        "losses": [
            loss_case("bce mean", "binary_cross_entropy", LOGITS, HARD),
            loss_case("bce sum", "binary_cross_entropy", LOGITS, HARD, reduction="sum"),
            loss_case("bce none", "binary_cross_entropy", LOGITS, HARD, reduction="none"),
            loss_case("bce mixed targets", "binary_cross_entropy", LOGITS, SOFT),
            loss_case("bce class weights", "binary_cross_entropy", LOGITS, HARD, weight=WEIGHT),
            loss_case("bce label smoothing", "binary_cross_entropy", LOGITS, HARD, label_smoothing=0.1),
            loss_case("bce wide logits", "binary_cross_entropy", WIDE, np.float64(WIDE < 0)),
            loss_case("bce maps", "binary_cross_entropy", VOLUME, np.float64(VOLUME > 1)),
            loss_case("asymmetric sum", "asymmetric", LOGITS, HARD, reduction="sum"),
            loss_case("asymmetric mean", "asymmetric", LOGITS, HARD),
            loss_case("asymmetric none", "asymmetric", LOGITS, HARD, reduction="none"),
            loss_case("asymmetric no margin", "asymmetric", LOGITS, HARD, gamma_neg=2.0, gamma_pos=0.0, clip=0.0),
            loss_case("asymmetric margin only", "asymmetric", LOGITS, HARD, gamma_neg=0.0, gamma_pos=0.0, clip=0.2),
            loss_case("asymmetric exponents 1.5", "asymmetric", LOGITS, HARD, gamma_neg=1.5, gamma_pos=1.5, clip=0.05),
            loss_case("asymmetric exponents 1", "asymmetric", LOGITS, HARD, gamma_neg=1.0, gamma_pos=1.0, clip=0.05),
        ],
        "rankings": [
            ranking_case("no ties", random, noisy),
            ranking_case("ties", random, np.round(noisy, 0)),
            ranking_case("all equal", random, np.zeros(200)),
            ranking_case("all positive", np.ones(7), noisy[:7]),
            ranking_case("no positives", np.zeros(7), noisy[:7]),
            ranking_case("perfect", [0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]),
            ranking_case("reversed", [1, 1, 0, 0], [0.1, 0.2, 0.8, 0.9]),
            ranking_case("one image", [1], [0.3]),
        ],
    },
    sys.stdout,
    separators=(",", ":"),
)
sys.stdout.write("\n")
