"""YAML means what YAML 1.2 says, and no text can make it large, deep or slow."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import Fault
from reconciler.manifests.jsontext import read_json
from reconciler.manifests.nodes import Document, plain
from reconciler.manifests.yamltext import MAX_NODES, read_yaml


def read(text: str) -> Any:
    (document,) = read_yaml(text, "f.yaml")
    assert isinstance(document, Document), document
    return plain(document.root)


def wrong(text: str) -> str:
    *_, fault = read_yaml(text, "f.yaml")
    assert isinstance(fault, Fault), fault
    return str(fault)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((word, word) for word in ("on", "off", "yes", "no", "y", "n", "On", "NO", "nULL", "tRUE")),
        *(
            (word, word)
            for word in ("1:30", "190:20:30", "2026-01-01", "2026-01-01T00:00:00Z", "1_000", "0b11", "=", "1e")
        ),
        *(("true", True), ("True", True), ("FALSE", False), ("null", None), ("~", None), ("", None), ("Null", None)),
        *(("010", 10), ("0o17", 15), ("0x1F", 31), ("-5", -5), ("+5", 5), ("00", 0), ("0o9", "0o9"), ("-0o7", "-0o7")),
        *(
            ("1e3", 1000.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("-1.5E-2", -0.015),
            ("+.5e1", 5.0),
            (".", "."),
            ("1.2.3", "1.2.3"),
        ),
        *(
            ("'5'", "5"),
            ('"true"', "true"),
            ("'~'", "~"),
            ("!!str 5", "5"),
            ("! 5", "5"),
            ("!!int 5", 5),
            ("!!float 5", 5),
        ),
    ],
)
def test_scalars_mean_what_the_core_schema_says(text: str, value: object) -> None:
    read_value = read(f"a: {text}\n")["a"]
    assert (type(read_value), read_value) == (type(value), value)


def test_anchors_and_merge_keys_work() -> None:
    text = """
    base: &base {a: 1, b: {c: 2}}
    more: &more {b: 3, d: 4}
    one: {<<: *base, a: 5}
    two: {<<: [*base, *more], e: 6}
    three: {'<<': 7}
    &k key: {*k : 8}
    """
    said = read(text)
    assert said["one"] == {"a": 5, "b": {"c": 2}}
    assert said["two"] == {"a": 1, "b": {"c": 2}, "d": 4, "e": 6}
    assert said["three"] == {"<<": 7}
    assert said["key"] == {"key": 8}


def test_block_scalars_and_many_documents() -> None:
    first, second = read_yaml("a: |\n  x\n  y\n---\n---\nb: >-\n  x\n  y\n...\n", "f.yaml")
    assert isinstance(first, Document)
    assert isinstance(second, Document)
    assert (plain(first.root), plain(second.root)) == ({"a": "x\ny\n"}, {"b": "x y"})


SYNTAX = {
    "a: [1,\n": "f.yaml:2:1: this is not YAML: did not find expected node content while parsing a flow node",
    "a: 'x\n": "f.yaml:2:1: this is not YAML: found unexpected end of stream while scanning a quoted scalar",
    "a: \0\n": "f.yaml:1:4: the character U+0000 cannot stand in a manifest",
    "a: 1\nb: \x1b[31m\n": "f.yaml:2:4: the character U+001B cannot stand in a manifest",
    "%YAML 3.0\n---\na\n": "f.yaml:1:1: this is not YAML: found incompatible YAML document",
    "\ta: 1\n": "f.yaml:1:1: this is not YAML: a tab, % or other character that cannot begin a value here"
    " (indent with spaces, or put quotes around it)",
    "a:\n  - b\n\t- c\n": "f.yaml:3:1: this is not YAML: found a tab character that violates indentation"
    " while scanning a plain scalar",
    "a: !!python/object/apply:os.system [x]\n": "f.yaml:1:4: the tag !!python/object/apply:os.system means nothing"
    " here: take it away",
    "&a x: 1\n*a : 2\n": "f.yaml:2:1: `x` is given twice; the first is in line 1",
    "x: &a 5\n*a : 2\n": "f.yaml:2:1: a key must be a text",
    "a: !!int x\n": "f.yaml:1:4: this is not what its tag !!int says",
    "a: " + "9" * 41 + "\n": "f.yaml:1:4: a number of more than 40 digits cannot be used here;"
    " put quotes around it if it is a text",
}


@pytest.mark.parametrize("text", SYNTAX, ids=repr)
def test_what_is_no_yaml_has_a_place(text: str) -> None:
    assert wrong(text) == SYNTAX[text]


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_depth_is_refused_before_it_is_followed(opening: str) -> None:
    assert wrong(opening * 200_000).endswith("nested more than 64 deep") or opening == "? "
    assert wrong(opening * 60 + "*x").endswith("not defined above") or opening == "? "


def test_aliases_count_into_the_depth() -> None:
    lines = [f"pad: [{'x, ' * 5_000}]", "a0: &a0 {x: 1}", *(f"a{n}: &a{n} {{x: *a{n - 1}}}" for n in range(1, 100))]
    assert wrong("\n".join(lines)) == "f.yaml:65:15: nested more than 64 deep"


def bomb(levels: int, width: int) -> str:
    lines = [f"l0: &l0 [{', '.join('x' * width)}]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize("text", [bomb(9, 9), bomb(40, 40), bomb(4, 30)])
def test_a_bomb_is_refused_before_it_grows(text: str) -> None:
    assert "aliases grow this document more than 10 times" in wrong(text)


def test_a_bomb_of_merge_keys_is_refused() -> None:
    keys = ", ".join(f"k{n}: 1" for n in range(2_000))
    text = f"a: &a {{{keys}}}\n" + "\n".join(f"b{n}: {{<<: *a}}" for n in range(2_000))
    assert "aliases grow this document more than 10 times" in wrong(text)


def test_growth_is_counted_and_bounded() -> None:
    text = "a: &a {x: 1, y: 2}\nb: [*a, *a, *a]\n"
    (document,) = read_yaml(text, "f.yaml")
    assert isinstance(document, Document)
    assert (document.nodes, document.expanded) == (12, 24)
    for levels in range(1, 9):
        for part in read_yaml(bomb(levels, 3), "f.yaml"):
            assert isinstance(part, Fault) or part.expanded <= 10 * part.nodes


def test_a_document_has_a_bounded_number_of_values() -> None:
    assert wrong("[" + "a," * MAX_NODES + "]").endswith("values is too large: split it")
    (fault,) = read_json("[" + "1," * MAX_NODES + "1]", "f.json")
    assert str(fault).endswith("values is too large: split it")


def test_one_mistake_made_many_times_ends_early() -> None:
    parts = list(read_yaml("a: !x y\n---\n" * 5_000, "f.yaml"))
    assert len(parts) < 1_100
    assert "more than 1000 faults; the rest was not read" in str(parts[-1])


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(json_values.filter(lambda value: value is not None), st.booleans())
def test_json_reads_back_what_was_written(value: object, escaped: bool) -> None:  # noqa: FBT001
    (document,) = read_json(json.dumps(value, ensure_ascii=escaped, indent=1), "f.json")
    assert isinstance(document, Document)
    assert plain(document.root) == value


@given(st.text(max_size=60) | st.text(alphabet="ab:-[]{}&*!|>'\"%@#,? \n\t0.~<", max_size=60))
def test_no_text_breaks_the_readers(text: str) -> None:
    for part in (*read_yaml(text, "f.yaml"), *read_json(text, "f.json")):
        assert isinstance(part, Document | Fault)
