"""Recipe: a whole run as data."""

from nextitem.recipe.data import DataRecipe, SplitRecipe
from nextitem.recipe.layers import Layer, make_data_recipe, make_recipe, read_layer, with_training
from nextitem.recipe.sections import (
    FORMAT,
    AverageName,
    EvaluationRecipe,
    LoggerName,
    LossRecipe,
    ModelRecipe,
    OptimizerName,
    Recipe,
    ScheduleName,
    TrainingRecipe,
)

__all__ = [
    "FORMAT",
    "AverageName",
    "DataRecipe",
    "EvaluationRecipe",
    "Layer",
    "LoggerName",
    "LossRecipe",
    "ModelRecipe",
    "OptimizerName",
    "Recipe",
    "ScheduleName",
    "SplitRecipe",
    "TrainingRecipe",
    "make_data_recipe",
    "make_recipe",
    "read_layer",
    "with_training",
]
