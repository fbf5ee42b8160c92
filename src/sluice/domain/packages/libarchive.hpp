#pragma once
// libarchive, loaded at run time. Private to this module: only package.cpp calls these functions.
#include <archive.h>
#include <archive_entry.h>

#include "sluice/base/result.hpp"

namespace sluice::packages {

/// The functions of libarchive that this module calls: of its formats, those of packages alone.
// clang-format off
#define SLUICE_LIBARCHIVE_FUNCTIONS(use) \
  use(entry_filetype) \
  use(entry_hardlink) \
  use(entry_is_encrypted) \
  use(entry_pathname) \
  use(entry_size) \
  use(error_string) \
  use(filter_bytes) \
  use(filter_count) \
  use(format_name) \
  use(read_data) \
  use(read_free) \
  use(read_new) \
  use(read_next_header) \
  use(read_open_memory) \
  use(read_support_filter_gzip) \
  use(read_support_format_tar) \
  use(read_support_format_zip_seekable) \
  use(version_string)
// clang-format on

struct Libarchive {
#define SLUICE_FUNCTION(name) decltype(&::archive_##name) name = nullptr;
  SLUICE_LIBARCHIVE_FUNCTIONS(SLUICE_FUNCTION)
#undef SLUICE_FUNCTION
};

/// Loads it at the first call of the process, with the ten libraries that it depends on; later calls return
/// the same result. Thread-safe. Fails with `unavailable` if the library, or a function of it, is missing.
Result<const Libarchive*> libarchive();

}  // namespace sluice::packages
