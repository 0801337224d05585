"""Layers, losses, samplers and scorers: torch only; knows neither data nor models."""
