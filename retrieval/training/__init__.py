"""Training: the only place in Semblance that imports torch and torchvision.

What leaves this package is a model folder (export.py, adopt.py); serving and indexing run that folder with ONNX Runtime
alone. Adopting a network that others have trained needs onnx and NumPy, and imports no torch.
"""
