#!/usr/bin/env bash
# Stands where the deploy program stands: says with what it was called and what came, waits, and ends as told.
set -euo pipefail

main() {
  printf '%s\n' "called: $*" >>"${SHIP_TEST_CALLS}"
  printf '%s\n' '-----> Deploying'
  tar -t | sed 's/^/       /'
  if [[ -n "${SHIP_TEST_GATE:-}" ]]; then
    : >"${SHIP_TEST_GATE}.waiting"
    until [[ -e "${SHIP_TEST_GATE}" ]]; do sleep 0.05; done
  fi
  printf '%s\n' '       Deployed'
  printf '%s\n' "ended" >>"${SHIP_TEST_CALLS}"
  exit "${SHIP_TEST_STATUS:-0}"
}

main "$@"
