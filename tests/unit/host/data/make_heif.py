#!/usr/bin/env python3
"""Writes heif/*.heic, and the same in AVIF: a picture of four quarters, red, green / blue, white, stored in each orientation.

Needs Pillow and pillow-heif; run by hand:
    python tests/unit/host/data/make_heif.py
"""
import pathlib

import pillow_heif
from PIL import Image, ImageDraw, ImageOps

FOLDER = pathlib.Path(__file__).parent / "heif"
UNDO = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270}

pillow_heif.register_heif_opener()
upright = Image.new("RGB", (64, 48), (255, 0, 0))
draw = ImageDraw.Draw(upright)
draw.rectangle((32, 0, 63, 23), (0, 255, 0))
draw.rectangle((0, 24, 31, 47), (0, 0, 255))
draw.rectangle((32, 24, 63, 47), (255, 255, 255))
FOLDER.mkdir(exist_ok=True)
for orientation in range(1, 9):
    stored = upright.transpose(UNDO[orientation]) if orientation in UNDO else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    for ending, options in (("heic", {"quality": 90}), ("avif", {"quality": 95, "subsampling": "4:4:4"})):
        file = FOLDER / f"orientation{orientation}.{ending}"
        stored.save(file, exif=exif.tobytes(), **options)
        read = ImageOps.exif_transpose(Image.open(file))
        assert read.size == upright.size, (file, read.size)
        for at in ((10, 10), (50, 10), (10, 40), (50, 40)):
            assert max(abs(a - b) for a, b in zip(read.convert("RGB").getpixel(at), upright.getpixel(at))) < 12, (file, at, read.getpixel(at))
wide = b"".join(channel.to_bytes(2, "little") for pixel in upright.getdata() for channel in (257 * value for value in pixel))
pillow_heif.from_bytes(mode="RGB;16", size=upright.size, data=wide).save(FOLDER / "ten-bits.heic", quality=90)
upright.putalpha(Image.new("L", upright.size, 77))
upright.save(FOLDER / "alpha.heic", quality=90)
upright.save(FOLDER / "alpha.avif", quality=95)
