#include "sluice/stores/git/libgit2.hpp"

#include <dlfcn.h>

namespace sluice::stores::git {
namespace {

constexpr const char* file = "libgit2.so." LIBGIT2_SOVERSION;

Fail cannot_load(std::string_view what) {
  return Fail(environment_error(Code::unavailable,
                                std::string("the library that reads and writes models, ") + file +
                                    ", cannot be loaded: " + std::string(what) +
                                    "; install it (Debian's package libgit2-" LIBGIT2_SOVERSION ")"));
}

Result<Libgit2> load() {
  void* const library = dlopen(file, RTLD_LAZY | RTLD_LOCAL);
  if (library == nullptr) return cannot_load(dlerror());
  Libgit2 out;
#define SLUICE_FUNCTION(name)                                                    \
  out.name = reinterpret_cast<decltype(out.name)>(dlsym(library, "git_" #name)); \
  if (out.name == nullptr) return cannot_load("it has no function git_" #name);
  SLUICE_LIBGIT2_FUNCTIONS(SLUICE_FUNCTION)
#undef SLUICE_FUNCTION
  if (out.libgit2_init() < 0) return cannot_load("it cannot be initialized");
  return out;
}

}  // namespace

Result<const Libgit2*> libgit2() {
  static const Result<Libgit2> loaded = load();
  if (!loaded) return Fail(loaded.error());
  return &*loaded;
}

}  // namespace sluice::stores::git
