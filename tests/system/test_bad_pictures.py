"""Truncated, enormous and unusual pictures, and files that are not pictures: each is classified or refused with a message, and no host crashes."""
import base64
import struct
import zlib

import pytest
from bystander import Bystander, forget_memory_peak, memory_peak
from sluice_program import ROOT, sluice

SEEDS = ROOT / "tests" / "fuzz" / "host" / "pictures"
MEMORY_MORE_MB = 512


def inference_of(*pictures):
    """The body of an inference request."""
    data = [base64.b64encode(picture).decode() for picture in pictures]
    return {"inputs": [{"name": "image", "datatype": "BYTES", "shape": [len(data)], "parameters": {"content_type": "base64"}, "data": data}]}


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width=8, height=8, before=b"", pixels=None):
    """An 8-bit gray PNG; `before`: chunks before the pixels."""
    packed = zlib.compress(b"\0" * ((width + 1) * height)) if pixels is None else pixels
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + before + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def packed_zeros(megabytes=512):
    """Compressed zeros. Repeats one compressed block: compressing all of them would take seconds."""
    pack = zlib.compressobj(9)
    head, piece, same = (pack.compress(bytes(1 << 20)) + pack.flush(zlib.Z_FULL_FLUSH) for _ in range(3))
    assert piece == same
    checksum = 1
    for _ in range(megabytes):
        checksum = zlib.adler32(bytes(1 << 20), checksum)
    return head + piece * (megabytes - 1) + b"\x03\0" + struct.pack(">I", checksum)


def seed(name):
    return (SEEDS / name).read_bytes()


def enormous_jpeg():
    """A valid JPEG, except that its frame header says 50,000 x 50,000."""
    good = seed("rgb.jpg")
    frame = good.index(b"\xff\xc0")
    return good[:frame + 5] + struct.pack(">HH", 50_000, 50_000) + good[frame + 9:]


def photograph_of_200_megapixels():
    """A gray JPEG of 16,320 x 12,240: each block is the code of no change (00) and of its end (1010), four of them in three bytes."""
    good = seed("gray.jpg")
    frame, scan = good.index(b"\xff\xc0"), good.index(b"\xff\xda")
    scan += 2 + struct.unpack(">H", good[scan + 2:scan + 4])[0]
    blocks = (16_320 // 8) * (12_240 // 8)
    return good[:frame + 5] + struct.pack(">HH", 12_240, 16_320) + good[frame + 9:scan] + b"\x28\xa2\x8a" * (blocks // 4) + b"\xff\xd9"


def animated_gif():
    """A GIF with the same frame three times."""
    good = seed("plain.gif")
    colors = 3 << ((good[10] & 7) + 1) if good[10] & 0x80 else 0
    head, frame = good[:13 + colors], good[13 + colors:-1]
    return head + frame * 3 + good[-1:]


def webp_without_frames():
    inside = b"WEBPVP8X" + struct.pack("<I", 10) + bytes([2, 0, 0, 0]) + bytes([7, 0, 0]) * 2
    return b"RIFF" + struct.pack("<I", len(inside)) + inside


BAD = {
    "nothing": (lambda: b"", "cannot read picture: it is empty"),
    "a truncated PNG": (lambda: seed("rgba.png")[:-40], "cannot read picture: corrupt or truncated PNG"),
    "a truncated JPEG": (lambda: seed("rgb.jpg")[:-200], "cannot read picture: corrupt or truncated JPEG"),
    "a truncated GIF": (lambda: seed("plain.gif")[:-8], "cannot read picture: corrupt or truncated GIF"),
    "a truncated WebP": (lambda: seed("lossless.webp")[:-20], "cannot read picture: corrupt or truncated WebP"),
    "a truncated TIFF": (lambda: seed("rgb8.tiff")[:60], "cannot read picture: cannot decode TIFF"),
    "a PNG of 50,000 x 50,000": (lambda: png(50_000, 50_000, pixels=zlib.compress(bytes(1000))), "50000 x 50000"),
    "a JPEG of 50,000 x 50,000": (enormous_jpeg, "50000 x 50000"),
    "a GIF of 50,000 x 50,000": (lambda: seed("plain.gif")[:6] + struct.pack("<HH", 50_000, 50_000) + seed("plain.gif")[10:], "50000 x 50000"),
    "a WebP without frames": (webp_without_frames, "cannot read picture: corrupt or truncated WebP"),
    "a BMP of 50,000 x 50,000": (lambda: seed("24-bits-from-top.bmp")[:18] + struct.pack("<ii", 50_000, 50_000) + seed("24-bits-from-top.bmp")[26:], "50000 x 50000"),
    "a truncated BMP": (lambda: seed("24-bits-from-top.bmp")[:-40], "cannot read picture: corrupt or truncated BMP"),
    "a shell script": (lambda: b"#!/bin/sh\nrm -rf /\n", "it is not PNG, JPEG, WebP, GIF, TIFF, BMP, AVIF or HEIC"),
    "a drawing with a script": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "SVG or XML is not supported; save it as PNG or JPEG"),
    "a script that begins as a GIF": (lambda: b"GIF89a/*" + b" " * 500 + b"*/=1;alert(1)", "cannot read picture: "),
    "pixels that unpack to 512 MB": (lambda: png(8, 8, pixels=b"x" + packed_zeros()), "cannot read picture: corrupt or truncated PNG"),
    "a text chunk that unpacks to 512 MB": (lambda: png(before=chunk(b"zTXt", b"Comment\0\0" + packed_zeros())), None),
    "an orientation that unpacks to 512 MB": (lambda: png(before=chunk(b"zTXt", b"Raw profile type exif\0\0" + packed_zeros())), None),
    "a color profile that unpacks to 512 MB": (lambda: png(before=chunk(b"iCCP", b"icc\0\0" + packed_zeros())), None),
    "more pixels than the header says": (lambda: png(8, 8, pixels=packed_zeros()), None),
    "an animated GIF": (animated_gif, None),
    "an animated WebP": (lambda: seed("animated.webp"), None),
    "a BMP of runs": (lambda: seed("rle8.bmp"), None),
    "a JPEG without its end": (lambda: seed("rgb.jpg")[:-2], None),
    "a PNG without its end": (lambda: seed("rgba.png")[:-12], None),
    "a photograph of 200 megapixels": (photograph_of_200_megapixels, None),
    "a CMYK JPEG": (lambda: seed("cmyk.jpg"), None),
    "a PNG of 16 bits": (lambda: seed("rgba16.png"), None),
    "a TIFF of 16 bits": (lambda: seed("rgb16_turned.tiff"), None),
}


def host_of(server, endpoint):
    [pid] = [row["pid"] for row in server.ask("GET", "/v1/endpoints")[1]["endpoints"] if row["endpoint"] == endpoint]
    return pid


@pytest.mark.parametrize("name", BAD)
def test_a_bad_picture_is_answered_with_a_message(main_job_report, server, endpoint, name):
    make, words = BAD[name]
    target = f"/v2/models/{endpoint}/infer"
    picture = make()
    with Bystander(server, main_job_report["run"]):
        assert server.ask("POST", target, inference_of(png()))[0] == 200
        host = host_of(server, endpoint)
        before = {pid: memory_peak(pid) for pid in (host, server.process.pid) if not forget_memory_peak(pid)}
        status, answer = server.ask("POST", target, inference_of(picture))
        if words:
            assert status in (400, 413), (status, answer)
            assert words in answer["error"], answer
        else:
            assert status == 200, answer
        assert host_of(server, endpoint) == host, "the host crashed"
        for pid, peak in before.items():
            assert memory_peak(pid) - peak < MEMORY_MORE_MB


def test_one_bad_picture_among_good_ones_is_named_by_its_index(server, endpoint):
    status, answer = server.ask("POST", f"/v2/models/{endpoint}/infer", inference_of(png(), b"#!/bin/sh\n", png()))
    assert status == 400 and answer["error"].startswith("image[1]: cannot read picture"), answer


def test_predict_names_the_file(main_job, server, endpoint, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_bytes(png()[:40])
    done = sluice("predict", endpoint, bad, data=main_job[0])
    assert done.returncode == 2 and "bad.png" in done.stderr and "corrupt or truncated PNG" in done.stderr, done.stderr
