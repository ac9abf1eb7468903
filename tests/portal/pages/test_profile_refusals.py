"""What is refused of charging profiles can be read in German, too."""

import ast
import inspect

import pytest

from csms import operation_modes, profile_rules
from portal.pages.profile_refusals import SENTENCES


def sentences_of(module: object) -> set[str]:
    """The fixed sentences that a module says, but for its docstrings."""
    tree = ast.parse(inspect.getsource(module))  # type: ignore[arg-type]
    said = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Yield | ast.Return) and node.value is not None:
            said |= {each.value for each in ast.walk(node.value) if isinstance(each, ast.Constant)}
        if isinstance(node, ast.Assign):
            said |= {node.value.value} if isinstance(node.value, ast.Constant) else set()
    return {each for each in said if isinstance(each, str) and " " in each and each[-1] == "."}


@pytest.mark.parametrize("module", [profile_rules, operation_modes])
def test_each_fixed_sentence_is_there_to_be_translated(module: object) -> None:
    fixed = {each for each in sentences_of(module) if each[0].isalpha()}  # else a part of one
    assert len(fixed) > 2
    assert fixed - SENTENCES == set()


def test_none_is_left_that_nobody_says() -> None:
    said = sentences_of(profile_rules) | sentences_of(operation_modes)
    assert SENTENCES - said == set()
