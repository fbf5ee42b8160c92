"""Writes pillow_bicubic.json, Pillow's result for the two pictures that preprocessing_test.cpp draws: blended into the
middle of a white square, resized by BICUBIC, as hexadecimal RGB. Needs Pillow; run by hand only: python3 make_pillow_bicubic.py"""
import json
import pathlib

import PIL
from PIL import Image


def drawn(width, height):
    picture = Image.new("RGBA", (width, height))
    picture.putdata([((x * 37 + y * 91) % 256, (x * x + 3 * y) % 256, x * y * 5 % 256, 255 if (x + y) % 3 else x * 29 % 256)
                     for y in range(height) for x in range(width)])
    return picture


def on_white_square(picture, size):
    side = max(picture.size)
    square = Image.new("RGBA", (side, side), (255, 255, 255, 255))
    square.alpha_composite(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    return square.convert("RGB").resize((size, size), Image.BICUBIC).tobytes().hex()


cases = [{"width": w, "height": h, "size": s, "rgb": on_white_square(drawn(w, h), s)} for w, h, s in ((37, 23, 16), (6, 10, 16))]
out = pathlib.Path(__file__).with_name("pillow_bicubic.json")
out.write_text(json.dumps({"pillow": PIL.__version__, "cases": cases}) + "\n")
