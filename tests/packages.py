"""Packages of pipelines, good and bad, made by Python's zipfile and tarfile."""
import gzip
import io
import struct
import tarfile
import zipfile

MIB = 1 << 20


def zipped(files, compression=zipfile.ZIP_DEFLATED, **options):
    """A zip of {NAME or ZipInfo: content}."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression, **options) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def streamed_zip(name, content):
    """Sizes follow the content, as from a program that writes to a pipe."""
    class Pipe(io.RawIOBase):
        def __init__(self):
            self.bytes = b""

        def writable(self):
            return True

        def write(self, data):
            self.bytes += bytes(data)
            return len(data)
    out = Pipe()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    assert struct.unpack("<H", out.bytes[6:8])[0] & 8, "it has a data descriptor"
    return out.bytes


def zip64(name, content):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(name, "w", force_zip64=True) as file:
        file.write(content)
    return out.getvalue()


def encrypted_zip(content):
    """zipfile cannot write one: the bit that says so, in both headers."""
    data = bytearray(zipped({"pipeline.yaml": content}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def overlapping_zip(copies):
    """Many entries of one content, as in the zip bombs that overlap."""
    out = zipped({"pipeline.yaml": bytes(60 * MIB)})
    local, rest = out[:out.index(b"PK\x01\x02")], out[out.index(b"PK\x01\x02"):]
    entry, end = rest[:rest.index(b"PK\x05\x06")], bytearray(rest[rest.index(b"PK\x05\x06"):])
    end[8:12] = struct.pack("<HH", copies, copies)
    end[12:16] = struct.pack("<I", len(entry) * copies)
    return local + entry * copies + bytes(end)


def member(name, content=b"", **fields):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def tarred(*members, kind=tarfile.PAX_FORMAT, **options):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=kind, **options) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def targz(*members, **options):
    return gzip.compress(tarred(*members, **options), mtime=0)


def sparse_tar():
    """10 GB that are one hole, in the old form of GNU."""
    info = tarfile.TarInfo("pipeline.yaml")
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[156:157] = b"S"
    header[386:398] = b"%011o\0" % 0
    header[398:410] = b"%011o\0" % 0
    header[483:495] = b"\x80" + (10**10).to_bytes(11, "big")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header[:512])
    return gzip.compress(bytes(header) + bytes(1024), mtime=0)


def gzip_of_zeros(size):
    """Without the time that 10 GB take: the same blocks again and again."""
    block = gzip.compress(bytes(16 * MIB), mtime=0)
    return block * (size // (16 * MIB))


def header_of(size):
    info = tarfile.TarInfo("a.yaml")
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)


def link_in_a_zip():
    info = zipfile.ZipInfo("pipeline.yaml")
    info.create_system = 3
    info.external_attr = 0o120777 << 16
    return zipped({info: "/etc/passwd"})


def raw_name(data, name, other):
    """The same archive with another name of the same length, which Python would not write."""
    assert len(name) == len(other)
    return data.replace(name, other)
