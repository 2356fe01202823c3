"""Writes test/goldens/keras/keras3_layers.json: which layer Keras 3 saves under which number.

Every variable of a model gets a value of its own before save_weights, so that the file says which variable is where.

    pip install keras==3.15.1 h5py scipy    # and a backend: KERAS_BACKEND=torch, jax or tensorflow
    python tools/goldens/keras3_layers.py
"""

import json
import os
import tempfile

import h5py
import keras
import numpy as np

MODELS = {"inception_v3": keras.applications.InceptionV3, "inception_resnet_v2": keras.applications.InceptionResNetV2}
CLASSES = {"Conv2D": "conv2d", "BatchNormalization": "batch_normalization", "Dense": "dense"}
VARIABLES = {
    "conv2d": ["kernel", "bias"],
    "batch_normalization": ["beta", "moving_mean", "moving_variance"],
    "dense": ["kernel", "bias"],
}


def marked(model):
    marks = {}
    for layer in model.layers:
        for variable in layer.weights:
            value = len(marks) + 1
            variable.assign(np.full(variable.shape, value, "float32"))
            marks[value] = (layer.name, CLASSES[type(layer).__name__], variable.name)
    return marks


def saved_layers(build):
    keras.backend.clear_session()
    model = build(weights=None)
    marks = marked(model)
    layers = {}
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "x.weights.h5")
        model.save_weights(file)
        with h5py.File(file) as saved:

            def visit(path, item):
                if not isinstance(item, h5py.Dataset):
                    return
                layer, kind, variable = marks[int(item[...].flat[0])]
                _, name, _, position = path.split("/")
                number = 0 if name == kind else int(name[len(kind) + 1 :])
                assert layers.setdefault(kind, {}).setdefault(number, layer) == layer, path
                assert VARIABLES[kind][int(position)] == variable, path

            saved.visititems(visit)
    return {kind: [by_number[i] for i in range(len(by_number))] for kind, by_number in sorted(layers.items())}


source = (
    f"keras {keras.__version__}, {keras.backend.backend()} backend: save_weights of keras.applications models whose variables "
    "were set to known values; each list has the name of the layer that was saved as number 0, 1, 2, … of its class"
)
models = {name: saved_layers(build) for name, build in MODELS.items()}
rows = [
    f"    {json.dumps(name)}: {{\n" + ",\n".join(f"      {json.dumps(k)}: {json.dumps(v)}" for k, v in kinds.items()) + "\n    }"
    for name, kinds in models.items()
]
text = f'{{\n  "source": {json.dumps(source, ensure_ascii=False)},\n  "models": {{\n' + ",\n".join(rows) + "\n  }\n}\n"
with open(os.path.join(os.path.dirname(__file__), "../../test/goldens/keras/keras3_layers.json"), "w", encoding="utf-8") as out:
    out.write(text)
