"""That `layers` fails on what it is there for, and on nothing else: in a small house of its own."""

import contextlib
import io
import tempfile
import unittest
from pathlib import Path

import layers

PAGE = """
## The modules

    main.rs        the start
      upper/       above
      beside.rs    as high
        lower.rs   below
          core/    a crate

## Something else

    nowhere.rs     not in the list
"""
HOUSE = {
    "ARCHITECTURE.md": PAGE,
    "src/lib.rs": "pub mod upper;\npub mod beside;\npub mod lower;\n",
    "src/main.rs": "use wolkvox_exporter::upper;\n",
    "src/upper/mod.rs": "mod part;\n",
    "src/upper/part.rs": "use super::super::lower::Low;\nuse crate::{\n    lower::{self, upper},\n};\n",
    "src/beside.rs": "/// Not [`crate::upper`].\nfn f() -> core::Thing { crate::lower::f() } // crate::upper\n",
    "src/lower.rs": "use core::Thing;\n\n#[cfg(test)]\nmod tests {\n    use crate::upper;\n}\n",
    "crates/core/Cargo.toml": '[dependencies]\nserde = "1"\n\n[dev-dependencies]\nother = { path = "../other" }\n',
    "crates/core/src/lib.rs": "pub mod a;\npub mod b;\n",
    "crates/core/src/a.rs": "use super::b::B;\n",
    "crates/core/src/b.rs": "pub struct B;\n\n#[cfg(test)]\nuse super::a::A;\n",
}


def checked(**changed):
    """What is said of the house with these files changed: their text, or None for no such file."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()) as said:
        for path, text in (HOUSE | changed).items():
            file = Path(folder, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            if text is not None:
                file.write_text(text, encoding="utf-8")
        with contextlib.redirect_stdout(io.StringIO()):
            found = layers.check(Path(folder))
    lines = said.getvalue().splitlines()
    assert found == len(lines), said.getvalue()
    return "\n".join(lines)


class Layers(unittest.TestCase):
    def test_a_house_in_order_has_no_problem(self):
        self.assertEqual(checked(), "")

    def test_an_arrow_up_is_found_however_it_is_written(self):
        for arrow in (
            "use crate::upper::Thing;",
            "use crate::{\n    other::{self, inner},\n    upper::{Thing, Other},\n};",
            "pub use super::upper::*;",
            "mod inner {\n    fn f() -> crate::upper::Thing {}\n}",
            "#[cfg(test)]\nmod tests;\n\nuse crate::upper::Thing;",
            "#[cfg(test)]\nuse crate::beside::{\n    Thing,\n};\nuse crate::upper::Thing;",
        ):
            with self.subTest(arrow):
                self.assertIn("lower uses upper, which does not stand below it", checked(**{"src/lower.rs": arrow + "\n"}))
        deep = checked(**{"src/lower/deep/file.rs": "use super::super::super::upper::Thing;\n"})
        self.assertIn("lower uses upper", deep)

    def test_an_arrow_to_the_side_is_found(self):
        self.assertIn("beside uses upper", checked(**{"src/beside.rs": "use crate::upper::Thing;\n"}))

    def test_a_circle_is_found(self):
        self.assertIn("a circle: ", checked(**{"src/lower.rs": "use crate::upper::Thing;\n"}))
        within = checked(**{"crates/core/src/b.rs": "use super::a::A;\n"})
        self.assertRegex(within, "^  WRONG: a circle: (a -> b -> a|b -> a -> b)$")

    def test_a_crate_that_needs_the_exporters_is_found(self):
        manifest = '[dependencies]\nlower = { path = "../../src/lower" }\n'
        self.assertIn("core uses lower", checked(**{"crates/core/Cargo.toml": manifest}))

    def test_the_page_lists_each_module_and_no_other(self):
        self.assertIn("more is not listed", checked(**{"src/more.rs": ""}))
        self.assertIn("beside is listed and does not exist", checked(**{"src/beside.rs": None}))
        self.assertIn("main uses elsewhere, which is no module", checked(**{"src/main.rs": "use crate::elsewhere;\n"}))


if __name__ == "__main__":
    unittest.main()
