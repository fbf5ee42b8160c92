# The two builds: `release` for users, `asan` for tests.

build_release() {
  stage "build the programs"
  alone build_preset release sluice_programs
}

build_tests() {
  stage "build the tests (AddressSanitizer and UBSan)"
  alone build_preset asan sluice_tests
  alone build_preset release sluice_confinement_tests
}

# build_preset PRESET TARGET
build_preset() {
  local folder=build/$1
  local made=$folder/build.ninja  # Ninja reruns CMake on its own, but does not track the two files below
  if [[ ! -f $made || CMakePresets.json -nt $made || build/venv/requirements.sha256 -nt $made ]]; then
    quietly "configure-$1.txt" cmake --preset "$1"
  fi
  # Show compiler errors, but not a thousand lines of progress.
  if [[ -t 1 ]]; then
    cmake --build "$folder" --target "$2" -j "$(nproc)"
  else
    NINJA_STATUS="" quietly "build-$1.txt" cmake --build "$folder" --target "$2" -j "$(nproc)"
  fi
}

soak() {
  stage "soak"
  SLUICE_BIN=$PWD/build/bin exec build/venv/bin/python tools/soak.py "$@"
}

demo() {
  stage "run the main job"
  export SLUICE_BIN=$PWD/build/bin SLUICE_MODELS=$PWD/build/models SLUICE_DEV_STARTED=$dev_started
  local root=$PWD
  cd "$caller_folder"  # so that --json FILE and --data DIR are relative to the caller's folder
  exec "$root/build/venv/bin/python" "$root/tools/demo.py" "$@"
}

# bench [BENCH…] [--rounds N]: measures Sluice and a peer.
bench() {
  stage "build the benchmarks"
  alone build_preset release sluice_bench
  export SLUICE_BIN=$PWD/build/bin SLUICE_MODELS=$PWD/build/models
  exec build/venv/bin/python tools/bench.py "$@"
}
