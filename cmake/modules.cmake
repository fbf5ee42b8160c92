# Functions that declare the modules, programs, tests and fuzzers of Sluice. A module is one folder of
# src/sluice and one CMake target.
#
#   sluice_module(NAME frontends/native           # the folder under src/sluice; the target is sluice_frontends_native
#                 SOURCES frontend.cpp            # .cpp files only; omit it for a header-only module
#                 LINKS syntax ir                 # modules whose headers OUR HEADERS may include
#                 PRIVATE_LINKS Boost::json)        # modules and libraries that only our .cpp files may include
#
#   sluice_program(NAME sluice-host               # a program in <out>/bin (build/bin for the preset `release`)
#                  SOURCES main.cpp LINKS host runtimes/openvino
#                  [STATIC])                      # fully static, linking only the named modules and libc; in the preset `release`
#                                                 # only, so tests take it from build/bin
#
#   sluice_test(NAME syntax                       # GoogleTest program <binary dir>/tests/syntax, in the presets `asan` and
#                                                 # `mutate`; `./dev test` counts its cases
#               SOURCES yaml_test.cpp LINKS syntax)
#
#   sluice_fuzzer(NAME yaml SOURCES yaml_fuzz.cpp LINKS syntax   # libFuzzer; in the preset `asan` only
#                 CORPUS tests/golden/syntax)     # seeds, relative to the project (optional)
#
# LINKS and PRIVATE_LINKS take modules by their folder (base, stores/sqlite) and any CMake target or library.
#
# Headers are included by their full path, #include "sluice/ir/plan.hpp". A module can include only headers of modules that it
# links: each module has its own include root, <binary dir>/include/<module>, which holds links to the headers of that module
# and of no other. So an upward include does not compile. A folder below a module that has a CMakeLists.txt is a module of
# its own; other subfolders belong to the module above. The allowed dependencies are checked by tools/check_layers.py.
#
# Libraries, by the target to name:
#   Boost::headers (beast, asio)  ZLIB::ZLIB  Boost::json  OpenSSL::Crypto  OpenSSL::SSL  fmt::fmt  spdlog::spdlog  CLI11::CLI11
#   SQLite::SQLite3  PkgConfig::git2  PkgConfig::fyaml  Eigen3::Eigen  PkgConfig::lbfgs  ONNX::proto  openvino::runtime
#   PkgConfig::spng  JPEG::JPEG  PkgConfig::webp  TIFF::TIFF  GIF::GIF  PkgConfig::avif  PkgConfig::stb  PkgConfig::utf8proc  re2::re2  absl::time  Threads::Threads  GTest::gtest
#
# To use an additional build folder: cmake --preset release -B build/mine && cmake --build build/mine
# (its programs are in build/mine/bin).

# Warnings and code generation, for every target of ours.
add_library(sluice_flags INTERFACE)
target_compile_features(sluice_flags INTERFACE cxx_std_23)
target_compile_options(sluice_flags INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wnon-virtual-dtor -Wno-missing-field-initializers
  "-ffile-prefix-map=${PROJECT_SOURCE_DIR}=."  # the same bytes in every folder, so that ccache hits
  -fdiagnostics-absolute-paths)  # print the path of the header, not of the link in the include root

# AddressSanitizer and UBSan; for modules and fuzzers also the coverage that guides libFuzzer. Empty except in the preset `asan`.
# Without `object-size`: AddressSanitizer detects the same accesses, and the check is an eighth of the time to compile.
add_library(sluice_sanitize INTERFACE)
add_library(sluice_coverage INTERFACE)
if(SLUICE_SANITIZE)
  target_compile_options(sluice_sanitize INTERFACE
    -fsanitize=address,undefined -fno-sanitize=object-size -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  target_link_options(sluice_sanitize INTERFACE -fsanitize=address,undefined)
  target_compile_options(sluice_coverage INTERFACE -fsanitize=fuzzer-no-link)
endif()
target_link_libraries(sluice_coverage INTERFACE sluice_sanitize)

# Precompiled headers. Each consists of system headers only, and neither its command nor its bytes contain a path of this
# checkout: the result is the same in every folder, so ccache also hits for objects that were compiled with it in another.
# CMake's own target_precompile_headers() stores absolute paths, which the ccache of Debian 12 does not make relative. clang-tidy
# parses without them, so a source still has to include what it uses (decision 0013).
set(SLUICE_STANDARD_HEADERS algorithm array atomic cerrno charconv chrono cmath condition_variable cstddef cstdint cstdio cstdlib
  cstring deque expected filesystem functional limits map memory mutex optional set span string string_view thread
  unordered_map unordered_set utility variant vector fmt/format.h unistd.h fcntl.h sys/stat.h)

# _sluice_precompile(NAME HEADERS h... OPTIONS o...): builds <binary dir>/pch/NAME-<hash>.pch by the target sluice_pch_NAME.
function(_sluice_precompile name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "HEADERS;OPTIONS")
  separate_arguments(flags UNIX_COMMAND "${CMAKE_CXX_FLAGS}")
  get_property(warnings TARGET sluice_flags PROPERTY INTERFACE_COMPILE_OPTIONS)
  list(APPEND flags -D_GLIBCXX_USE_CXX11_ABI=1 ${warnings} ${arg_OPTIONS} ${CMAKE_CXX23_STANDARD_COMPILE_OPTION}
    -fpch-instantiate-templates -Xclang -fno-pch-timestamp)
  list(FILTER flags EXCLUDE REGEX "-prefix-map=|^-g")  # options that contain paths or make ccache hash the folder
  set(includes)
  foreach(header IN LISTS arg_HEADERS)
    list(APPEND includes -include ${header})
  endforeach()
  # Targets that use the file do not depend on it, only on the headers in it: other flags or headers give it another name.
  string(SHA256 key "${CMAKE_CXX_COMPILER_VERSION} ${flags} ${includes}")
  string(SUBSTRING ${key} 0 8 key)
  set(file pch/${name}-${key}.pch)
  file(GLOB others "${PROJECT_BINARY_DIR}/pch/${name}-*")  # outdated ones, 20 MB each
  list(FILTER others EXCLUDE REGEX "/${file}")
  if(others)
    file(REMOVE ${others})
  endif()
  file(MAKE_DIRECTORY "${PROJECT_BINARY_DIR}/pch")
  add_custom_command(OUTPUT "${PROJECT_BINARY_DIR}/${file}" DEPFILE "${PROJECT_BINARY_DIR}/${file}.d"
    WORKING_DIRECTORY "${PROJECT_BINARY_DIR}"
    COMMAND ${CMAKE_CXX_COMPILER_LAUNCHER} ${CMAKE_CXX_COMPILER} ${flags} ${includes}
      -MD -MT ${file} -MF ${file}.d -o ${file} -x c++-header -c /usr/include/stdc-predef.h
    COMMENT "Precompiling ${name}" VERBATIM)
  add_custom_target(sluice_pch_${name} DEPENDS "${PROJECT_BINARY_DIR}/${file}")
  set_property(TARGET sluice_pch_${name} PROPERTY SLUICE_PCH_FILE ${file})
endfunction()

get_property(sanitize TARGET sluice_sanitize PROPERTY INTERFACE_COMPILE_OPTIONS)
get_property(coverage TARGET sluice_coverage PROPERTY INTERFACE_COMPILE_OPTIONS)
_sluice_precompile(modules HEADERS ${SLUICE_STANDARD_HEADERS} OPTIONS ${sanitize} ${coverage})
if(SLUICE_TESTS)
  _sluice_precompile(tests HEADERS ${SLUICE_STANDARD_HEADERS} gmock/gmock.h gtest/gtest.h
    OPTIONS ${sanitize} -DGTEST_HAS_PTHREAD=1)
endif()

# sluice_use_precompiled(TARGET modules|tests); sluice_module and the other functions below call it.
function(sluice_use_precompiled target name)
  get_property(file TARGET sluice_pch_${name} PROPERTY SLUICE_PCH_FILE)
  target_compile_options(${target} PRIVATE -include-pch ${file})  # relative, so that the command is the same in every folder
  add_dependencies(${target} sluice_pch_${name})
endfunction()

# The release programs of the project are built into build/bin; those of any other build folder stay inside it.
if(PROJECT_BINARY_DIR STREQUAL "${PROJECT_SOURCE_DIR}/build/release")
  set(SLUICE_OUT "${PROJECT_SOURCE_DIR}/build")
else()
  set(SLUICE_OUT "${PROJECT_BINARY_DIR}")
endif()

# "frontends/native" → "sluice_frontends_native".
function(_sluice_target_of module result)
  string(REPLACE "/" "_" target "sluice_${module}")
  set(${result} ${target} PARENT_SCOPE)
endfunction()

# Replaces modules given by folder with their targets; leaves anything else unchanged.
function(_sluice_resolve result)
  set(links)
  foreach(link IN LISTS ARGN)
    if(link MATCHES "^[a-z_/]+$" AND IS_DIRECTORY "${PROJECT_SOURCE_DIR}/src/sluice/${link}")
      _sluice_target_of(${link} link)
    endif()
    list(APPEND links ${link})
  endforeach()
  set(${result} ${links} PARENT_SCOPE)
endfunction()

# Fills the include root of a module with links to its headers, and returns its path.
function(_sluice_include_root module result)
  set(folder "${PROJECT_SOURCE_DIR}/src/sluice/${module}")
  set(root "${PROJECT_BINARY_DIR}/include/${module}/root")
  file(GLOB_RECURSE headers RELATIVE "${folder}" CONFIGURE_DEPENDS "${folder}/*.hpp")
  file(GLOB_RECURSE inner RELATIVE "${folder}" CONFIGURE_DEPENDS "${folder}/*/CMakeLists.txt")
  foreach(module_file IN LISTS inner)
    get_filename_component(inner_module "${module_file}" DIRECTORY)
    list(FILTER headers EXCLUDE REGEX "^${inner_module}/")
  endforeach()
  file(REMOVE_RECURSE "${root}")
  file(MAKE_DIRECTORY "${root}")
  foreach(header IN LISTS headers)
    get_filename_component(sub_folder "${root}/sluice/${module}/${header}" DIRECTORY)
    file(MAKE_DIRECTORY "${sub_folder}")
    file(CREATE_LINK "${folder}/${header}" "${root}/sluice/${module}/${header}" SYMBOLIC)
  endforeach()
  set(${result} "${root}" PARENT_SCOPE)
endfunction()

# Replaces the sources of a folder that has mutated copies. The optimizer assumes that a pointer that is used is not null; so it would
# remove a mutant that only removes a check for null.
function(_sluice_use_mutated result)
  set(sources)
  foreach(source IN LISTS ARGN)
    file(RELATIVE_PATH path "${PROJECT_SOURCE_DIR}/src/sluice" "${CMAKE_CURRENT_SOURCE_DIR}/${source}")
    if(SLUICE_MUTATED AND EXISTS "${SLUICE_MUTATED}/${path}")
      set(source "${SLUICE_MUTATED}/${path}")
      set_source_files_properties("${source}" PROPERTIES COMPILE_OPTIONS -fno-delete-null-pointer-checks)
    endif()
    list(APPEND sources "${source}")
  endforeach()
  set(${result} "${sources}" PARENT_SCOPE)
endfunction()

function(sluice_module)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME" "SOURCES;LINKS;PRIVATE_LINKS")
  _sluice_refuse_unknown(sluice_module "${arg_UNPARSED_ARGUMENTS}")
  if(NOT CMAKE_CURRENT_SOURCE_DIR STREQUAL "${PROJECT_SOURCE_DIR}/src/sluice/${arg_NAME}")
    message(FATAL_ERROR "sluice_module: `${arg_NAME}` is declared in ${CMAKE_CURRENT_SOURCE_DIR}; NAME must be the folder of the module under src/sluice")
  endif()
  _sluice_target_of(${arg_NAME} target)
  _sluice_resolve(links ${arg_LINKS})
  _sluice_resolve(private_links ${arg_PRIVATE_LINKS})
  _sluice_include_root(${arg_NAME} root)
  if(arg_SOURCES)
    _sluice_use_mutated(sources ${arg_SOURCES})
    add_library(${target} STATIC ${sources})
    target_include_directories(${target} PUBLIC "${root}")
    target_link_libraries(${target} PUBLIC ${links} PRIVATE ${private_links} sluice_flags sluice_coverage)
    sluice_use_precompiled(${target} modules)
  else()
    add_library(${target} INTERFACE)
    target_include_directories(${target} INTERFACE "${root}")
    target_link_libraries(${target} INTERFACE ${links})
  endif()
  list(TRANSFORM arg_SOURCES PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/")
  set_target_properties(${target} PROPERTIES
    SLUICE_ROOT "${root}" SLUICE_SOURCES "${arg_SOURCES}" SLUICE_LINKS "${links}" SLUICE_PRIVATE_LINKS "${private_links}")
endfunction()

# Debian has fmt as a shared library only; this is the part of it that a static program needs.
add_library(sluice_fmt STATIC EXCLUDE_FROM_ALL "${PROJECT_SOURCE_DIR}/cmake/fmt.cpp")
target_link_libraries(sluice_fmt PRIVATE sluice_flags)

# Adds the archives of a module and of all modules that it links to the list ARCHIVES, and their include roots to the list
# ROOTS. Libraries are left out: a static program links the few that it needs as archives.
function(_sluice_archives target)
  get_target_property(root ${target} SLUICE_ROOT)
  if(root IN_LIST ROOTS)
    return()
  endif()
  list(APPEND ROOTS "${root}")
  get_target_property(type ${target} TYPE)
  if(type STREQUAL STATIC_LIBRARY)
    list(APPEND ARCHIVES ${target})
  endif()
  get_target_property(links ${target} SLUICE_LINKS)
  get_target_property(private_links ${target} SLUICE_PRIVATE_LINKS)
  foreach(link IN LISTS links private_links)
    if(link MATCHES "^sluice_")
      _sluice_archives(${link})
    endif()
  endforeach()
  set(ARCHIVES ${ARCHIVES} PARENT_SCOPE)
  set(ROOTS ${ROOTS} PARENT_SCOPE)
endfunction()

function(sluice_program)
  cmake_parse_arguments(PARSE_ARGV 0 arg "STATIC" "NAME" "SOURCES;LINKS")
  _sluice_refuse_unknown(sluice_program "${arg_UNPARSED_ARGUMENTS}")
  _sluice_resolve(links ${arg_LINKS})
  if(arg_STATIC AND SLUICE_SANITIZE)
    return()
  endif()
  _sluice_use_mutated(sources ${arg_SOURCES})
  add_executable(${arg_NAME} ${sources})
  sluice_use_precompiled(${arg_NAME} modules)
  if(arg_STATIC AND NOT SLUICE_MUTATED)  # without -ffunction-sections, it would need all of fmt
    set(ARCHIVES)
    set(ROOTS)
    foreach(link IN LISTS links)
      _sluice_archives(${link})
    endforeach()
    add_dependencies(${arg_NAME} ${ARCHIVES})
    list(TRANSFORM ARCHIVES REPLACE ".+" "$<TARGET_FILE:\\0>")
    target_include_directories(${arg_NAME} PRIVATE ${ROOTS})
    target_link_libraries(${arg_NAME} PRIVATE sluice_flags ${ARCHIVES} sluice_fmt libboost_json.a libcrypto.a)
    target_link_options(${arg_NAME} PRIVATE -static -Wl,--gc-sections)
    set_target_properties(${arg_NAME} PROPERTIES LINK_SEARCH_START_STATIC ON LINK_SEARCH_END_STATIC ON)
  else()
    target_link_libraries(${arg_NAME} PRIVATE ${links} sluice_flags sluice_coverage)
    set_target_properties(${arg_NAME} PROPERTIES INSTALL_RPATH "\$ORIGIN/../lib" BUILD_WITH_INSTALL_RPATH ON)
    target_link_options(${arg_NAME} PRIVATE -Wl,--disable-new-dtags)  # so that the libraries there find each other
  endif()
  set_target_properties(${arg_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${SLUICE_OUT}/bin")
  install(TARGETS ${arg_NAME} RUNTIME)
  add_dependencies(sluice_programs ${arg_NAME})
endfunction()

function(sluice_test)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME" "SOURCES;LINKS")
  _sluice_refuse_unknown(sluice_test "${arg_UNPARSED_ARGUMENTS}")
  _sluice_resolve(links ${arg_LINKS})
  set(target test_${arg_NAME})
  add_executable(${target} ${arg_SOURCES})
  target_link_libraries(${target} PRIVATE ${links} sluice_test_places GTest::gtest_main GTest::gmock sluice_flags sluice_sanitize)
  sluice_use_precompiled(${target} tests)
  set_target_properties(${target} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests" OUTPUT_NAME ${arg_NAME}
    INSTALL_RPATH "${SLUICE_OUT}/lib" BUILD_WITH_INSTALL_RPATH ON)
  set_property(GLOBAL APPEND PROPERTY SLUICE_TESTS "gtest tests/${arg_NAME}")
  add_dependencies(sluice_tests ${target})
endfunction()

function(sluice_fuzzer)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;CORPUS" "SOURCES;LINKS")
  _sluice_refuse_unknown(sluice_fuzzer "${arg_UNPARSED_ARGUMENTS}")
  _sluice_resolve(links ${arg_LINKS})
  set(target fuzz_${arg_NAME})
  add_executable(${target} ${arg_SOURCES})
  target_link_libraries(${target} PRIVATE ${links} sluice_flags sluice_coverage)
  sluice_use_precompiled(${target} modules)
  target_link_options(${target} PRIVATE -fsanitize=fuzzer)
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/fuzz" OUTPUT_NAME ${arg_NAME})
  set_property(GLOBAL APPEND PROPERTY SLUICE_TESTS "fuzz fuzz/${arg_NAME} ${arg_CORPUS}")
  add_dependencies(sluice_tests ${target})
  add_dependencies(sluice_fuzzers ${target})
endfunction()

add_custom_target(sluice_programs)  # what users run; tests are built in the preset `asan`
add_custom_target(sluice_tests)  # all test programs and fuzzers
add_custom_target(sluice_fuzzers)

# Writes <binary dir>/tests.list, which the test runner reads; called once, after all tests are declared.
function(sluice_finish_tests)
  get_property(tests GLOBAL PROPERTY SLUICE_TESTS)
  list(JOIN tests "\n" text)
  file(GENERATE OUTPUT "${PROJECT_BINARY_DIR}/tests.list" CONTENT "${text}\n")
endfunction()

function(_sluice_refuse_unknown function unknown)
  if(unknown)
    message(FATAL_ERROR "${function}: unknown argument ${unknown}; see cmake/modules.cmake")
  endif()
endfunction()
