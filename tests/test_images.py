"""media.images: every kind of file comes out as the same RGB, and bad ones as one clear line."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from cnnrnn.errors import CnnRnnError
from cnnrnn.media import images

# pytest shows again what `images` told Pillow to keep to itself; test_quiet looks from outside.
pytestmark = pytest.mark.filterwarnings(
    "ignore::UserWarning:PIL", "ignore::PIL.Image.DecompressionBombWarning"
)

# Four flat quarters: red, green / blue, white. Flat 16-pixel blocks survive JPEG nearly unchanged.
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
HEIGHT, WIDTH = 32, 64


def quarters() -> np.ndarray:
    picture = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    picture[:16, :32], picture[:16, 32:] = RED, GREEN
    picture[16:, :32], picture[16:, 32:] = BLUE, WHITE
    return picture


def file_bytes(image: Image.Image | np.ndarray, kind: str, **options) -> bytes:
    stream = BytesIO()
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    image.save(stream, kind, **options)
    return stream.getvalue()


def noise(height: int = 300, width: int = 400) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def corners(picture: np.ndarray) -> list[tuple[int, ...]]:
    """Colours in the middle of the four quarters, in reading order, rounded to 0 or 255."""
    height, width = picture.shape[:2]
    rows, columns = (height // 4, 3 * height // 4), (width // 4, 3 * width // 4)
    values = [picture[y, x].astype(int) for y in rows for x in columns]
    # Dyes of CMYK and lossy codes move a pure colour a little.
    assert all(np.all((value <= 12) | (value >= 243)) for value in values), values
    return [tuple(np.where(value > 127, 255, 0).tolist()) for value in values]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "JPEG2000"])
def test_every_format_gives_the_same_rgb(kind):
    picture = images.decode(file_bytes(quarters(), kind), "x")
    assert picture.shape == (HEIGHT, WIDTH, 3)
    assert picture.dtype == np.uint8
    assert picture.flags.c_contiguous and picture.flags.writeable
    assert corners(picture) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_is_not_inverted(kind):
    data = file_bytes(Image.fromarray(quarters()).convert("CMYK"), kind)
    assert corners(images.decode(data, "x")) == [RED, GREEN, BLUE, WHITE]


# The stored quarters R G / B W as they must be seen, per EXIF orientation (Exif 2.32, table 6).
SEEN = {
    1: [RED, GREEN, BLUE, WHITE],
    2: [GREEN, RED, WHITE, BLUE],
    3: [WHITE, BLUE, GREEN, RED],
    4: [BLUE, WHITE, RED, GREEN],
    5: [RED, BLUE, GREEN, WHITE],
    6: [BLUE, RED, WHITE, GREEN],
    7: [WHITE, GREEN, BLUE, RED],
    8: [GREEN, WHITE, RED, BLUE],
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", SEEN)
def test_pictures_come_upright(kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = images.decode(file_bytes(quarters(), kind, exif=exif), "x")
    assert corners(picture) == SEEN[orientation]
    upright = (HEIGHT, WIDTH) if orientation < 5 else (WIDTH, HEIGHT)
    assert picture.shape[:2] == upright


@pytest.mark.parametrize("orientation", SEEN)
def test_reduced_pictures_come_upright_too(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = images.decode(file_bytes(quarters(), "JPEG", exif=exif), "x", min_side=16)
    assert sorted(picture.shape[:2]) == [HEIGHT // 2, WIDTH // 2]
    assert corners(picture) == SEEN[orientation]


def test_damaged_metadata_does_not_lose_the_picture():
    exif = b"Exif\0\0" + b"MM\0*\0\0\0\x08" + b"\xff" * 40
    for kind in ("JPEG", "PNG", "WEBP"):
        picture = images.decode(file_bytes(quarters(), kind, exif=exif), "x")
        assert corners(picture) == [RED, GREEN, BLUE, WHITE]


def test_quiet(tmp_path):
    """Neither strange metadata nor a size between the two limits writes a line of its own."""
    exif = b"Exif\0\0" + b"MM\0*\0\0\0\x08" + b"\xff" * 40
    (tmp_path / "strange.jpg").write_bytes(file_bytes(quarters(), "JPEG", exif=exif))
    (tmp_path / "strange.png").write_bytes(file_bytes(quarters(), "PNG", icc_profile=b"no" * 20))
    (tmp_path / "large.png").write_bytes(png(11_000, 9_000, b""))
    code = """
import pathlib, sys
from cnnrnn.media import images
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    try:
        print(images.decode(path.read_bytes(), path.name).shape)
    except images.ImageError as error:
        print(error.message)
"""
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "large.png is cut short or damaged", "(32, 64, 3)", "(32, 64, 3)"
    ]


@pytest.mark.parametrize(
    "min_side, side",
    [(None, 800), (800, 800), (401, 800), (400, 400), (201, 400), (200, 200), (100, 100), (1, 100)],
)
def test_reduced_is_the_smallest_that_is_enough(min_side, side):
    data = file_bytes(np.full((800, 1000, 3), 90, np.uint8), "JPEG")
    picture = images.decode(data, "x", min_side)
    assert picture.shape == (side, side * 5 // 4, 3)
    assert abs(int(picture.mean()) - 90) <= 1


def test_reduced_picture_is_like_the_whole_one_shrunk():
    smooth = images.resize(noise(8, 10), (640, 800))
    data = file_bytes(smooth, "JPEG", quality=95)
    whole = images.resize(images.decode(data, "x"), (80, 100)).astype(int)
    for min_side in (320, 160, 80):
        reduced = images.resize(images.decode(data, "x", min_side), (80, 100))
        assert np.abs(reduced - whole).mean() < 1.5


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_alpha_is_put_on_white(kind):
    opaque = np.dstack([quarters(), np.full((HEIGHT, WIDTH), 255, np.uint8)])
    opaque[:16, :32, 3] = 0  # the red quarter becomes invisible
    opaque[16:, :32, 3] = 102  # the blue one 40 %: 255 - 0.4 * 255 = 153 in red and green
    options = {"lossless": True} if kind == "WEBP" else {}
    picture = images.decode(file_bytes(opaque, kind, **options), "x")
    assert picture[4, 4].tolist() == [255, 255, 255]
    assert picture[28, 4].tolist() == pytest.approx([153, 153, 255], abs=1)
    assert picture[4, 60].tolist() == [0, 255, 0]


def test_transparent_palette_and_grey_with_alpha():
    palette = Image.fromarray(quarters()).quantize(4)
    index = palette.getpixel((4, 4))
    assert images.decode(file_bytes(palette, "PNG"), "x")[4, 4].tolist() == [255, 0, 0]
    for kind in ("PNG", "GIF"):
        data = file_bytes(palette, kind, transparency=index)
        assert images.decode(data, "x")[4, 4].tolist() == [255, 255, 255]
    grey = np.dstack([np.full((4, 4), 40, np.uint8), np.full((4, 4), 0, np.uint8)])
    data = file_bytes(Image.fromarray(grey), "PNG")
    assert Image.open(BytesIO(data)).mode == "LA"
    assert np.all(images.decode(data, "x") == 255)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG"])
def test_grey_gets_three_equal_channels(kind):
    picture = images.decode(file_bytes(np.full((8, 8), 77, np.uint8), kind), "x")
    assert picture.shape == (8, 8, 3)
    assert np.all(picture == 77)


def test_black_and_white_bits():
    bits = Image.fromarray(quarters()).convert("L").point(lambda value: value > 200, mode="1")
    picture = images.decode(file_bytes(bits, "PNG"), "x")
    assert picture[4, 4].tolist() == [0, 0, 0]
    assert picture[28, 60].tolist() == [255, 255, 255]


def deep_pgm(values: list[int]) -> bytes:
    return b"P5 %d 1 65535\n" % len(values) + struct.pack(f">{len(values)}H", *values)


def png(width: int, height: int, rows: bytes, depth: int = 8, colour: int = 0) -> bytes:
    """A PNG from its raw rows (PNG specification, 3rd edition, 11.2)."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*pair) for pair in chunks)


def test_sixteen_bits_are_scaled_to_eight():
    values, expected = [0, 257, 32896, 65535], [0, 1, 128, 255]
    row = b"\0" + struct.pack(">4H", *values)
    tiff = file_bytes(np.array([values], np.uint16), "TIFF")
    for data in (png(4, 1, row, depth=16), tiff, deep_pgm(values)):
        picture = images.decode(data, "x")
        assert picture.shape == (1, 4, 3)
        assert picture[0, :, 0].tolist() == expected
        assert np.all(picture == picture[:, :, :1])
    colour = b"\0" + struct.pack(">6H", 65535, 0, 32896, 0, 257, 65535)
    assert images.decode(png(2, 1, colour, depth=16, colour=2), "x").tolist() == [
        [[255, 0, 128], [0, 1, 255]]
    ]


def test_float_pictures_from_zero_to_one():
    data = file_bytes(np.array([[0, 0.5, 1, np.nan]], np.float32), "TIFF")
    assert images.decode(data, "x")[0, :, 0].tolist() == [0, 128, 255, 0]


def test_animation_gives_its_first_frame():
    frames = [Image.new("RGB", (20, 10), colour) for colour in ("red", "blue")]
    for kind in ("GIF", "WEBP", "PNG"):
        data = file_bytes(frames[0], kind, save_all=True, append_images=frames[1:])
        assert Image.open(BytesIO(data)).n_frames == 2
        red, green, blue = images.decode(data, "x").mean(axis=(0, 1))
        assert red > 250 and green < 5 and blue < 5


def test_one_pixel():
    for kind in ("JPEG", "PNG", "GIF"):
        data = file_bytes(np.zeros((1, 1, 3), np.uint8), kind)
        assert images.decode(data, "x", min_side=224).shape == (1, 1, 3)


def test_picture_of_a_phone_with_more_behind_it():
    # Phones append a second picture (MPO) or a film; neither must be mistaken for damage.
    first, second = Image.fromarray(quarters()), Image.new("RGB", (8, 8))
    data = file_bytes(first, "MPO", save_all=True, append_images=[second])
    assert Image.open(BytesIO(data)).format == "MPO"
    assert corners(images.decode(data, "x")) == [RED, GREEN, BLUE, WHITE]
    film = file_bytes(quarters(), "JPEG") + b"\xff\xda" + bytes(1000)
    assert corners(images.decode(film, "x")) == [RED, GREEN, BLUE, WHITE]


def failure(data: bytes, name: str = "photo.jpg") -> str:
    with pytest.raises(images.ImageError) as raised:
        images.decode(data, name)
    assert raised.value.hint
    assert "\n" not in str(raised.value)
    return raised.value.message


@pytest.mark.parametrize(
    "data", [b"I am a text, not a picture.\n" * 50, b"\0" * 500, b"<svg></svg>", b"%!PS-Adobe"]
)
def test_what_is_no_picture(data):
    assert failure(data) == "photo.jpg is not a picture that can be read"


def test_empty():
    assert failure(b"") == "photo.jpg is empty (0 bytes)"


@pytest.mark.parametrize("kept", [0.3, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("kind", ["JPEG", "progressive", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_truncated_is_told_not_painted_grey(kind, kept, capfd):
    options = {"progressive": True} if kind == "progressive" else {}
    data = file_bytes(noise(), "JPEG" if kind == "progressive" else kind, **options)
    message = failure(data[: int(len(data) * kept)], "cut.jpg")
    # A TIFF keeps its header at the end.
    assert message.startswith("cut.jpg is")
    if kind != "TIFF":
        assert message == "cut.jpg is cut short or damaged"
    assert capfd.readouterr() == ("", "")


def test_truncated_behind_a_thumbnail(monkeypatch):
    """The end mark of a small picture inside the metadata is not that of the picture.

    Found without asking OpenCV, whose older versions return such pictures half grey.
    """
    thumbnail = file_bytes(np.zeros((8, 8, 3), np.uint8), "JPEG")
    segment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 8) + b"Exif\0\0" + thumbnail
    data = file_bytes(noise(), "JPEG")
    data = data[:2] + segment + data[2:]
    assert images.decode(data, "x").shape == (300, 400, 3)
    monkeypatch.setattr(images, "_decode_jpeg", lambda *_: np.zeros((300, 400, 3), np.uint8))
    assert failure(data[:-2000]) == "photo.jpg is cut short or damaged"


def test_flipped_bits_in_a_png(capfd):
    data = bytearray(file_bytes(noise(), "PNG"))
    data[len(data) // 2] ^= 0xFF
    assert failure(bytes(data)) == "photo.jpg is cut short or damaged"
    assert capfd.readouterr().err == ""


def huge_jpeg(side: int) -> bytes:
    data = file_bytes(np.zeros((16, 16, 3), np.uint8), "JPEG")
    frame = data.index(b"\xff\xc0")
    return data[: frame + 5] + struct.pack(">HH", side, side) + data[frame + 9 :]


HUGE = {
    "png": png(20_000, 20_000, b""),
    "jpeg": huge_jpeg(20_000),
    "ppm": b"P6 20000 20000 255\n",
    "below Pillow's own limit": png(11_000, 11_000, b""),
}


@pytest.mark.parametrize("data", HUGE.values(), ids=HUGE)
def test_huge_is_refused_from_its_header(data):
    # The bytes hold no pixels at all: had they been asked for, the message would be another.
    message = failure(data, "big.png")
    assert message.startswith("big.png is too large: ")
    assert message.endswith("the limit is 100 megapixels")


def test_strange_bytes_never_escape_as_another_exception():
    random = np.random.default_rng(1)
    for kind in ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"):
        whole = file_bytes(noise(40, 50), kind)
        for _ in range(40):
            data = bytearray(whole)
            for place in random.integers(0, min(len(data), 400), 4):
                data[place] = random.integers(256)
            try:
                picture = images.decode(bytes(data), "x")
            except images.ImageError:
                continue
            assert picture.ndim == 3 and picture.shape[2] == 3 and picture.dtype == np.uint8


def test_resize_by_hand():
    image = np.array([[0, 10, 20, 30], [20, 30, 40, 50]], np.uint8)
    # Shrinking: the mean of each 2 x 2 block. Growing: linear between pixel centres.
    assert images.resize(image, (1, 2)).tolist() == [[15, 35]]
    assert images.resize(np.array([[0, 40]], np.uint8), (1, 4)).tolist() == [[0, 10, 30, 40]]
    assert images.resize(image, (2, 4)) is image
    # One side shrinks, the other grows: (2, 4) -> rows averaged to [10, 20, 30, 40] -> wider.
    assert images.resize(image, (1, 8))[0, [0, -1]].tolist() == [10, 40]
    assert images.resize(np.zeros((5, 7, 3), np.float32), (10, 3)).shape == (10, 3, 3)


def test_encode_save_and_decode(tmp_path):
    path = tmp_path / "new" / "x.png"
    images.save(path, quarters())
    assert np.array_equal(images.decode(path.read_bytes(), "x"), quarters())
    assert [file.name for file in path.parent.iterdir()] == ["x.png"]
    assert corners(images.decode(images.encode(quarters()), "x")) == [RED, GREEN, BLUE, WHITE]
    assert images.encode(quarters(), ".JPG")[:2] == b"\xff\xd8"
    for suffix in images.ENCODERS:
        assert images.decode(images.encode(quarters(), suffix), "x").shape == (HEIGHT, WIDTH, 3)


def test_encode_refuses_another_suffix(tmp_path):
    with pytest.raises(images.ImageError, match="cannot write pictures as '.doc'"):
        images.save(tmp_path / "x.doc", quarters())
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(CnnRnnError, match="cannot write"):
        images.save(tmp_path / "file" / "x.png", quarters())


def test_arrays_as_pictures():
    grey = np.array([[1, 2]], np.uint8)
    assert images.rgb(grey).tolist() == [[[1, 1, 1], [2, 2, 2]]]
    assert images.rgb(grey[:, :, None]).tolist() == [[[1, 1, 1], [2, 2, 2]]]
    for wrong in (quarters() / 255, np.zeros((4, 4, 5), np.uint8), np.zeros((0, 4, 3), np.uint8)):
        with pytest.raises(images.ImageError, match="is no picture: .* of shape"):
            images.rgb(wrong)


def test_every_suffix_that_is_looked_for_can_be_read():
    Image.init()
    kinds = Image.registered_extensions()
    # AVIF came with Pillow 11.3; earlier ones say that the file cannot be read.
    for suffix in images.SUFFIXES - {".avif"}:
        assert kinds[suffix] in images.FORMATS
