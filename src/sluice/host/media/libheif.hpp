#pragma once
#include <cstddef>
#include <cstdint>

#include "sluice/base/result.hpp"

/// libheif, loaded at run time where the machine has it. Its interface is declared here, so that neither its
/// headers nor the library are needed to build Sluice.
namespace sluice::host::media {

struct HeifContext;
struct HeifHandle;
struct HeifImage;
struct HeifError {  // heif_error
  int code;
  int subcode;
  const char* message;
};

/// The functions that Sluice calls: what each returns, its name, its parameters.
// clang-format off
#define SLUICE_LIBHEIF_FUNCTIONS(use) \
  use(HeifContext*, context_alloc, ()) \
  use(void, context_free, (HeifContext*)) \
  use(void, context_set_maximum_image_size_limit, (HeifContext*, int side)) \
  use(HeifError, context_read_from_memory_without_copy, (HeifContext*, const void* bytes, std::size_t size, const void* options)) \
  use(HeifError, context_get_primary_image_handle, (HeifContext*, HeifHandle**)) \
  use(int, image_handle_get_width, (const HeifHandle*)) \
  use(int, image_handle_get_height, (const HeifHandle*)) \
  use(void, image_handle_release, (const HeifHandle*)) \
  use(HeifError, decode_image, (const HeifHandle*, HeifImage**, int colorspace, int chroma, const void* options)) \
  use(int, image_get_width, (const HeifImage*, int channel)) \
  use(int, image_get_height, (const HeifImage*, int channel)) \
  use(const std::uint8_t*, image_get_plane_readonly, (const HeifImage*, int channel, int* stride)) \
  use(void, image_release, (const HeifImage*)) \
  use(int, have_decoder_for_format, (int compression))
// clang-format on

struct Libheif {
#define SLUICE_FUNCTION(result, name, parameters) result(*name) parameters = nullptr;
  SLUICE_LIBHEIF_FUNCTIONS(SLUICE_FUNCTION)
#undef SLUICE_FUNCTION
};

inline constexpr const char* libheif_file = "libheif.so.1";

/// Loads it from `file`. Fails with `unavailable`, and the command that installs what is missing, if the
/// library, a function of it, or its decoder of HEVC is missing.
Result<Libheif> load_libheif(const char* file);

/// Loads `libheif_file` once for the process; after a failure, the next call tries again, since a person may
/// have installed it. Thread-safe.
Result<Libheif> libheif();

}  // namespace sluice::host::media
