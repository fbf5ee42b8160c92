#!/usr/bin/env python3
"""Writes bmp/*.bmp: one small picture in every kind of BMP, each compared with what Pillow reads, where Pillow reads that kind.

Pixel x, y has color (3 x + 5 y) % N of COLORS, where N is 8, or the number of colors that the depth has. Run by hand:
    python tests/unit/host/data/make_bmp.py
"""
import io
import pathlib
import struct

from PIL import Image

WIDTH, HEIGHT = 13, 7
COLORS = [(0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 0, 255), (0, 255, 255), (255, 255, 255)]
FOLDER = pathlib.Path(__file__).parent / "bmp"
NONE, RLE8, RLE4, FIELDS, ALPHA_FIELDS = 0, 1, 2, 3, 6


def index(x, y, colors):
    return (3 * x + 5 * y) % min(colors, 8)


def rows(bits, pixel, from_top=False):
    """Rows of packed pixels, the lowest first, padded to four bytes."""
    out = b""
    for y in range(HEIGHT) if from_top else reversed(range(HEIGHT)):
        if bits < 8:
            row = "".join(format(pixel(x, y), f"0{bits}b") for x in range(WIDTH))
            row += "0" * (-len(row) % 8)
            row = bytes(int(row[i:i + 8], 2) for i in range(0, len(row), 8))
        else:
            row = b"".join(pixel(x, y).to_bytes(bits // 8, "little") for x in range(WIDTH))
        out += row + b"\0" * (-len(row) % 4)
    return out


def packed(masks, alpha=None):
    def pixel(x, y):
        out = 0
        for channel, mask in zip(COLORS[index(x, y, 8)], masks):
            out |= mask if channel else 0
        return out | (masks[3] if len(masks) > 3 and alpha is None else alpha or 0)
    return pixel


def bmp(bits, pixels, *, header=40, compression=NONE, masks=(), colors=None, from_top=False, offset=None):
    height = -HEIGHT if from_top else HEIGHT
    if header == 12:
        info = struct.pack("<IHHHH", 12, WIDTH, HEIGHT, 1, bits)
    else:
        info = struct.pack("<IiiHHIIiiII", header, WIDTH, height, 1, bits, compression, len(pixels), 2835, 2835, colors or 0, 0)[:header]
    if header > 40:
        info += b"".join(struct.pack("<I", mask) for mask in masks)
        info += b"\0" * (header - len(info))
    else:
        info += b"".join(struct.pack("<I", mask) for mask in masks)
    count = colors or (1 << bits if bits <= 8 else 0)
    table = b""
    for i in range(count):
        red, green, blue = COLORS[i % 8] if i < 8 else (1, 2, 3)
        table += bytes([blue, green, red]) + (b"" if header == 12 else b"\0")
    at = 14 + len(info) + len(table)
    head = struct.pack("<2sIHHI", b"BM", at + len(pixels), 0, 0, at if offset is None else offset)
    return head + info + table + pixels


def runs8(encoded_runs):
    out = b""
    for y in reversed(range(HEIGHT)):
        row = [index(x, y, 256) for x in range(WIDTH)]
        if encoded_runs:
            out += b"".join(bytes([1, value]) for value in row)
        else:
            out += bytes([0, WIDTH, *row]) + b"\0" * (WIDTH % 2)
        out += b"\0\0"
    return out + b"\0\1"


def runs4():
    out = b""
    for y in reversed(range(HEIGHT)):
        row = [index(x, y, 16) for x in range(WIDTH)]
        halves = row[:9] + [0] * (-9 % 2)
        single = bytes(halves[i] << 4 | halves[i + 1] for i in range(0, len(halves), 2))
        out += bytes([0, 9]) + single + b"\0" * (len(single) % 2)  # nine single pixels, then two runs of two
        out += bytes([2, row[9] << 4 | row[10], 2, row[11] << 4 | row[12]])
        out += b"\0\0"
    return out + b"\0\1"


RGB555, RGB565 = (0x7C00, 0x3E0, 0x1F), (0xF800, 0x7E0, 0x1F)
ARGB = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
RGBA = (0xFF000000, 0xFF0000, 0xFF00, 0xFF)
TEN = (0x3FF00000, 0xFFC00, 0x3FF)


def plain(bits):
    return rows(bits, lambda x, y: index(x, y, 1 << bits))


def bgr(x, y):
    red, green, blue = COLORS[index(x, y, 8)]
    return red << 16 | green << 8 | blue


FILES = {
    **{f"{bits}-bits": bmp(bits, plain(bits)) for bits in (1, 2, 4, 8)},
    **{f"{bits}-bits-os2": bmp(bits, plain(bits), header=12) for bits in (1, 4, 8)},
    "8-bits-few-colors": bmp(8, plain(8), colors=8),
    "8-bits-from-top": bmp(8, rows(8, lambda x, y: index(x, y, 8), True), from_top=True),
    "8-bits-header-64": bmp(8, plain(8), header=64),
    "8-bits-header-16": bmp(8, plain(8), header=16),
    "8-bits-without-offset": bmp(8, plain(8), offset=0),
    "16-bits": bmp(16, rows(16, packed(RGB555))),
    "16-bits-565": bmp(16, rows(16, packed(RGB565)), compression=FIELDS, masks=RGB565),
    "24-bits": bmp(24, rows(24, bgr)),
    "24-bits-os2": bmp(24, rows(24, bgr), header=12),
    "24-bits-from-top": bmp(24, rows(24, bgr, True), from_top=True),
    "32-bits": bmp(32, rows(32, bgr)),
    "32-bits-fields": bmp(32, rows(32, packed(ARGB[:3])), compression=FIELDS, masks=ARGB[:3]),
    "32-bits-ten-each": bmp(32, rows(32, packed(TEN)), compression=FIELDS, masks=TEN),
    "32-bits-header-52": bmp(32, rows(32, packed(ARGB[:3])), header=52, compression=FIELDS, masks=ARGB[:3]),
    "32-bits-header-56": bmp(32, rows(32, packed(ARGB)), header=56, compression=FIELDS, masks=ARGB),
    "32-bits-header-108": bmp(32, rows(32, packed(RGBA)), header=108, compression=FIELDS, masks=RGBA),
    "32-bits-header-124": bmp(32, rows(32, packed(ARGB)), header=124, compression=FIELDS, masks=ARGB),
    "32-bits-alpha-fields": bmp(32, rows(32, packed(ARGB)), compression=ALPHA_FIELDS, masks=ARGB),
    "32-bits-alpha-zero": bmp(32, rows(32, packed(ARGB, alpha=0)), header=124, compression=FIELDS, masks=ARGB),
    "rle8": bmp(8, runs8(True), compression=RLE8),
    "rle8-single": bmp(8, runs8(False), compression=RLE8),
    "rle4": bmp(4, runs4(), compression=RLE4),
}
OTHER = {"2-bits", "8-bits-header-16", "32-bits-ten-each", "32-bits-alpha-fields"}  # not read by Pillow 13

FOLDER.mkdir(exist_ok=True)
for name, content in FILES.items():
    (FOLDER / f"{name}.bmp").write_bytes(content)
    bits = int(name.split("-")[0]) if name[0].isdigit() else 8
    wanted = [COLORS[index(x, y, 1 << bits)] for y in range(HEIGHT) for x in range(WIDTH)]
    try:
        read = Image.open(io.BytesIO(content)).convert("RGB").tobytes()
    except Exception as error:
        print(f"{name}: Pillow: {error}")
        assert name in OTHER, name
        continue
    if read != bytes(channel for color in wanted for channel in color):
        print(f"{name}: Pillow reads other pixels")
        assert name in OTHER, name
    elif name in OTHER:
        print(f"{name}: Pillow reads it")
