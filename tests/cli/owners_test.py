import json
import os
import subprocess
import unittest

from command_line import PATIENCE_S, TIDINGS, CommandLine

OWNER = 12345  # a user that nobody is
OTHER = 23456


@unittest.skipUnless(os.geteuid() == 0, "only root is other users")
class Owners(CommandLine):
    """Whose files they are, and who may do what with them."""

    def setUp(self):
        super().setUp()
        os.chmod(self.folder, 0o777)

    def run_as(self, user, *arguments, stdin="", status=0):
        done = subprocess.run(["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", TIDINGS, *arguments],
                              input=stdin.encode(), capture_output=True, cwd=self.folder, env=self.environment(),
                              timeout=PATIENCE_S, check=False)
        done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
        self.assertEqual(done.returncode, status, f"{arguments}: {done.stdout[-500:]}{done.stderr[-500:]}")
        return done

    def all_files(self):
        return sorted(os.path.join(at, name) for at, folders, files in os.walk(self.folder) for name in folders + files)

    def test_root_writes_to_nobody_elses_log(self):
        self.run_as(OWNER, "publish", "orders", stdin="1\n2\n3\n")
        self.run_as(OWNER, "tail", "orders", "--group", "audit", "--count", "1")
        before = self.all_files()
        for command in (("topics", "alter", "orders", "--retain-age", "7d"), ("publish", "orders"), ("lag",),
                        ("tail", "orders", "--group", "audit"), ("seek", "orders", "audit", "--to", "latest"),
                        ("topics", "create", "more"), ("topics", "delete", "orders", "--yes")):
            with self.subTest(command):
                self.assertRegex(self.run_tidings(*command, stdin="4\n", status=1).stderr,
                                 f"^tidings: foreign_owner: .*/data belongs to user {OWNER}; run as that user\n$")
        self.assertEqual(self.all_files(), before)
        self.assertEqual({os.stat(path).st_uid for path in before}, {OWNER})
        self.run_tidings("inspect")
        self.assertRegex(self.run_tidings("verify").stdout, "whole, 1 note; 3 events")
        self.run_as(OWNER, "topics", "alter", "orders", "--retain-age", "7d")

    def test_others_are_told_as_whom_they_can(self):
        self.publish("orders", [1])
        self.assertRegex(self.run_as(OWNER, "lag", status=1).stderr,
                         "^tidings: permission_denied: cannot open .*/data, which belongs to root; run as that user\n$")

    def test_a_copy_that_may_be_read_is_verified_by_anybody(self):
        self.publish("orders", range(3))
        self.run_tidings("tail", "orders", "--group", "audit", "--count", "1")
        for at, _, files in os.walk(os.path.join(self.folder, "data")):
            os.chmod(at, 0o755)
            for name in files:
                os.chmod(os.path.join(at, name), 0o644)
        self.assertRegex(self.run_as(OTHER, "verify").stdout,
                         "(?s)^note   .\n       foreign_owner: belongs to root: .*whole, 1 note; 3 events and 1 group")
        self.run_as(OTHER, "inspect")
        self.assertIn("foreign_owner", self.run_as(OTHER, "lag", status=1).stderr)
        os.chmod(os.path.join(self.folder, "data/orders/topic.meta"), 0o600)
        told = self.run_as(OTHER, "verify", status=1).stdout
        self.assertIn("permission_denied", told)
        self.assertRegex(told, "unread: 1 that you may not read, 1 note")
        self.assertEqual(json.loads(self.run_as(OTHER, "verify", "--json", status=1).stdout.splitlines()[-1])["verified"], "unread")


if __name__ == "__main__":
    unittest.main()
