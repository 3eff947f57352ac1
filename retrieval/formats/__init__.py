"""What the formats of pictures are like: `retrieval/images.py` asks here, and is what everyone else asks.

readers.py      a file's bytes -> a picture, nothing decoded: which reader, told what
pngs gifs bmps jp2s webps tiffs (directories strips samples) previews     where Pillow reads wrong, dearly or not
beside.py containers.py boxes.py     what a file holds beside its picture, damaged or not
rendering.py colours.py     a decoded picture -> RGB uint8, in sRGB
"""
