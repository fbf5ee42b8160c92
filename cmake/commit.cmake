# Writes OUT, a header with the commit that is built; only if it has changed, so that nothing is compiled again without need.
# Run as a script: cmake -DSOURCE=… -DOUT=… -P commit.cmake
cmake_policy(VERSION 3.25)
execute_process(COMMAND git -c safe.directory=* -C "${SOURCE}" log -1 --format=%h\ %cs OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
execute_process(COMMAND git -c safe.directory=* -C "${SOURCE}" status --porcelain --untracked-files=no OUTPUT_VARIABLE changes ERROR_QUIET)
if(NOT commit)
  set(commit "unknown commit")
elseif(changes)
  string(APPEND commit ", changed")
endif()
file(CONFIGURE OUTPUT "${OUT}" CONTENT "#pragma once\n#define SLUICE_COMMIT \"@commit@\"\n" @ONLY)
