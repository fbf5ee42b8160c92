# Helpers: stages with elapsed seconds, quiet commands, errors.

# Checkouts in different folders share the cache: ccache makes paths below this folder relative, and ignores the time stamp of
# the precompiled header and the macros of the current time.
export CCACHE_BASEDIR=$PWD CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_DEPEND=1

dev_started=${SLUICE_DEV_STARTED:-$EPOCHREALTIME}

# stage TEXT: prints "[  12.3 s] TEXT"
stage() {
  local tenths=$(((${EPOCHREALTIME/./} - ${dev_started/./}) / 100000))
  printf '[%4d.%d s] %s\n' $((tenths / 10)) $((tenths % 10)) "$*"
}

fail() {
  printf 'dev: %s\n' "$*" >&2
  exit 1
}

# quietly LOG COMMAND...: writes the command's output to build/log/LOG, and prints it only if the command fails.
quietly() {
  local log=build/log/$1
  shift
  mkdir -p build/log
  if ! "$@" >"$log" 2>&1; then
    tail -n 60 "$log" >&2
    fail "$1 failed; all of its output is in $log"
  fi
}

# alone COMMAND...: runs it under a lock, so that two calls of ./dev in one checkout do not set up or build concurrently.
alone() {
  mkdir -p build
  (
    flock 9
    "$@"
  ) 9>build/dev.lock
}
