"""A daily, honest verdict for LLM features: promote, hold or roll back, with its reasons."""

__version__ = "0.1.0"
