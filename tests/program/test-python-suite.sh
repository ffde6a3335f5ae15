#!/bin/bash
# SPDX-License-Identifier: MIT
# Python's own tests of mmap, gc, pickle, threads and subprocesses, next to data of four times the
# budget: each passes, fails or is skipped just as without spill.
# Time limit: 900
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/compare.sh"
requires python3 perl numfmt
python=python3
for try in /usr/bin/python3 python3; do
	"$try" -c 'import test.test_mmap' 2>/dev/null && python=$try && break
done
"$python" -c 'import test.test_mmap' 2>/dev/null || skip "the tests of Python's library are missing"
# Where python3 is a script, what it executes.
python=$("$python" -c 'import sys; print(sys.executable)')

cat >"$tmp/suite.py" <<'END'
import os, sys, tempfile, unittest
# Looks at all descriptors of a child, and finds those that the pager hands on (spill(7), BUGS).
UNFIT = "test.test_subprocess.POSIXProcessTestCase.test_pass_fds_redirected"
def fit(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from fit(test)
        elif test.id() != UNFIT:
            yield test
class Result(unittest.TestResult):
    def say(self, test, what):
        self.lines.append("%s %s" % (test.id(), what))
    def addSuccess(self, test): self.say(test, "ok")
    def addSkip(self, test, reason): self.say(test, "skipped")
    def addExpectedFailure(self, test, error): self.say(test, "expected failure")
    def addUnexpectedSuccess(self, test): self.say(test, "unexpected success")
    def addSubTest(self, test, subtest, error):
        if error:
            self.addError(test, error)
    def addError(self, test, error):
        self.say(test, "failed")
        print(test.id(), self._exc_info_to_string(error, test), file=sys.stderr)
    addFailure = addError
os.chdir(tempfile.mkdtemp(dir=os.path.dirname(os.path.abspath(sys.argv[0]))))
# In large pieces: children that end free them, and shall not have to read them.
ballast = [(b"%4d" % i) * (1 << 18) for i in range(110)]
result = Result()
result.lines = []
for module in sys.argv[1:]:
    tests = unittest.defaultTestLoader.loadTestsFromName("test.test_" + module)
    unittest.TestSuite(fit(tests)).run(result)
assert all(piece == (b"%4d" % i) * (1 << 18) for i, piece in enumerate(ballast)), "the ballast is wrong"
with open(sys.argv[0] + ".result", "w") as file:
    print("\n".join(sorted(result.lines)), file=file)
END
# Some of the tests print themselves.
cat >"$tmp/run" <<'END'
rm -f "$2.result"
"$@" >&2 && cat "$2.result"
END
variants=none
compare_family 150M 40M bash "$tmp/run" "$python" "$tmp/suite.py" mmap gc pickle threading subprocess
grep -c ' ok$' "$tmp/paged.out"
