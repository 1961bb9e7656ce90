"""Recipes as users choose them: by a name, or in a file with ranges of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Tag

from geocnn.errors import ConfigError, Fault, UsageError
from geocnn.marked import load_marked
from geocnn.records import Record, nearest, read_record
from geocnn.synthetic.wide import INGREDIENTS, NAMES, WideRecipe

__all__ = ["NAMES", "AnyRecipe", "PlainRecipe", "RecipeChoice", "choose_recipe"]


class PlainRecipe(Record):
    """A recipe whose ranges are fixed: `geocnn.synthetic.recipes.RECIPES`."""

    recipe: Literal["wu2019", "wu2019-wide"]


AnyRecipe = WideRecipe | PlainRecipe


def _kind(data: object) -> str:
    """Which record a recipe is meant to be, so that only its faults are told."""
    name = data.get("recipe") if isinstance(data, Mapping) else getattr(data, "recipe", None)
    return "PlainRecipe" if name in NAMES[1:] else "WideRecipe"


RecipeChoice = Annotated[
    Annotated[WideRecipe, Tag("WideRecipe")] | Annotated[PlainRecipe, Tag("PlainRecipe")], Discriminator(_kind)
]
"""What a config may say of a recipe."""


def choose_recipe(said: str, without: Sequence[str] = ()) -> AnyRecipe:
    """The recipe of a name, or of a YAML file that holds the keys of one.

    Parameters
    ----------
    said
        Name or path.
    without
        Ingredients to leave out, beside those that the file leaves out.

    Raises
    ------
    UsageError
        If there is no such recipe, or it has no ingredients to leave out.
    ConfigError
        With all faults of the file.
    """
    recipe: AnyRecipe
    if said in NAMES:
        recipe = WideRecipe() if said == "wide" else PlainRecipe.model_validate({"recipe": said})
    elif Path(said).suffix in (".yaml", ".yml"):
        recipe = _written(Path(said))
    else:
        meant = nearest(said, NAMES)
        raise UsageError(
            f"no recipe {said!r}",
            expected=f"one of {', '.join(NAMES)}, or a YAML file",
            do=f"did you mean {meant}?" if meant else "choose one of these",
        )
    return _without(recipe, without) if without else recipe


def _without(recipe: AnyRecipe, names: Sequence[str]) -> WideRecipe:
    """The recipe with less in it."""
    if isinstance(recipe, PlainRecipe):
        raise UsageError(
            f"--without {', '.join(names)} with --recipe {recipe.recipe}",
            expected="--without with --recipe wide: only its ingredients can be left out",
            do="leave one of the two options away",
        )
    unknown = [name for name in names if name not in INGREDIENTS]
    if unknown:
        meant = nearest(unknown[0], INGREDIENTS)
        raise UsageError(
            f"--without {unknown[0]}",
            expected=f"ingredients: {', '.join(INGREDIENTS)}",
            do=f"did you mean {meant}?" if meant else "choose some of these",
        )
    return recipe.model_copy(update={"without": tuple(dict.fromkeys((*recipe.without, *names)))})


def _written(path: Path) -> AnyRecipe:
    marked = load_marked(path)
    data: Any = {} if marked.data is None else marked.data
    faults: list[Fault] = []
    if not isinstance(data, dict):
        raise ConfigError(
            [Fault("no keys", "keys of a recipe, such as frequency: [10, 40]", "see docs/synthetics.md", str(path))]
        )
    recipe: AnyRecipe | None = (
        read_record(PlainRecipe, marked, (), data, faults)
        if _kind(data) == "PlainRecipe"
        else read_record(WideRecipe, marked, (), data, faults)
    )
    if recipe is None:
        raise ConfigError(faults)
    return recipe
