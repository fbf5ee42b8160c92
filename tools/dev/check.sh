# Checks of the sources, and the fast loop.

# Prints all C++ sources, each terminated by a zero byte.
sources0() {
  find src tests -name '*.[ch]pp' -print0
}

format_sources() {
  sources0 | xargs -0 --no-run-if-empty clang-format-19 -i
}

check_format() {
  local wrong
  wrong=$(sources0 | xargs -0 --no-run-if-empty clang-format-19 --dry-run -Werror 2>&1 |
    sed -n 's/:[0-9]*:[0-9]*: error: .*//p' | sort -u)
  [[ -z $wrong ]] && return
  sed 's/$/: not formatted; run .\/dev fmt/' <<<"$wrong"
  return 1
}

# Checks the files that have changed since their last clean result.
tidy() {
  /usr/bin/python3 tools/tidy/tidy.py
}

check() {
  local status=0
  build_release
  build_tests
  stage "format, layers, wall clock, filesystem"
  check_format || status=1
  build/venv/bin/python tools/check_layers.py || status=1
  build/venv/bin/python tools/check_wall_clock.py || status=1
  build/venv/bin/python tools/check_filesystem.py || status=1
  stage "clang-tidy on changed files"
  tidy || status=1
  stage "the largest sources"
  find src -name '*.[ch]pp' -print0 | xargs -0 --no-run-if-empty wc -l | grep -v ' total$' | sort -rn | head -10
  run_tests --fast || status=1
  return $status
}
