"""Makes the pictures of the project's README from those that scripts/screenshots took: FOLDER_OF_THESE FOLDER_OF_THOSE SINCE."""

import pathlib
import sys

from PIL import Image

# Name in the README, picture, and how much of its height is shown, pixels; None: all.
PICTURES = [
    ("city", "city-light", None),
    ("junction", "junction-light", 1166),
    ("peaks", "analysis-peaks-light", None),
    ("alarms", "alarms-dark", None),
]


def main() -> None:
    taken, shown = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    for name, picture, height in PICTURES:
        file = taken / f"{picture}.png"
        # Not one of an earlier run.
        if not file.exists() or file.stat().st_mtime < int(sys.argv[3]):
            continue
        image = Image.open(file).convert("RGB")
        image = image.crop((0, 0, image.width, min(height or image.height, image.height)))
        small = image.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        small.save(shown / f"{name}.png", optimize=True)


main()
