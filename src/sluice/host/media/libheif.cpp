#include "sluice/host/media/libheif.hpp"

#include <mutex>
#include <optional>

#include <dlfcn.h>
#include <fmt/format.h>

namespace sluice::host::media {
namespace {

constexpr int hevc = 1;  // heif_compression_HEVC

Fail cannot_load(std::string_view why, std::string_view package) {
  return Fail(environment_error(
      Code::unavailable,
      fmt::format("cannot read picture: HEIC needs libheif, which cannot be used on this machine ({}); "
                  "install it (`apt install {}`), or save the picture as JPEG",
                  why, package)));
}

}  // namespace

Result<Libheif> load_libheif(const char* file) {
  void* const library = dlopen(file, RTLD_LAZY | RTLD_LOCAL);
  if (library == nullptr) return cannot_load(dlerror(), "libheif1");
  Libheif out;
#define SLUICE_FUNCTION(result, name, parameters)                                 \
  out.name = reinterpret_cast<decltype(out.name)>(dlsym(library, "heif_" #name)); \
  if (out.name == nullptr) return cannot_load("it has no function heif_" #name, "libheif1");
  SLUICE_LIBHEIF_FUNCTIONS(SLUICE_FUNCTION)
#undef SLUICE_FUNCTION
  // Later versions have decoders in packages of their own.
  if (out.have_decoder_for_format(hevc) == 0)
    return cannot_load("it has no decoder for HEVC", "libheif-plugin-libde265");
  return out;
}

Result<Libheif> libheif() {
  static std::mutex mutex;
  static std::optional<Libheif> loaded;
  const std::lock_guard lock(mutex);
  if (!loaded) {
    SLUICE_TRY(library, load_libheif(libheif_file));
    loaded = library;
  }
  return *loaded;
}

}  // namespace sluice::host::media
