"""models.catalogue: models and their arguments by name; what is misspelt gets the nearest right name."""

import pytest

from nextitem.data.training_data import Sizes
from nextitem.errors import MANY, InputError
from nextitem.models.catalogue import MODELS, arguments, check_arguments, find, make
from nextitem.models.general.popularity import Popularity
from nextitem.models.sequential.sasrec import SASRec
from nextitem.models.sequential.zero_block import ZeroBlock


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_model_is_found_under_the_name_of_its_class(name: str) -> None:
    assert find(name).__name__ == name


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_model_is_made_of_its_default_arguments(name: str) -> None:
    sizes = Sizes(5, 7, item_attributes={"kind": 3})
    assert make(find(name), sizes, check_arguments(find(name), {})).num_items == 7


@pytest.mark.parametrize(("wrong", "nearest"), [("SASrec", "SASRec"), ("markovchain", "MarkovChain")])
def test_unknown_model_is_an_error_that_names_the_nearest(wrong: str, nearest: str) -> None:
    with pytest.raises(InputError, match=f'no model "{wrong}"; did you mean "{nearest}"'):
        find(wrong)


def test_a_name_like_no_other_gets_the_list() -> None:
    with pytest.raises(InputError, match=f"known: {', '.join(sorted(MODELS)[:MANY])} and {len(MODELS) - MANY} more$"):
        find("xyz")


def test_arguments_are_those_of_the_constructor_but_num_items() -> None:
    assert set(arguments(ZeroBlock)) == {"dim", "dropout", "first_weights"}


def test_arguments_not_given_take_the_default() -> None:
    checked = check_arguments(SASRec, {"dim": 32})
    assert checked == {name: one.default for name, one in arguments(SASRec).items()} | {"dim": 32}


def test_checked_arguments_make_the_model() -> None:
    model = make(SASRec, Sizes(0, 5), check_arguments(SASRec, {"dim": 8, "norm": "post", "max_length": 3}))
    assert model.get_parameter("position_embedding.weight").shape == (3, 8)


def test_unknown_argument_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(
        InputError, match=r'model\.num_layer: SASRec has no key "num_layer", found 2; did you .*num_layers'
    ):
        check_arguments(SASRec, {"num_layer": 2})


def test_argument_of_a_model_without_any_is_an_error() -> None:
    with pytest.raises(InputError, match=r"model\.dim: Popularity .* it has no keys"):
        check_arguments(Popularity, {"dim": 8})


@pytest.mark.parametrize(("key", "value"), [("dim", "many"), ("norm", "papers"), ("tied", "perhaps"), ("dropout", [])])
def test_value_of_the_wrong_type_is_an_error_that_shows_it(key: str, value: object) -> None:
    with pytest.raises(InputError, match=rf"model\.{key}: .*found {value!r}".replace("[]", r"\[\]")):
        check_arguments(SASRec, {key: value})
