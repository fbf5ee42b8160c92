#pragma once
// Private to this module: converts values to the argument strings of a program.
#include <string>
#include <vector>

#include "sluice/base/value.hpp"
#include "sluice/executors/process/sandbox.hpp"
#include "sluice/ipc/supervisor/messages.hpp"
#include "sluice/ports/object_store.hpp"

namespace sluice::executors {

/// Converts arguments and variables of one attempt to strings: strings unchanged, artifacts and holes as
/// paths, everything else as JSON. An input is materialized in the attempt's folder when its path is first
/// needed: never as a link into the store, because root could write through it.
class Arguments {
 public:
  /// `seen`: the places as the program sees them: others in a container.
  Arguments(const Places& places, const Places& seen, ports::ObjectStore& objects, bool mounts)
      : places_(places), seen_(seen), objects_(objects), may_mount_(mounts) {}

  /// Lists are spliced: each of their elements becomes an argument.
  Result<std::vector<std::string>> argv_of(const List& argv);
  Result<std::string> text_of(const Value& value);
  /// The same value with paths where artifacts and holes were.
  Result<Value> with_paths(const Value& value);
  /// What must be mounted read-only, where the program sees it.
  [[nodiscard]] std::vector<supervisor::Mount>& mounts() { return mounts_; }
  /// Whether the program was given the path of the run's folder.
  [[nodiscard]] bool uses_folder() const { return uses_folder_; }

 private:
  struct MaterializedInput {
    Artifact artifact;
    bool executable = false;
    std::string path;
  };
  Result<std::string> path_of(const Artifact& artifact, bool executable);
  Result<void> materialize(const Artifact& artifact, const std::string& name, bool executable);
  Result<std::string> filled_in(const Template& text, bool executable);
  Result<std::string> argument_of(const Value& value, bool executable);

  const Places& places_;
  const Places& seen_;
  ports::ObjectStore& objects_;
  bool may_mount_;
  std::vector<MaterializedInput> inputs_;
  std::vector<supervisor::Mount> mounts_;
  bool uses_folder_ = false;
};

}  // namespace sluice::executors
