# The gates that look at sources, and the fast loop.

# All C++ sources, each ended by a zero byte.
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

# tidy FILE...: clang-tidy by the release build's compile commands.
tidy() {
  (($#)) || return 0
  printf '%s\0' "$@" |
    xargs -0 -P "$(nproc)" -n 1 clang-tidy-19 -p build/release --quiet --warnings-as-errors='*' \
      2> >(grep -v ' warnings\? generated' >&2)
}

# Sources below src/ that differ from the last commit, and those that include a header that does.
changed_sources() {
  local changed headers
  changed=$({ git diff --name-only HEAD -- src || true; git ls-files --others --exclude-standard -- src; } 2>/dev/null | sort -u)
  headers=$(sed -n 's|^src/\(.*\.hpp\)$|\1|p' <<<"$changed")
  {
    grep '\.cpp$' <<<"$changed" || true
    [[ -z $headers ]] || grep -rlF --include='*.cpp' -f <(sed 's/.*/"&"/' <<<"$headers") src || true
  } | sort -u | xargs --no-run-if-empty ls 2>/dev/null || true
}

check() {
  local status=0 sources
  build_release
  build_tests
  stage "format, layers, wall clock"
  check_format || status=1
  build/venv/bin/python tools/check_layers.py || status=1
  build/venv/bin/python tools/check_wall_clock.py || status=1
  mapfile -t sources < <(changed_sources)
  stage "clang-tidy on ${#sources[@]} changed files"
  tidy "${sources[@]}" || status=1
  stage "the largest sources"
  find src -name '*.[ch]pp' -print0 | xargs -0 --no-run-if-empty wc -l | grep -v ' total$' | sort -rn | head -10
  run_tests --fast || status=1
  return $status
}
