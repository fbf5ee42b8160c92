#pragma once
// libgit2, loaded at run time. Private to this module: only objects.cpp and work_tree.cpp call these
// functions.
#include <git2.h>
#include <git2/sys/mempack.h>
#include <git2/sys/odb_backend.h>
#include <git2/sys/repository.h>

#include "sluice/base/result.hpp"

namespace sluice::stores::git {

/// The functions of libgit2 that this module calls.
// clang-format off
#define SLUICE_LIBGIT2_FUNCTIONS(use) \
  use(config_free) \
  use(config_new) \
  use(error_last) \
  use(indexer_append) \
  use(indexer_commit) \
  use(indexer_free) \
  use(indexer_new) \
  use(libgit2_init) \
  use(libgit2_opts) \
  use(libgit2_version) \
  use(mempack_new) \
  use(object_type2string) \
  use(odb_add_backend) \
  use(odb_exists_ext) \
  use(odb_foreach) \
  use(odb_free) \
  use(odb_hash) \
  use(odb_object_data) \
  use(odb_object_free) \
  use(odb_object_size) \
  use(odb_object_type) \
  use(odb_open) \
  use(odb_read) \
  use(oid_fmt) \
  use(oid_fromraw) \
  use(oid_fromstr) \
  use(packbuilder_foreach) \
  use(packbuilder_free) \
  use(packbuilder_insert) \
  use(packbuilder_new) \
  use(packbuilder_set_threads) \
  use(repository_free) \
  use(repository_open_ext) \
  use(repository_set_config) \
  use(repository_workdir) \
  use(repository_wrap_odb) \
  use(status_byindex) \
  use(status_list_entrycount) \
  use(status_list_free) \
  use(status_list_new)
// clang-format on

/// libgit2, loaded on first use: it depends on thirteen more libraries, and loading all of them would take a
/// third of the start-up time of a command that needs no repository.
struct Libgit2 {
#define SLUICE_FUNCTION(name) decltype(&::git_##name) name = nullptr;
  SLUICE_LIBGIT2_FUNCTIONS(SLUICE_FUNCTION)
#undef SLUICE_FUNCTION
};

/// Loads and initializes it at the first call of the process, which takes several milliseconds; later calls
/// return the same result. It is never shut down: each initialization reads all certificates of this machine.
/// Thread-safe. Fails with `unavailable` if the library, or a function of it, is missing.
Result<const Libgit2*> libgit2();

}  // namespace sluice::stores::git
