"""Write how label files of the Hippocampus task (Medical Segmentation Decathlon, Task04) agree with a copy shifted by one voxel along x and two along z.

Usage: python3 tools/goldens/segment_files.py FOLDER test/goldens/segment/hippocampus_shift.json
FOLDER is labelsTr. The committed numbers are those of SciPy 1.10.1 and NumPy 1.24.2; HD95 is the larger of the percentiles
of both directions. Files are unpacked by hand: 8-bit or 32-bit voxels behind a header of vox_offset bytes.
"""

import gzip
import json
import pathlib
import struct
import sys

import numpy as np
import scipy
from scipy import ndimage

CROSS = ndimage.generate_binary_structure(3, 1)
TYPES = {2: np.uint8, 4: np.int16, 8: np.int32, 16: np.float32, 64: np.float64, 256: np.int8, 512: np.uint16}


def read(file):
    data = gzip.decompress(file.read_bytes())
    shape = struct.unpack_from("<3h", data, 42)
    spacing = struct.unpack_from("<3f", data, 80)
    voxels = np.frombuffer(data, TYPES[struct.unpack_from("<h", data, 70)[0]], int(np.prod(shape)), int(struct.unpack_from("<f", data, 108)[0]))
    return voxels.reshape(shape[::-1]).astype(np.int64), spacing[::-1]


def shifted(volume):
    moved = np.zeros_like(volume)
    moved[2:, :, 1:] = volume[:-2, :, :-1]
    return moved


def surface(mask):
    return mask ^ ndimage.binary_erosion(mask, CROSS)


def score(label, predicted, truth, spacing):
    p, t = predicted == label, truth == label
    to_truth = ndimage.distance_transform_edt(~surface(t), sampling=spacing)[surface(p)]
    to_predicted = ndimage.distance_transform_edt(~surface(p), sampling=spacing)[surface(t)]
    pooled = np.concatenate([to_truth, to_predicted])
    common, total = int((p & t).sum()), int(p.sum() + t.sum())
    return {
        "label": label,
        "dice": 2 * common / total,
        "iou": common / (total - common),
        "surfaceDice": float((pooled <= 1.0001).mean()),
        "hd95": float(max(np.percentile(to_truth, 95), np.percentile(to_predicted, 95))),
        "assd": float(pooled.mean()),
        "volumeErrorMm3": float((int(p.sum()) - int(t.sum())) * np.prod(spacing)),
    }


folder = pathlib.Path(sys.argv[1])
cases = {}
for name in ("hippocampus_001", "hippocampus_003", "hippocampus_004"):
    truth, spacing = read(folder / f"{name}.nii.gz")
    cases[name] = [score(label, shifted(truth), truth, spacing) for label in (1, 2)]
rows = ",\n".join(f"{json.dumps(name)}: {json.dumps(case)}" for name, case in cases.items())
pathlib.Path(sys.argv[2]).write_text(f'{{"scipy": "{scipy.__version__}", "numpy": "{np.__version__}", "tolerance": 1, "shift": [1, 0, 2], "cases": {{\n{rows}\n}}}}\n')
