#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/domain/datasets/difference.hpp"
#include "sluice/domain/datasets/examples.hpp"
#include "sluice/domain/datasets/lineage.hpp"
#include "sluice/ports/datasets.hpp"

namespace sluice::datasets {

/// "stamps" or "stamps@2".
struct Reference {
  std::string name;
  std::optional<std::int64_t> number = {};  ///< nullopt: the newest
};
/// nullopt if the text cannot be one.
std::optional<Reference> parse_reference(std::string_view text);

/// The use cases of data sets. Thread-safe. The ports must outlive it.
class DataSets {
 public:
  struct Ports {
    ports::Datasets& store;
    ports::ObjectStore& objects;
    const ports::ModelRepository& models;
    const models::RunFacts& facts;
    const Clock& clock;
  };
  explicit DataSets(Ports ports) : ports_(ports) {}

  struct Added {
    ports::DatasetVersion version;
    bool is_new = true;  ///< false: the newest version has this content
  };
  /// Adds a version: a folder whose objects are in the store (see read_examples). Code::invalid_argument for
  /// a name that none can have, and for what is wrong in the folder.
  Result<Added> add(const Principal& by, const std::string& name, const Artifact& folder);
  /// Code::not_found, with the nearest name.
  [[nodiscard]] Result<ports::DatasetVersion> find(const std::string& workspace,
                                                   const Reference& reference) const;
  [[nodiscard]] Result<std::vector<ports::DatasetVersion>> list(const std::string& workspace,
                                                                const ports::NamePage& page) const {
    return ports_.store.list(workspace, page);
  }
  /// Newest first. Code::not_found if there is none.
  [[nodiscard]] Result<std::vector<ports::DatasetVersion>> versions(const std::string& workspace,
                                                                    const std::string& name,
                                                                    const ports::VersionPage& page) const;
  [[nodiscard]] Result<Examples> examples(const ports::DatasetVersion& version) const {
    return read_examples(ports_.objects, version.content);
  }
  [[nodiscard]] Result<Difference> difference(const std::string& workspace, const Reference& earlier,
                                              const Reference& later) const;
  /// Its content stays as long as something else needs it.
  Result<void> remove(const std::string& workspace, const Reference& reference);

  /// A page of models, by name, and what of them saw the example.
  struct Seen {
    std::vector<Descendant> descendants;
    std::string next;  ///< the last model that was looked at; "": there are no more
  };
  [[nodiscard]] Result<Seen> descendants(const std::string& workspace, const Digest& example,
                                         const ports::NamePage& page) const;

 private:
  Ports ports_;
};

}  // namespace sluice::datasets
