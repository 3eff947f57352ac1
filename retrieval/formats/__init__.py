"""What the formats of pictures are like: `retrieval/images.py` asks here, and is what everyone else asks.

readers.py      a file's bytes -> a picture, nothing decoded: which reader, told what
pngs gifs bmps tiffs (directories strips samples) previews     where Pillow reads wrong or not at all
beside.py containers.py     what a file holds beside its picture, damaged or not
rendering.py colours.py     a decoded picture -> RGB uint8, in sRGB
"""
