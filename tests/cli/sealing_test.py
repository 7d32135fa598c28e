"""What the command line shows of events that are sealed, and of what is redacted in them; services in processes of their own."""

import base64
import json
import os
import re
import subprocess
import unittest

from command_line import PATIENCE_S, CommandLine

SERVICE = os.environ["SEALING_SERVICE"]
IBAN = "DE89370400440532013000"
OLD, NEW = (f"{name}:{base64.b64encode(bytes(range(first, first + 32))).decode()}" for name, first in (("2026", 1), ("2027", 2)))


class Sealing(CommandLine):
    def keys(self, *keys):
        path = os.path.join(self.folder, "keys")
        with open(path, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write("\n".join(keys) + "\n")
        return path

    def pay(self, *ids, status=0, **more):
        done = subprocess.run([SERVICE, "--pay", ",".join(ids)], capture_output=True, cwd=self.folder, env=self.environment(**more), timeout=PATIENCE_S)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout.decode()

    def book(self, **more):
        process = subprocess.Popen([SERVICE], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.folder,
                                   env=self.environment(**more))
        self.started.append(process)
        return process

    def tail(self, *arguments, **more):
        return self.run_tidings("tail", "payments", "--from", "earliest", "--no-follow", *arguments, **more).stdout

    def everything(self):
        """All bytes of the broker's folder."""
        found = b""
        for folder, _, names in os.walk(os.path.join(self.folder, "data")):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    found += file.read()
        return found

    def test_from_one_process_to_another(self):
        keys = self.keys(OLD)
        self.pay("a", "b", TIDINGS_ENCRYPTION__KEY_FILE=keys)
        self.assertNotIn(IBAN.encode(), self.everything())
        booked = self.book(TIDINGS_ENCRYPTION__KEYS=NEW + "," + OLD)
        # Their keys differ, so either may be handled first.
        self.assertCountEqual([booked.stdout.readline().decode() for _ in range(2)], [f"a {IBAN}\n", f"b {IBAN}\n"])

    def test_without_a_key_nothing_leaves(self):
        self.assertEqual(self.pay("a", status=1), "no_key\n")
        self.assertNotIn(IBAN.encode(), self.everything())

    def test_tail_says_that_it_is_sealed_and_opens_it(self):
        keys = self.keys(OLD)
        self.pay("a", TIDINGS_ENCRYPTION__KEY_FILE=keys)
        self.assertRegex(self.tail(), r"shop\.payment  a  sealed with key 2026\n$")
        sealed = json.loads(self.tail("--json"))
        self.assertEqual(sealed["datacontenttype"], "application/vnd.tidings.sealed")
        self.assertNotIn("data", sealed)
        self.assertRegex(self.tail("--keys-file", keys), r'  \{"id":"a","iban":"\*\*\*","town":"Bath"\}\n$')
        for more in ({"TIDINGS_ENCRYPTION__KEY_FILE": keys}, {"TIDINGS_ENCRYPTION__KEYS": OLD}):
            self.assertEqual(json.loads(self.tail("--json", **more))["data"], {"id": "a", "iban": "***", "town": "Bath"})
        opened = json.loads(self.tail("--json", "--keys-file", keys, "--show-redacted"))
        self.assertEqual(opened["data"]["iban"], IBAN)
        self.assertEqual(opened["datacontenttype"], "application/json")
        self.assertRegex(self.tail("--keys-file", self.keys(NEW), "--show-redacted"), r"sealed with key 2026\n$")
        os.chmod(keys, 0o644)
        self.assertIn("insecure_file", self.run_tidings("tail", "payments", "--no-follow", "--keys-file", keys, status=1).stderr)

    def test_dead_letters_are_sealed_too(self):
        self.pay("a", TIDINGS_ENCRYPTION__KEYS=OLD)
        booking = self.book(TIDINGS_ENCRYPTION__KEYS=NEW)
        said = ""
        while "parked" not in said:
            said += booking.stderr.readline().decode()
        self.assertRegex(said, r"unknown_key: .*'2026'")
        self.assertNotIn(IBAN, said)
        shown = self.run_tidings("dead-letters", "show").stdout
        self.assertRegex(shown, r"sealed with key 2026\n$")
        self.assertRegex(self.run_tidings("dead-letters", "show", TIDINGS_ENCRYPTION__KEYS=OLD).stdout, r'"iban":"\*\*\*"')
        shown = self.run_tidings("dead-letters", "show", "--json", "--show-redacted", TIDINGS_ENCRYPTION__KEYS=OLD).stdout
        self.assertEqual(json.loads(shown)["data"]["iban"], IBAN)

    def test_what_is_redacted_is_masked_without_the_type(self):
        self.run_tidings("publish", "customers", "--header", "tidings-redact=/mail,/lines/price", stdin='{"mail": "ada@example.org", "lines": [{"price": 7 }], "n":1}\n')
        tail = lambda *arguments: self.run_tidings("tail", "customers", "--from", "earliest", "--no-follow", *arguments).stdout
        self.assertIn('{"mail": "***", "lines": [{"price": "***" }], "n":1}', tail())
        self.assertEqual(json.loads(tail("--json"))["data"], {"mail": "***", "lines": [{"price": "***"}], "n": 1})
        self.assertIn("ada@example.org", tail("--show-redacted"))
        self.assertNotIn("ada", tail())
        self.assertTrue(re.search(r"show-redacted", self.run_tidings("tail", "--help").stdout))


if __name__ == "__main__":
    unittest.main()
