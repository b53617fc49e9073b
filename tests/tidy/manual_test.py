#!/usr/bin/env python3
"""The manual, tested: what the pages name is there, and what is there is named."""

import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
METRIC = r"tailrace_[a-z0-9_]+"


def page(name):
    return (ROOT / name).read_text(encoding="utf-8")


class Manual(unittest.TestCase):
    def test_the_operations_page_names_exactly_the_metrics_that_exist(self):
        exist = set(re.findall(f'"({METRIC})"', page("agent/metrics.cc")))
        self.assertGreater(len(exist), 30)
        named = {name for text in (page("README.md"), page("docs/operations.md"), page("docs/limits.md"))
                 for name in re.findall(rf"\b{METRIC}", text)}
        self.assertEqual(sorted(named - exist), [], "named in the manual, unknown to agent/metrics.cc")
        self.assertEqual(sorted(exist - set(re.findall(rf"\b{METRIC}", page("docs/operations.md")))), [],
                         "missing in docs/operations.md")

    def test_the_architecture_page_names_files_that_exist(self):
        folders = "agent|tailers|sinks|buffer|config|base|tests|docs|packaging"
        named = set(re.findall(rf"`((?:{folders})/[\w./*-]+)`", page("ARCHITECTURE.md")))
        self.assertGreater(len(named), 20)
        missing = [name for name in sorted(named)
                   if not any(list(ROOT.glob(name + ending)) for ending in ("", ".h", ".cc"))]
        self.assertEqual(missing, [])

    def test_every_verb_that_is_named_is_one_of_make(self):
        verbs = set(re.findall(r"^([a-z-]+)(?: [a-z -]+)?:(?!=)", page("Makefile"), re.MULTILINE)) | {"sim", "fuzz", "package"}
        for name in ("README.md", "CONTRIBUTING.md"):
            named = set(re.findall(r"(?:^|`)make ([a-z]+)", page(name), re.MULTILINE))
            self.assertTrue(named, name)
            self.assertEqual(sorted(named - verbs), [], name)

    def test_pages_that_are_linked_exist(self):
        for name in ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"):
            for target in re.findall(r"`((?:docs/)?[\w]+\.md)`", page(name)):
                self.assertTrue((ROOT / target).exists(), f"{name} names {target}")


if __name__ == "__main__":
    unittest.main()
