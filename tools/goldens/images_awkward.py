"""Write what Pillow makes of every file of a folder of awkward images: size after EXIF orientation and SHA-256 of the RGB bytes, or its error.

Usage: python3 tools/goldens/images_awkward.py FOLDER test/goldens/images_awkward.json
FOLDER holds contents.tsv, whose first column names the files. The committed numbers are those of Pillow 12.3.0.
"""

import hashlib
import json
import pathlib
import sys
import warnings

import PIL
from PIL import Image, ImageOps

warnings.simplefilter("ignore")


def describe(path):
    try:
        image = Image.open(path)
        image.load()
        rgb = ImageOps.exif_transpose(image).convert("RGB")
    except Exception as error:  # what Pillow throws at damaged files has no common base class
        return {"error": type(error).__name__}
    return {"mode": image.mode, "width": rgb.width, "height": rgb.height, "sha256": hashlib.sha256(rgb.tobytes()).hexdigest()}


folder = pathlib.Path(sys.argv[1])
names = [line.split("\t")[0] for line in (folder / "contents.tsv").read_text().splitlines()]
files = {name: describe(folder / name) for name in names}
rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(files[name])}" for name in names)
pathlib.Path(sys.argv[2]).write_text(f'{{"pillow": "{PIL.__version__}", "files": {{\n{rows}\n}}}}\n')
