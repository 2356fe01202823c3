"""Write small images of every kind that is decoded, with the RGB bytes that Pillow reads from each.

Usage: python3 tools/goldens/pillow_decode.py test/goldens/pillow_decode.json
The committed file was made with Pillow 12.3.0.
"""

import base64
import hashlib
import io
import json
import pathlib
import struct
import sys

import PIL
from PIL import Image, ImageOps

WIDTH, HEIGHT = 23, 17


def synthetic(mode, value):
    image = Image.new(mode, (WIDTH, HEIGHT))
    for y in range(HEIGHT):
        for x in range(WIDTH):
            image.putpixel((x, y), value(x, y))
    return image


rgb = synthetic("RGB", lambda x, y: (x * 11, y * 15, (x * y * 7) % 256))
gray = rgb.convert("L")
cmyk = synthetic("CMYK", lambda x, y: (x * 11, y * 15, (x * y * 7) % 256, (x * 3 + y * 5) % 256))
holes = synthetic("RGBA", lambda x, y: (x * 11, y * 15, (x * y * 7) % 256, 0 if 5 < x < 12 else 255))
faint = synthetic("RGBA", lambda x, y: (x * 11, y * 15, (x * y * 7) % 256, (x * 29 + y) % 256))
palette = rgb.quantize(16)

files = {}


def add(name, image, **options):
    if "orientation" in options:
        exif = Image.Exif()
        exif[274] = options.pop("orientation")
        options["exif"] = exif
    stream = io.BytesIO()
    image.save(stream, name.rsplit(".", 1)[1].upper().replace("JPG", "JPEG").replace("TIF", "TIFF"), **options)
    files[name] = stream.getvalue()


for sampling, name in enumerate(["444", "422", "420"]):
    add(f"sampling_{name}.jpg", rgb, subsampling=sampling, quality=90)
add("progressive.jpg", rgb, progressive=True)
add("grey.jpg", gray)
add("cmyk.jpg", cmyk)
for value in range(2, 9):
    add(f"orientation_{value}.jpg", rgb, orientation=value)
add("orientation_6.png", rgb, orientation=6)
add("orientation_6.webp", rgb, orientation=6)
add("orientation_5.tif", rgb, orientation=5)
add("cmyk_orientation_8.jpg", cmyk, orientation=8)
add("rgb.png", rgb)
add("grey.png", gray)
add("one_bit.png", gray.convert("1"))
add("grey_alpha.png", faint.convert("LA"))
add("alpha.png", faint)
add("palette.png", palette)
add("palette_alpha.png", palette, transparency=bytes([0, 50, 255, 3]))
add("lossy.webp", rgb)
add("lossless.webp", rgb, lossless=True)
add("alpha.webp", holes, lossless=True, exact=True)
add("animated.webp", rgb, save_all=True, append_images=[rgb.rotate(180)], duration=50)
add("palette.gif", palette)
add("transparent.gif", holes)
add("marked.gif", palette, transparency=3)
add("animated.gif", palette, save_all=True, append_images=[rgb.rotate(180).quantize(16)], duration=50)
add("rgb.tif", rgb)
add("lzw.tif", rgb, compression="tiff_lzw")
add("jpeg.tif", rgb.convert("YCbCr"), compression="jpeg")
add("group4.tif", gray.convert("1"), compression="group4")
add("palette.tif", palette)
add("cmyk.tif", cmyk)
add("alpha.tif", faint)
add("pages.tif", rgb, save_all=True, append_images=[rgb.resize((5, 40))])

# A frame that covers a part of the canvas: patch the canvas and the frame's corner of a small file.
for name, mark in {"partial.gif": {}, "partial_transparent.gif": {"transparency": 5}}.items():
    add(name, palette.resize((9, 7)), **mark)
    patched = bytearray(files[name])
    table = 3 * 2 ** ((patched[10] & 7) + 1) if patched[10] & 0x80 else 0
    frame = patched.index(b"\x2c", 13 + table)
    patched[6:10] = struct.pack("<HH", WIDTH, HEIGHT)
    patched[frame + 1 : frame + 5] = struct.pack("<HH", 4, 6)
    files[name] = bytes(patched)

rows = []
for name, data in files.items():
    read = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    digest = hashlib.sha256(read.tobytes()).hexdigest()
    row = {"file": base64.b64encode(data).decode(), "width": read.width, "height": read.height, "sha256": digest}
    rows.append(f"  {json.dumps(name)}: {json.dumps(row)}")
pathlib.Path(sys.argv[1]).write_text(f'{{"pillow": "{PIL.__version__}", "files": {{\n' + ",\n".join(rows) + "\n}}\n")
