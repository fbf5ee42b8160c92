#pragma once
#include <cstdint>
#include <filesystem>

#include "sluice/os/files.hpp"

namespace sluice::os {

/// Gives up access to all files but some (landlock(7)): whatever the kernel knows to restrict is refused
/// unless a path was allowed, and with it every connection (unless the network is allowed), and every signal
/// to other processes. Not thread-safe.
class Landlock {
 public:
  enum class Access {
    read,     ///< files may be read, and folders listed
    write,    ///< also made, written, renamed within their folder, and removed; no links, devices, sockets
    execute,  ///< as `read`; also executed
    full,     ///< everything, links included
  };
  enum class Network { refused, allowed };
  /// Which version of the kernel's interface; 0: none.
  static int version();

  /// Code::unavailable where the kernel has none.
  static Result<Landlock> make(Network network = Network::refused);
  /// The file or folder `path`, and all below it. A path that does not exist is passed over.
  Result<void> allow(const std::filesystem::path& path, Access access);
  /// In force from here on, for this thread and for those that it starts; nothing lifts it. The process must
  /// have given up new privileges (PR_SET_NO_NEW_PRIVS), and should have no other thread.
  Result<void> restrict_thread();

 private:
  Landlock(UniqueFd rules, std::uint64_t handled) : rules_(std::move(rules)), handled_(handled) {}
  UniqueFd rules_;
  std::uint64_t handled_ = 0;  ///< rights that the kernel knows
};

}  // namespace sluice::os
