"""Another codec for a library: chosen, brought in beside the old one, fitted to its own pictures, dropped."""
