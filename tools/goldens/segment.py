"""Write what SciPy and NumPy make of small volumes of labels: distances, surfaces, components, holes, window weights.

Usage: python3 tools/goldens/segment.py test/goldens/segment/segment.json
Volumes are indexed [z, y, x] here and written as one digit per voxel, x fastest. The committed numbers are those of
SciPy 1.10.1 and NumPy 1.24.2. HD95 is computed by the two common rules: `directed`, the larger of the percentiles of both
directions, and `pooled`, one percentile of all distances.
"""

import json
import pathlib
import sys

import numpy as np
import scipy
from scipy import ndimage

generator = np.random.default_rng(20)
CROSS = ndimage.generate_binary_structure(3, 1)


def blobs(shape, share):
    noise = ndimage.gaussian_filter(generator.standard_normal(shape), 1.2)
    return noise > np.quantile(noise, 1 - share)


def text(volume):
    return "".join(str(int(value)) for value in volume.ravel())


def grid(volume, spacing):
    return {"shape": list(reversed(volume.shape)), "spacing": list(reversed(spacing))}


def surface(mask):
    return mask ^ ndimage.binary_erosion(mask, CROSS)


def agreement(predicted, truth, spacing, tolerance):
    to_truth = ndimage.distance_transform_edt(~surface(truth), sampling=spacing)[surface(predicted)]
    to_predicted = ndimage.distance_transform_edt(~surface(predicted), sampling=spacing)[surface(truth)]
    pooled = np.concatenate([to_truth, to_predicted])
    common, total = int((predicted & truth).sum()), int(predicted.sum() + truth.sum())
    return {
        **grid(truth, spacing),
        "predicted": text(predicted),
        "truth": text(truth),
        "tolerance": tolerance,
        "dice": 2 * common / total,
        "iou": common / (total - common),
        "surfaceDice": float((pooled <= tolerance).mean()),
        "hd95": {
            "directed": float(max(np.percentile(to_truth, 95), np.percentile(to_predicted, 95))),
            "pooled": float(np.percentile(pooled, 95)),
        },
        "assd": float(pooled.mean()),
        "volumeErrorMm3": float((int(predicted.sum()) - int(truth.sum())) * np.prod(spacing)),
    }


def distances(mask, spacing):
    values = ndimage.distance_transform_edt(~mask, sampling=spacing)
    return {**grid(mask, spacing), "mask": text(mask), "distances": [float(f"{value:.13g}") for value in values.ravel()]}


def components(mask):
    counts = {}
    for order, name in ((1, 6), (2, 18), (3, 26)):
        labels, count = ndimage.label(mask, ndimage.generate_binary_structure(3, order))
        counts[name] = {"sizes": sorted((int((labels == i).sum()) for i in range(1, count + 1)), reverse=True)}
    return {"shape": list(reversed(mask.shape)), "mask": text(mask), "connectivity": counts}


def holes(mask):
    filled = ndimage.binary_fill_holes(mask)
    return {"shape": list(reversed(mask.shape)), "mask": text(mask), "surface": text(surface(mask)), "filled": text(filled)}


def window(size):
    impulse = np.zeros(size)
    impulse[size // 2] = 1
    weights = ndimage.gaussian_filter(impulse, size / 8, mode="constant")
    return {"size": size, "weights": [float(f"{value:.13g}") for value in weights / weights.max()]}


SPACINGS = [(1.0, 1.0, 1.0), (3.0, 1.0, 1.0), (2.5, 0.7, 0.45), (0.8, 1.6, 1.1)]
document = {
    "scipy": scipy.__version__,
    "numpy": np.__version__,
    "agreement": [
        agreement(blobs((9, 10, 12), 0.3), blobs((9, 10, 12), 0.25), spacing, tolerance)
        for spacing, tolerance in zip(SPACINGS, (1.0, 1.5, 1.2, 2.0))
    ],
    "distances": [distances(generator.random((4, 5, 6)) < 0.06, spacing) for spacing in SPACINGS],
    "components": [components(generator.random((6, 7, 8)) < share) for share in (0.15, 0.3)],
    "holes": [holes(generator.random((7, 8, 9)) < share) for share in (0.7, 0.85)],
    "windows": [window(size) for size in (1, 5, 9, 33)],
}
rows = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in document.items())
target = pathlib.Path(sys.argv[1])
target.parent.mkdir(parents=True, exist_ok=True)
target.write_text("{\n" + rows.replace("}, {", "},\n{") + "\n}\n")
