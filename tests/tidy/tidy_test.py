#!/usr/bin/env python3
"""The checker, checked: each rule against a small bad sample that it must name, and a good one that it must not."""

import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import tidy  # noqa: E402


def findings(path, text):
    return tidy.check(tidy.Source(path, text))


def header(text):
    return "// Comment.\n#pragma once\n" + text


class IncludeArrows(unittest.TestCase):
    def test_a_lower_folder_may_not_include_a_higher_one(self):
        found = findings("buffer/ledger.cc", '#include "buffer/ledger.h"\n#include "sinks/sink.h"\n')
        self.assertEqual(len(found), 1)
        self.assertTrue(found[0].startswith("buffer/ledger.cc:2: buffer/ may not include sinks/"), found)

    def test_neighbours_may_not_include_each_other(self):
        self.assertTrue(findings("tailers/tailer.cc", '#include "sinks/sink.h"\n'))
        self.assertTrue(findings("sinks/kafka_sink.cc", '#include "tailers/glob.h"\n'))
        self.assertTrue(findings("config/loader.cc", '#include "buffer/batch.h"\n'))

    def test_a_folders_unit_tests_keep_its_arrows(self):
        self.assertTrue(findings("tests/buffer/ledger_test.cc", '#include "agent/pipeline.h"\n'))
        self.assertEqual(findings("tests/sinks/sink_test.cc", '#include "buffer/batch.h"\n'), [])

    def test_an_include_is_written_from_the_root(self):
        self.assertIn("written from the root", findings("base/log.cc", '#include "log.h"\n')[0])

    def test_right_arrows_pass(self):
        self.assertEqual(findings("agent/pipeline.cc", '#include "sinks/sink.h"\n#include "tailers/glob.h"\n'), [])


class ForbiddenCalls(unittest.TestCase):
    def expect(self, path, text, better):
        found = findings(path, text)
        self.assertEqual(len(found), 1, (text, found))
        self.assertIn(better, found[0])
        self.assertTrue(found[0].startswith(f"{path}:1: "), found)

    def test_each_names_the_better_way(self):
        self.expect("buffer/lag.cc", "auto t = std::chrono::steady_clock::now();", "base/clock.h")
        self.expect("agent/pipeline.cc", "clock_gettime(CLOCK_MONOTONIC, &t);", "base/clock.h")
        self.expect("tests/buffer/lag_test.cc", "std::this_thread::sleep_for(1ms);", "wait for a condition")
        self.expect("tailers/tailer.cc", "usleep(10);", "wait for a condition")
        self.expect("buffer/ledger.cc", "std::mutex mutex_;", "mailbox")
        self.expect("config/loader.cc", 'throw std::runtime_error("x");', "return an Error")
        self.expect("config/units.cc", "return std::stoull(text);", "from_chars")
        self.expect("agent/cli.cc", "#include <iostream>", "base/log.h")
        self.expect("tailers/tailer.cc", "#include <sys/epoll.h>", "only agent/")
        self.expect("sinks/rdkafka_client.cc", "rd_kafka_poll(handle, 0);", "rd_kafka_queue_poll")

    def test_library_headers_stay_out_of_ours(self):
        found = findings("sinks/kafka_client.h", header("#include <librdkafka/rdkafka.h>\n"))
        self.assertEqual(len(found), 1)
        self.assertIn("include it in the .cc", found[0])
        self.assertEqual(findings("sinks/rdkafka_client.cc", "#include <librdkafka/rdkafka.h>\n"), [])

    def test_the_places_that_may_are_left_alone(self):
        self.assertEqual(findings("base/clock.cc", "return std::chrono::steady_clock::now();"), [])
        self.assertEqual(findings("base/mailbox.h", header("std::mutex mutex_;\n")), [])
        self.assertEqual(findings("agent/event_loop.cc", "#include <sys/epoll.h>\n"), [])

    def test_comments_and_strings_do_not_count(self):
        self.assertEqual(findings("buffer/lag.cc", "// never throw, never usleep(1)\n/* std::mutex */\n"), [])
        self.assertEqual(findings("buffer/lag.cc", 'log("throw it away"); auto r = R"(throw " )";\n'), [])
        self.assertEqual(findings("buffer/lag.cc", "char c = '\"'; int n = 1'000; // throw\n"), [])
        self.assertEqual(len(findings("buffer/lag.cc", "char c = '\"'; throw 1'000; char d = '\"';\n")), 1)


class Headers(unittest.TestCase):
    def test_without_pragma_once_is_found(self):
        self.assertIn("#pragma once", findings("base/error.h", "// Error.\n#include <string>\n")[0])
        self.assertEqual(findings("base/error.h", header("#include <string>\n")), [])


class Remarks(unittest.TestCase):
    def test_a_todo_names_its_issue(self):
        self.assertIn("issue", findings("base/log.cc", "// TODO: later\n")[0])
        self.assertEqual(findings("base/log.cc", "// TODO(#12): later\n"), [])

    def test_a_nolint_says_why(self):
        self.assertIn("reason", findings("base/log.cc", "int x;  // NOLINT(performance-x)\n")[0])
        self.assertIn("reason", findings("base/log.cc", "int x;  // NOLINT\n")[0])
        self.assertEqual(findings("base/log.cc", "int x;  // NOLINT(performance-x): it is cold\n"), [])


def function(lines, head="int Ledger::settle(int batch) {"):
    return "\n".join([head] + ["  step();"] * (lines - 2) + ["}"]) + "\n"


class LongFunctions(unittest.TestCase):
    def test_seventy_lines_pass_and_one_more_does_not(self):
        limit = tidy.FUNCTION_LINES_MAX
        self.assertEqual(findings("buffer/ledger.cc", function(limit)), [])
        found = findings("buffer/ledger.cc", "namespace tailrace {\n\n" + function(limit + 1) + "}\n")
        self.assertEqual(len(found), 1)
        self.assertTrue(found[0].startswith(f"buffer/ledger.cc:3: Ledger::settle has {limit + 1} lines"), found)

    def test_tests_and_members_are_functions_too(self):
        self.assertTrue(findings("tests/buffer/x_test.cc", function(80, "TEST_F(Rotation, LosesNone) {")))
        inside = "struct A {\n  int b = 0;\n" + function(80, "  int f() const {") + "};\n"
        self.assertTrue(findings("buffer/a.cc", inside))

    def test_long_tables_and_classes_are_no_functions(self):
        self.assertEqual(findings("buffer/a.cc", function(200, "const std::map<int, int> kTable = {").replace(
            "step();", "{f(1), 2},").rstrip() + ";\n"), [])
        self.assertEqual(findings("buffer/a.cc", function(200, "class A {").replace("step();", "int f();").rstrip() + ";\n"), [])


    def test_a_page_of_text_is_no_long_function(self):
        page = 'std::string page() {\n  return R"(' + "<p>\n" * 100 + ')";\n}\n'
        self.assertEqual(findings("agent/http_page.cc", page), [])
        self.assertTrue(findings("agent/http_page.cc", page + function(80)))


class Unbuilt(unittest.TestCase):
    def test_a_file_that_no_target_builds_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "base").mkdir()
            for name in ("built.cc", "forgotten.cc"):
                (root / "base" / name).write_text("int x;\n", encoding="utf-8")
            commands = root / "compile_commands.json"
            commands.write_text(json.dumps([{"directory": folder, "file": f"{folder}/base/built.cc"}]), encoding="utf-8")
            found = tidy.unbuilt(root, commands, [source.path for source in tidy.sources(root)])
            self.assertEqual(found, ["base/forgotten.cc:1: no target builds this file; "
                                     "add it to a CMakeLists.txt or remove it"])


class WholeTree(unittest.TestCase):
    def test_exit_status_tells(self):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "base").mkdir()
            self.assertEqual(tidy.main([folder]), 1, "an empty tree is a wrong path, not a clean one")
            (root / "base" / "good.cc").write_text("int x;\n", encoding="utf-8")
            self.assertEqual(tidy.main([folder]), 0)
            (root / "base" / "bad.cc").write_text("void f() { throw 1; }\n", encoding="utf-8")
            self.assertEqual(tidy.main([folder]), 1)


if __name__ == "__main__":
    unittest.main()
