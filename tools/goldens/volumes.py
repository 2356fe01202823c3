"""Write what nibabel, SciPy and NumPy make of small volumes: resampling, orientations, percentiles, quaternions.

Usage: python3 tools/goldens/volumes.py test/goldens/volumes.json
The committed file was made with nibabel 5.4.2, SciPy 1.17.1 and NumPy 2.4.6.
"""

import json
import pathlib
import sys

import nibabel
import numpy as np
from nibabel.orientations import aff2axcodes
from scipy import ndimage
from scipy.spatial.transform import Rotation

generator = np.random.default_rng(5)


def linear(shape, target):
    values = generator.integers(-100, 100, shape).astype(np.float64)
    zoom = [new / old for old, new in zip(shape, target)]
    out = ndimage.zoom(values, zoom, order=1, mode="nearest", grid_mode=True)
    assert out.shape == target
    return {
        "shape": shape,
        "target": target,
        "input": values.ravel("F").astype(int).tolist(),
        "output": [round(value, 9) for value in out.ravel("F")],
    }


def affine(index):
    if index % 3 == 0:
        steps = np.eye(3)[generator.permutation(3)] * generator.choice([-1, 1], 3) * generator.uniform(0.3, 4, 3)
        matrix = steps + generator.normal(size=(3, 3)) * 0.05
    else:
        matrix = generator.normal(size=(3, 3))
    out = np.eye(4)
    out[:3, :3] = np.round(matrix, 4)
    out[:3, 3] = np.round(generator.normal(size=3) * 50, 2)
    return out


def canonical(matrix):
    values = np.arange(12).reshape((2, 3, 2), order="F").astype(np.int16)
    image = nibabel.as_closest_canonical(nibabel.Nifti1Image(values, matrix))
    return {
        "affine": matrix.ravel().tolist(),
        "shape": list(image.shape),
        "data": np.asarray(image.dataobj).ravel("F").tolist(),
        "canonical": image.affine.ravel().tolist(),
    }


def qform(index):
    rotation = Rotation.random(random_state=index).as_matrix() if index < 6 else np.diag([[-1, -1, 1], [1, -1, -1]][index - 6])
    matrix = np.eye(4)
    matrix[:3, :3] = rotation * np.array([1.5, 2, 3.25])
    if index % 2:
        matrix[:3, 2] *= -1
    matrix[:3, 3] = [-10, 20.5, 3]
    header = nibabel.Nifti2Header()
    header.set_qform(matrix, 1)
    quaternion = [float(header[f"quatern_{part}"]) for part in "bcd"]
    return {"affine": matrix.ravel().tolist(), "quaternion": quaternion, "qfac": int(header["pixdim"][0])}


def percentiles():
    values = generator.integers(-50, 50, 37)
    limits = [(0.5, 99.5), (5, 95), (0, 100), (33, 33)]
    clips = [[lower, upper, float(np.percentile(values, lower)), float(np.percentile(values, upper))] for lower, upper in limits]
    return {"values": values.tolist(), "clips": clips, "mean": float(values.mean()), "std": float(values.std())}


pairs = [((3, 4, 2), (5, 3, 4)), ((4, 1, 3), (2, 3, 3)), ((2, 3, 5), (4, 6, 10)), ((7, 5, 3), (3, 2, 2))]
affines = [matrix for matrix in map(affine, range(60)) if abs(np.linalg.det(matrix)) > 1e-2]
goldens = {
    "linear": [linear(*pair) for pair in pairs],
    "axcodes": [{"affine": matrix.ravel().tolist(), "codes": "".join(aff2axcodes(matrix))} for matrix in affines],
    "canonical": [canonical(matrix) for matrix in affines[:12]],
    "qform": [qform(index) for index in range(8)],
    "percentiles": percentiles(),
}
pathlib.Path(sys.argv[1]).write_text(json.dumps(goldens) + "\n")
