"""What a video file says about itself, packet by packet, without decoding.

Headers are wrong in edited, cut and damaged files, or say nothing; the packets are there. Reading
them costs 1 to 5 ms for a short clip, and tells when each frame is shown.

FFmpeg, inside PyAV, opens what it is given by absolute path and by file only: a name cannot be
taken for an address, and a play list named `.mp4` opens nothing.
"""

from __future__ import annotations

import os
from array import array
from dataclasses import dataclass, replace
from typing import Any

import av
import numpy as np

from cnnrnn.errors import CnnRnnError
from cnnrnn.media import images
from cnnrnn.media.source import Source

# FFmpeg has much to say about damage; what matters is counted and told here.
av.logging.set_level(None)

# Containers that may come from strangers. FFmpeg's others are left out: some open further files.
FORMATS = (
    "mov mp4 m4a 3gp 3g2 mj2 matroska webm avi gif mpeg mpegts mpegvideo asf flv ogg h264 hevc m4v"
)
OPEN = {
    "format_whitelist": ",".join(FORMATS.split()),
    "protocol_whitelist": "file",
}
MOST_PACKETS = 20_000_000  # four days at 50 frames a second: a damaged index may lead in circles
# MPEG-4 packs two frames in one packet and leaves an empty one behind, of a few bytes.
EMPTY_PACKET = 4
HINT = "MP4, MOV, MKV, WebM, AVI, GIF, MPEG, TS, WMV, FLV and OGV can be read"


class VideoError(CnnRnnError):
    """A video that cannot be opened or decoded."""


@dataclass(frozen=True)
class Header:
    """What the container and its packets say.

    times: float64 (N,), when each frame appears, in seconds from the first, rising; empty where
    the packets carry no time. stamps: int64 (N,), the same in units of `base`, as in the file.
    keys: bool (N,), which frames can be decoded without others. broken: packets that could not
    be read whole.
    """

    format: str
    codec: str
    width: int
    height: int
    rate: float  # frames in a second on average; 25 where nothing says
    duration: float  # seconds, from the packets
    said: int | None  # frames by the header
    times: np.ndarray
    stamps: np.ndarray
    base: float  # seconds
    keys: np.ndarray
    broken: int


def opened(source: Source) -> Any:
    """The PyAV container of a source that is a file; to be used with `with`.

    Raises:
        VideoError: no video.
        CnnRnnError: missing or unreadable.
    """
    with source.opened() as file:
        empty = not os.fstat(file.fileno()).st_size
    if empty:
        raise VideoError(f"{source.name} is empty (0 bytes)", "copy or download it again")
    try:
        return av.open(os.path.abspath(source.path), options=OPEN, metadata_errors="replace")
    # FFmpeg's errors are of many classes, some of them OSError.
    except (av.FFmpegError, OSError, ValueError) as error:
        raise VideoError(f"{source.name} is not a video that can be read", HINT) from error


def video_stream(container: Any, name: str) -> Any:
    """The stream of moving pictures, ready to be decoded in one thread.

    Raises:
        VideoError: there is none, or none that can be decoded.
    """
    cover = av.stream.Disposition.attached_pic
    streams = [s for s in container.streams.video if not s.disposition & cover]
    if not streams:
        held = "sound only" if container.streams.audio else "no video"
        raise VideoError(f"{name} holds {held}", "give a file with moving pictures")
    stream = streams[0]
    context = stream.codec_context
    if context is None:
        raise VideoError(f"{name} is coded in a way that nothing here decodes")
    if context.width * context.height > images.MAX_PIXELS:
        raise VideoError(
            f"{name} is too large: {context.width} x {context.height} pixels, the limit is "
            f"{images.MAX_PIXELS / 1e6:.0f} megapixels",
            "make it smaller first",
        )
    return stream


def probe(source: Source) -> Header:
    """Read a file's packets.

    Raises:
        VideoError: no video, no moving pictures, no packets.
        CnnRnnError: missing or unreadable.
    """
    with opened(source) as container:
        stream = video_stream(container, source.name)
        rate = float(stream.average_rate or stream.guessed_rate or 0) or 25.0
        stamps, lasts, keys = array("q"), array("q"), array("b")
        untimed = broken = 0
        codec = stream.codec_context.codec
        empty = EMPTY_PACKET if codec.name == "mpeg4" else 1
        try:
            for packet in container.demux(stream):
                broken += packet.is_corrupt
                if packet.size < empty or packet.is_discard:
                    continue
                stamp = packet.dts if packet.pts is None else packet.pts
                untimed += stamp is None
                stamps.append(0 if stamp is None else stamp)
                lasts.append(packet.duration or 0)
                keys.append(packet.is_keyframe)
                if len(stamps) > MOST_PACKETS:
                    raise VideoError(f"{source.name} has no end that could be found")
        except (av.FFmpegError, OSError):
            broken += 1
        header = Header(
            format=container.format.name,
            codec=getattr(codec, "canonical_name", codec.name),  # av1, whichever decodes it
            width=stream.codec_context.width,
            height=stream.codec_context.height,
            rate=rate,
            duration=0.0,
            said=stream.frames or None,
            times=np.zeros(0),
            stamps=np.frombuffer(stamps, np.int64),
            base=float(stream.time_base or 0),
            keys=np.frombuffer(keys, np.int8).astype(bool),
            broken=broken,
        )
    return _timed(header, np.frombuffer(lasts, np.int64), bool(untimed))


def _timed(header: Header, lasts: np.ndarray, untimed: bool) -> Header:
    """Put the packets, which come in the order of decoding, in the order of showing."""
    count = len(header.stamps)
    if not count:
        return header
    order = np.argsort(header.stamps, kind="stable")
    stamps = header.stamps[order]
    times = (stamps - stamps[0]) * header.base
    last = lasts[order[-1]] * header.base or 1 / header.rate
    # Time stamps that stand still say nothing, those of a damaged file may lie years apart.
    if untimed or (count > 1 and times[-1] <= 0) or times[-1] > count * 3600:
        times, last = np.arange(count) / header.rate, 1 / header.rate
    return replace(
        header,
        times=times,
        stamps=stamps,
        keys=header.keys[order],
        duration=float(times[-1] + last),
    )
