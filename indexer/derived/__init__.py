"""What a library keeps beside its catalog and may lose: snapshots of indexes, pixel vectors, thumbnails, encoders."""
