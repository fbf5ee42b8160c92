#include "sluice/domain/packages/libarchive.hpp"

#include <dlfcn.h>

namespace sluice::packages {
namespace {

constexpr const char* file = "libarchive.so.13";

Fail cannot_load(std::string_view what) {
  return Fail(environment_error(Code::unavailable,
                                std::string("the library that reads packages of pipelines, ") + file +
                                    ", cannot be loaded: " + std::string(what) +
                                    "; install it (Debian's package libarchive13), or unpack the package"));
}

Result<Libarchive> load() {
  void* const library = dlopen(file, RTLD_LAZY | RTLD_LOCAL);
  if (library == nullptr) return cannot_load(dlerror());
  Libarchive out;
#define SLUICE_FUNCTION(name)                                                        \
  out.name = reinterpret_cast<decltype(out.name)>(dlsym(library, "archive_" #name)); \
  if (out.name == nullptr) return cannot_load("it has no function archive_" #name);
  SLUICE_LIBARCHIVE_FUNCTIONS(SLUICE_FUNCTION)
#undef SLUICE_FUNCTION
  return out;
}

}  // namespace

Result<const Libarchive*> libarchive() {
  static const Result<Libarchive> loaded = load();
  if (!loaded) return Fail(loaded.error());
  return &*loaded;
}

}  // namespace sluice::packages
