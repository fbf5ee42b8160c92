# Third-party libraries: Debian's packages (tools/debian-packages.txt) and OpenVINO's wheel (tools/requirements.in).
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(Eigen3 REQUIRED NO_MODULE)
if(SLUICE_TESTS)
  find_package(GTest REQUIRED)
  pkg_check_modules(webpmux REQUIRED IMPORTED_TARGET libwebpmux)
endif()
find_package(JPEG REQUIRED)
find_package(TIFF REQUIRED)
find_package(GIF REQUIRED)
pkg_check_modules(archive REQUIRED libarchive)
pkg_check_modules(avif REQUIRED IMPORTED_TARGET libavif)
pkg_check_modules(fyaml REQUIRED IMPORTED_TARGET libfyaml)
pkg_check_modules(git2 REQUIRED IMPORTED_TARGET libgit2)
pkg_check_modules(lbfgs REQUIRED IMPORTED_TARGET liblbfgs)
pkg_check_modules(spng REQUIRED IMPORTED_TARGET spng)
pkg_check_modules(utf8proc REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(webp REQUIRED IMPORTED_TARGET libwebp libwebpdemux)
pkg_check_modules(stb REQUIRED IMPORTED_TARGET stb)

# Static: with one more shared library each command starts half a millisecond later, and every program of `base` would load it.
find_library(re2_library libre2.a REQUIRED)
add_library(re2::re2 STATIC IMPORTED)
set_target_properties(re2::re2 PROPERTIES IMPORTED_LOCATION "${re2_library}" INTERFACE_LINK_LIBRARIES Threads::Threads)

# Time zones. Static for the same reason; only what parses and converts times is taken from it.
add_library(sluice_absl_time INTERFACE)
foreach(part IN ITEMS time time_zone civil_time strings strings_internal int128 base raw_logging_internal spinlock_wait
    throw_delegate log_severity)
  find_library(absl_${part} libabsl_${part}.a REQUIRED)
  target_link_libraries(sluice_absl_time INTERFACE "${absl_${part}}")
endforeach()
add_library(absl::time ALIAS sluice_absl_time)

# The messages of the ONNX file format.
find_package(Protobuf REQUIRED)
find_package(ONNX REQUIRED)
add_library(ONNX::proto ALIAS onnx_proto)

# OpenVINO's headers, libraries and CMake package are all in its Python wheel.
file(GLOB openvino_wheel "${PROJECT_SOURCE_DIR}/build/venv/lib/python3.*/site-packages/openvino")
if(NOT openvino_wheel)
  message(FATAL_ERROR "build/venv has no OpenVINO; run `./dev build`, which creates that folder")
endif()
find_package(OpenVINO REQUIRED COMPONENTS Runtime PATHS "${openvino_wheel}/cmake" NO_DEFAULT_PATH)

# Copies the few libraries of the wheel that a program loads: the core, the CPU plug-in, the readers of ONNX and of OpenVINO's
# own format, TBB. The core looks for plug-ins in the folder it was loaded from.
function(sluice_copy_openvino folder)
  file(GLOB libraries
    "${openvino_wheel}/libs/libopenvino.so.*"
    "${openvino_wheel}/libs/libopenvino_intel_cpu_plugin.so"
    "${openvino_wheel}/libs/libopenvino_onnx_frontend.so.*"
    "${openvino_wheel}/libs/libopenvino_ir_frontend.so.*"
    "${openvino_wheel}/libs/libtbb.so.*")
  file(MAKE_DIRECTORY "${folder}")
  foreach(library IN LISTS libraries)
    get_filename_component(name "${library}" NAME)
    file(CREATE_LINK "${library}" "${folder}/${name}" COPY_ON_ERROR)  # hard links save 92 MB per build folder
  endforeach()
  install(FILES ${libraries} DESTINATION lib)
endfunction()
