# Stages with elapsed seconds, quiet commands, errors.

# What one folder has compiled, another finds: ccache makes paths below this one relative, and looks neither at the time of
# the precompiled header nor at macros of the time.
export CCACHE_BASEDIR=$PWD CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_DEPEND=1

dev_started=${SLUICE_DEV_STARTED:-$EPOCHREALTIME}

# stage TEXT: "[  12.3 s] TEXT"
stage() {
  local tenths=$(((${EPOCHREALTIME/./} - ${dev_started/./}) / 100000))
  printf '[%4d.%d s] %s\n' $((tenths / 10)) $((tenths % 10)) "$*"
}

fail() {
  printf 'dev: %s\n' "$*" >&2
  exit 1
}

# quietly LOG COMMAND...: its output goes to build/log/LOG, and is shown only if it fails.
quietly() {
  local log=build/log/$1
  shift
  mkdir -p build/log
  if ! "$@" >"$log" 2>&1; then
    tail -n 60 "$log" >&2
    fail "$1 failed; all of its output is in $log"
  fi
}

# alone COMMAND...: two calls of ./dev in one checkout set up and build one after the other.
alone() {
  mkdir -p build
  (
    flock 9
    "$@"
  ) 9>build/dev.lock
}
