"""Layers, losses and samplers: torch only; knows neither data nor models."""
