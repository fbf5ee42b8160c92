#pragma once
// This room's own: values as the texts that a program gets.
#include <string>
#include <vector>

#include "sluice/base/value.hpp"
#include "sluice/executors/process/world.hpp"
#include "sluice/ipc/supervisor/messages.hpp"
#include "sluice/ports/object_store.hpp"

namespace sluice::executors {

/// Turns arguments and variables of one attempt into texts: strings as they are, artifacts and holes as
/// paths, all else as JSON. An input is brought into the attempt's folder when its path is first asked for:
/// never as a link into the store, since root writes through those.
class Arguments {
 public:
  Arguments(const Places& places, ports::ObjectStore& objects, bool mounts)
      : places_(places), objects_(objects), may_mount_(mounts) {}

  /// Lists are spliced: each of their elements is an argument.
  Result<std::vector<std::string>> argv_of(const List& argv);
  Result<std::string> text_of(const Value& value);
  /// What the supervisor has to show read-only.
  [[nodiscard]] std::vector<supervisor::Mount>& mounts() { return mounts_; }

 private:
  struct Brought {
    Artifact artifact;
    bool executable = false;
    std::string path;
  };
  Result<std::string> path_of(const Artifact& artifact, bool executable);
  Result<void> bring(const Artifact& artifact, const std::filesystem::path& path, bool executable);
  Result<std::string> filled(const Template& text, bool executable);
  Result<Value> with_paths(const Value& value);
  Result<std::string> argument_of(const Value& value, bool executable);

  const Places& places_;
  ports::ObjectStore& objects_;
  bool may_mount_;
  std::vector<Brought> brought_;
  std::vector<supervisor::Mount> mounts_;
};

}  // namespace sluice::executors
