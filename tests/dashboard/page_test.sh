#!/usr/bin/env bash
# Runs page_test.mjs where there is what it takes, and says what is missing where it is not (77, which CTest takes for skipped).
#   page_test.sh OUT [options of page_test.mjs]
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${1:?usage: page_test.sh OUT}
shift
packages=${TIDINGS_DASHBOARD_PACKAGES:-$(script/dashboard --path)}
skip() {
  echo "SKIPPED: $1"
  exit 77
}
command -v node >/dev/null || skip "there is no Node.js"
[ -d "$packages/node_modules/playwright-core" ] || skip "script/dashboard has not fetched what the page is tested with"
browser=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
[ -n "$browser" ] || skip "there is no chromium; script/setup test installs it"
script/dashboard --types
[ -f "$out/page/index.html" ] || skip "the page was left out of the build"
CHROMIUM=$browser exec node tests/dashboard/page_test.mjs "$packages" "$out" "$@"
