#pragma once
#include <string>
#include <unordered_map>
#include <vector>

#include "sluice/domain/models/provenance.hpp"
#include "sluice/ports/model_repository.hpp"
#include "sluice/ports/object_store.hpp"

namespace sluice::datasets {

/// A version of a model that an example was among the inputs of.
struct Descendant {
  std::string model;
  std::int64_t version = 0;
  std::string run;
  std::string input;  ///< of the run
  std::string path;   ///< of the example in it; "" if the input is the example
};

/// Finds the models that saw an example: those whose run was given it, or a folder that holds it. One thread;
/// what was read of folders and runs is kept for the next model. The ports must outlive it.
class Lineage {
 public:
  Lineage(const ports::ObjectStore& objects, const ports::ModelRepository& models,
          const models::RunFacts& facts, Digest example)
      : objects_(objects), models_(models), facts_(facts), example_(example) {}

  /// Of a model's newest versions, at most `versions_max`: newest first. A run or a folder that is not there
  /// any more tells nothing.
  static constexpr std::size_t versions_max = 1'000;
  Result<std::vector<Descendant>> of_model(const std::string& workspace, const std::string& model);

 private:
  struct Seen {
    bool is_there = false;
    std::string input;
    std::string path;
  };
  const Seen& in_run(const std::string& run);
  /// nullptr: it does not hold the example.
  const std::string* in_artifact(const Artifact& artifact);

  const ports::ObjectStore& objects_;
  const ports::ModelRepository& models_;
  const models::RunFacts& facts_;
  Digest example_;
  std::unordered_map<std::string, Seen> runs_;
  std::unordered_map<std::string, std::pair<bool, std::string>> artifacts_;  ///< by digest
};

}  // namespace sluice::datasets
