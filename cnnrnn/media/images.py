"""Pictures: bytes to RGB and back.

JPEG is decoded by OpenCV, at half, quarter or eighth scale where that is enough (the inverse
cosine transform then computes only those pixels). Every other format, and CMYK, goes through
Pillow, which says nothing on stderr where libpng and libtiff inside OpenCV do, and which knows
each format's own rules for palettes, transparency and orientation.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import IO

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from cnnrnn.errors import CnnRnnError
from cnnrnn.files import atomic_write
from cnnrnn.media.opencv import cv2

# 100 megapixels are 300 MB of RGB: above every camera, below what fills a small machine.
MAX_PIXELS = 100_000_000

# Formats that may come from strangers. Pillow's others are left out: some run programs (EPS).
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000")

SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .png .gif .webp .bmp .tif .tiff .ppm .pgm .pbm .pnm .avif .jp2"
    .split()
)

REDUCED = {
    8: cv2.IMREAD_REDUCED_COLOR_8,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    1: cv2.IMREAD_COLOR,
}

# EXIF orientation -> what turns the stored picture upright.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# What is written, with OpenCV's options: 92 is where text on a picture shows no more halos.
ENCODERS = {
    ".jpg": [cv2.IMWRITE_JPEG_QUALITY, 92],
    ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, 92],
    ".png": [],
    ".webp": [cv2.IMWRITE_WEBP_QUALITY, 92],
}
JPEG_END = b"\xff\xd9"


class ImageError(CnnRnnError):
    """A picture that cannot be decoded, or an array that is no picture."""


def decode(data: bytes, name: str, min_side: int | None = None) -> np.ndarray:
    """Decode a picture of any usual kind, upright, on white where it is transparent.

    Animations give their first frame; 16 bits are scaled to 8.

    Args:
        data: the bytes of the file.
        name: what messages call the picture.
        min_side: pixels of the shorter side that are still needed; a JPEG that is at least twice
            as large comes back reduced, never below this.

    Returns:
        uint8 (H, W, 3), RGB.

    Raises:
        ImageError: the bytes are empty, no picture, cut short, damaged, or more than MAX_PIXELS.
    """
    if not data:
        raise ImageError(f"{name} is empty (0 bytes)", "copy or download it again")
    stream = BytesIO(data)
    image = _open(stream, name)
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise _too_large(name, f"{width} x {height} pixels")
    try:
        if image.format in ("JPEG", "MPO") and image.mode in ("L", "RGB"):
            # Pillow stopped where the pixels begin. Older OpenCV paints what is missing grey.
            whole = data.find(JPEG_END, stream.tell()) >= 0
            pixels = _decode_jpeg(data, min(width, height), min_side) if whole else None
        else:
            pixels = _decode_other(image)
    # The libraries answer hostile bytes with nearly every exception there is.
    except Exception as error:
        raise _damaged(name) from error
    if pixels is None:
        raise _damaged(name)
    return pixels


def size_of(stream: IO[bytes], name: str) -> tuple[int, int]:
    """Width and height of a picture as `decode` shows it, from its header alone.

    Raises:
        ImageError: no picture.
    """
    with _open(stream, name) as image:
        width, height = image.size
        return (height, width) if _orientation(image) >= 5 else (width, height)


@lru_cache
def _formats() -> tuple[str, ...]:
    """Those of FORMATS that this Pillow was built with."""
    Image.init()
    # Notes on strange metadata, once for each picture, help nobody; sizes are checked here.
    warnings.filterwarnings("ignore", module="PIL")
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _open(stream: IO[bytes], name: str) -> Image.Image:
    """Read the header only."""
    try:
        return Image.open(stream, formats=_formats())
    except Image.DecompressionBombError as error:
        raise _too_large(name, str(error).split(" exceeds")[0]) from error
    except UnidentifiedImageError as error:
        raise ImageError(
            f"{name} is not a picture that can be read",
            "JPEG, PNG, GIF, WebP, BMP, TIFF, PPM, AVIF and JPEG 2000 can",
        ) from error
    except Exception as error:
        raise _damaged(name) from error


def _too_large(name: str, size: str) -> ImageError:
    return ImageError(
        f"{name} is too large: {size}, the limit is {MAX_PIXELS / 1e6:.0f} megapixels",
        "make it smaller first",
    )


def _damaged(name: str) -> ImageError:
    return ImageError(f"{name} is cut short or damaged", "copy or download it again")


def _decode_jpeg(data: bytes, side: int, min_side: int | None) -> np.ndarray | None:
    """OpenCV turns the picture upright itself, at every scale."""
    factor = 1
    if min_side:
        factor = next(factor for factor in REDUCED if factor == 1 or side // factor >= min_side)
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), REDUCED[factor])
    return None if pixels is None else cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, dst=pixels)


def _decode_other(image: Image.Image) -> np.ndarray:
    image.load()
    turn = TURNS.get(_orientation(image))
    if turn is not None:
        image = image.transpose(turn)
    if image.mode[0] in "IF":
        return _from_deep(np.asarray(image))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.array(image.convert("RGB"))


def _orientation(image: Image.Image) -> int:
    """EXIF orientation; 1 where the metadata is absent or damaged: the pixels may be good."""
    try:
        return image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:
        return 1


def _from_deep(grey: np.ndarray) -> np.ndarray:
    """Scale one channel of 16 or 32 bits to 8.

    Wider types do not say what white is: it is taken as the first usual value that holds them all.
    """
    if grey.dtype == np.uint16:
        white = 65535
    else:
        usual = (1, 255, 65535) if grey.dtype.kind == "f" else (255, 65535)
        top = float(np.nan_to_num(grey).max())
        white = next((value for value in usual if top <= value), top)
    scaled = np.nan_to_num(grey.astype(np.float32)) * (255 / white)
    return rgb(np.clip(np.rint(scaled), 0, 255).astype(np.uint8))


def rgb(array: np.ndarray, name: str = "array") -> np.ndarray:
    """An array as a picture: uint8 (H, W, 3), of (H, W), (H, W, 1) or (H, W, 3).

    Raises:
        ImageError: another shape or type.
    """
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or 0 in array.shape:
        raise _no_picture(array, name)
    if array.ndim == 2:
        array = array[:, :, None]
    if array.shape[2] == 1:
        array = np.repeat(array, 3, axis=2)
    if array.shape[2] != 3:
        raise _no_picture(array, name)
    return array


def _no_picture(array: np.ndarray, name: str) -> ImageError:
    return ImageError(
        f"{name} is no picture: {array.dtype} of shape {array.shape}",
        "give uint8 of shape (height, width, 3), red first, values 0 to 255",
    )


def resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The one resize: sides that shrink are averaged, sides that grow are interpolated.

    Args:
        image: (H, W) or (H, W, C), uint8 or float32.
        size: height and width in pixels.

    Returns:
        (height, width) or (height, width, C), of the same type.
    """
    height, width = size
    inner = min(height, image.shape[0]), min(width, image.shape[1])
    if inner != image.shape[:2]:
        image = cv2.resize(image, inner[::-1], interpolation=cv2.INTER_AREA)
    if inner != (height, width):
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    return image


def encode(image: np.ndarray, suffix: str = ".jpg") -> bytes:
    """The bytes of a picture file.

    Args:
        image: uint8 (H, W, 3), RGB.
        suffix: one of ENCODERS.

    Raises:
        ImageError: another suffix.
    """
    options = ENCODERS.get(suffix.lower())
    if options is None:
        raise ImageError(f"cannot write pictures as '{suffix}'", "use " + ", ".join(ENCODERS))
    _, data = cv2.imencode(suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    return data.tobytes()


def save(path: Path | str, image: np.ndarray) -> None:
    """Write a picture whole or not at all; the suffix gives the format.

    Args:
        path: the file.
        image: uint8 (H, W, 3), RGB.

    Raises:
        ImageError: a suffix that is none of ENCODERS.
        CnnRnnError: the folder or the disk does not take the file.
    """
    data = encode(image, Path(path).suffix)
    with atomic_write(path) as file:
        file.write(data)
