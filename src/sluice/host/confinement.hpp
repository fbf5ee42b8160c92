#pragma once
#include <cstdint>
#include <filesystem>

#include "sluice/base/value.hpp"

namespace sluice::host {

/// The folders that the server names to a host when it starts it; empty paths: none.
struct HostFolders {
  std::filesystem::path base;      ///< the base model's files
  std::filesystem::path compiled;  ///< what hosts of this base compiled before; read only
  std::filesystem::path scratch;   ///< the only place where this host may write, until it has loaded its base
};

/// What a host gives up before it reads its first frame, so that one that has been taken over by what it
/// parses holds nothing more than it was sent: privileges, all system calls but those that it needs, all
/// files but those that it loads from, memory and files without limit. Decision 0019 has the reasons. Builds
/// with sanitizers, which need more of the system, confine nothing.
class Confinement {
 public:
  /// What becomes of a system call that is neither needed nor dangerous by itself.
  enum class UnknownCalls {
    refuse,       ///< it fails: another version of a library must not cost a host
    end_process,  ///< for tests, so that it is noticed
  };
  /// To be called before the first thread is started. What the kernel does not have is left out, and
  /// `to_value` says so; anything else that fails is an error, with which the host must not run.
  static Result<Confinement> begin(const HostFolders& folders, UnknownCalls unknown);

  /// After this, no file is opened any more, by any thread. To be called once the base is loaded.
  Result<void> open_no_more();

  /// How many bytes of memory this process may have: the limit, or what the machine has.
  [[nodiscard]] static std::uint64_t memory_max();

  /// What holds: {"no_new_privileges": true, "landlock": 7, "seccomp": 1}: versions and stages, 0: none.
  [[nodiscard]] Value to_value() const;

 private:
  UnknownCalls unknown_ = UnknownCalls::refuse;
  bool no_new_privileges_ = false;
  int landlock_ = 0;
  int seccomp_ = 0;
};

}  // namespace sluice::host
