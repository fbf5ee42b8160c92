# Runs one fuzzer for longer than the tests do.

# fuzz [NAME [SECONDS]]; without a name it lists the fuzzers.
fuzz() {
  stage "build the fuzzers (AddressSanitizer and UBSan)"
  alone build_preset asan sluice_fuzzers
  build/venv/bin/python tools/fuzzing.py "$@"
}
