"""Where Semblance differs from the judge on purpose: which files, what must come instead, and why.

`refused`: no picture, and a sentence that says why. `true`: the pixels that the writer put in.
"""

from typing import NamedTuple


class Difference(NamedTuple):
    """Of the files whose names the regular expression fits."""

    pattern: str
    instead: str
    reason: str


DIFFERENCES = [
    Difference(
        r"PNG cICP \(\d+, (16|18)\)", "true", "PQ and HLG: Chromium maps them to its screen; here the numbers are left"
    ),
    Difference(
        r"AVIF RGB, profile (grey .*|CMYK|damaged)",
        "true",
        "Chromium shows none at all; a profile never costs a picture",
    ),
    Difference(r"AVIF RGBA", "true", "Chromium takes the alpha of AVIF for one of studio range"),
    Difference(r"WEBP turn [2-8]", "true", "browsers pass over the EXIF turn of WebP; others apply it"),
    Difference(
        r"TIFF grey (2|4|6|10|12|14|32|[fu]\d+) miniswhite.*", "true", "ImageMagick 6 inverts 1, 8 and 16 bits alone"
    ),
    Difference(
        r"TIFF (grey|RGB) i\d+.*", "refused", "signed: decoders disagree on what is black (grey of 16 bits is read)"
    ),
    Difference(r"TIFF .* u64.*", "true", "ImageMagick reads no integers of 64 bits"),
    Difference(
        r"TIFF (grey|RGB) unspecified .*",
        "true",
        "unspecified data (TIFF 6.0) is no alpha; ImageMagick takes it for one",
    ),
    Difference(r"TIFF grey (assoc|unass)alpha \d+ planar", "true", "ImageMagick reads one plane alone"),
    Difference(r"TIFF jpeg2000.*", "true", "ImageMagick has no JPEG 2000 in TIFF"),
    Difference(r"TIFF (png|jpegxl).*", "refused", "no decoder of these for TIFF is among what Semblance installs"),
    Difference(r"TIFF cielab \d+", "true", "ImageMagick takes Lab for one of daylight, not of D50"),
    Difference(r"TIFF icclab \d+", "true", "ImageMagick takes ICC's Lab for CIE's, whose a and b have a sign"),
    Difference(r"TIFF RGB 24", "true", "ImageMagick takes 24 bits for floating point"),
    Difference(r"TIFF a mask", "refused", "a mask is no picture"),
    Difference(r"TIFF RGB, data, alpha", "true", "ImageMagick takes the fourth channel for alpha: it is the fifth"),
    Difference(r"TIFF YCbCr [24] x \d", "true", "ImageMagick takes it for not subsampled"),
    Difference(r"HEIF (RGB|turn \d|1[02] bits)", "true", "ImageMagick 6 takes RGB in HEIC for YCbCr"),
    Difference(r"HEIF RGBA", "true", "ImageMagick 6 passes over the alpha of HEIC"),
]
