# Runs tests. Their environment has SLUICE_BIN, the folder of the release programs, and SLUICE_MODELS, the folder of the
# built-in models.

# run_tests [--fast] [--golden] [--all] [FILTER]; the last line is "N passed, N failed".
run_tests() {
  stage "run the tests"
  SLUICE_BIN=$PWD/build/bin SLUICE_MODELS=$PWD/build/models build/venv/bin/python tools/run_tests.py "$@"
}

# for_people COMMAND WHY: golden files are accepted by a person who reads the difference, hence not in CI.
for_people() {
  [[ ${CI:-false} == false ]] || fail "$1 is for interactive use: ${2:-golden files are not rewritten when CI is set} (CI=$CI)"
}

accept() {
  for_people accept
  set_up_for_tests
  build_tests
  SLUICE_ACCEPT=1 run_tests --golden
  git --no-pager diff --stat -- tests/golden
}

# record [NAME]
record() {
  for_people record
  set_up
  build/venv/bin/python tools/recording.py "$@"
}

# simulate [--seconds N] [--seed N]: a seed alone runs that one simulation and prints its events.
simulate() {
  stage "build the simulation"
  alone build_preset asan sim
  stage "simulate"
  [[ ${1:-} == --seed && $# == 2 ]] && set -- "$@" --once
  exec build/asan/sim/sim "$@"
}

# mutate FOLDER [--seed N] [--count N] [--survivors]
mutate() {
  for_people mutate "takes up to an hour"
  stage "mutate"
  (
    flock --nonblock 8 || fail "another ./dev mutate is running in this checkout"
    build/venv/bin/python tools/mutate/mutate.py "$@"
  ) 8>build/mutate.lock
}
