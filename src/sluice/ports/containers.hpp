#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/result.hpp"

namespace sluice::ports {

/// Runs programs in containers, by the container engine of this machine. Thread-safe.
class Containers {
 public:
  virtual ~Containers() = default;

  /// Finds an image by a name that has no ir::image_problem, and gets it if it is not on this machine, which
  /// may take minutes. Returns the digest of its configuration, "sha256:…", which names those of all its
  /// layers. Code::failed_precondition if there is no engine, Code::not_found if there is no such image,
  /// Code::unavailable if the engine does not work.
  virtual Result<std::string> resolve(const std::string& image) = 0;

  struct Mount {
    std::string source;  ///< on this machine
    std::string target;  ///< in the container
    bool writable = false;
  };
  /// A container to run.
  struct Container {
    std::string fence;                 ///< of the attempt: decides its name
    std::string task;                  ///< what all attempts of a task have in common, and no others
    std::string image;                 ///< as `resolve` returned it
    std::vector<std::string> command;  ///< empty: the one of the image
    std::vector<std::string> args;
    std::vector<std::string> env;      ///< "NAME=value", besides those of the image
    std::vector<std::string> secrets;  ///< the same; their values are in no command line
    std::string cwd;                   ///< in the container
    std::vector<Mount> mounts;         ///< a folder before what is mounted inside it
    std::int64_t memory_max = 0;       ///< bytes; 0: no limit
    std::int64_t cpu_max = 0;          ///< thousandths of a processor; 0: no limit
  };
  /// A program to start, with what it needs.
  struct Command {
    std::string program;  ///< a path
    std::vector<std::string> argv;
    std::vector<std::string> env;  ///< complete
  };
  /// The command that runs the container in the foreground: it prints what the container prints, and exits
  /// with its status. If it ends in any other way, `remove` ends the container.
  virtual Result<Command> command(const Container& container) = 0;

  /// Ends the container of an attempt at once, with all its processes, and removes it. Succeeds if there is
  /// none; after that none will start, provided that its command has ended.
  virtual Result<void> remove(const std::string& fence) = 0;
  /// The same, for the containers of all attempts of a task.
  virtual Result<void> remove_all(const std::string& task) = 0;

  /// Why the engine did not run the program, if a command that exited with `status` and printed `output` at
  /// the end says so; nullopt: it is the status of the program.
  [[nodiscard]] virtual std::optional<std::string> problem(int status, std::string_view output) const = 0;
};

}  // namespace sluice::ports
