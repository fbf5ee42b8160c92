#pragma once
#include <string>

#include "sluice/base/random.hpp"
#include "sluice/domain/runs/compile.hpp"
#include "sluice/ports/object_store.hpp"
#include "sluice/ports/pipelines.hpp"

namespace sluice::pipelines {

/// The longest text of a plan that is kept.
inline constexpr std::size_t text_bytes_max = std::size_t{32} << 20;

/// The named pipelines of all workspaces. Thread-safe. The ports must outlive it.
class Pipelines {
 public:
  struct Ports {
    ports::NamedPipelines& store;
    ports::ObjectStore& objects;
    const Clock& clock;
    Random& random;
  };
  Pipelines(Ports ports, runs::Dialects dialects) : ports_(ports), dialects_(std::move(dialects)) {}

  struct NewPipeline {
    std::string name;
    std::string display_name = {};  ///< "": the name
    std::string description = {};
    Struct tags = {};
  };
  struct NewVersion {
    std::string name;
    std::string display_name = {};  ///< "": the name
    std::string description = {};
    std::string source_url = {};
    Struct tags = {};
    std::string text;  ///< of the plan, in any dialect
    std::string file;  ///< its name, for messages
  };
  /// Without a version if `version` is null. The plan has been compiled when this returns: one that cannot
  /// run is refused.
  Result<ports::NamedPipeline> create(const Principal& by, NewPipeline pipeline, const NewVersion* version);
  Result<ports::PipelineVersion> add_version(const Principal& by, const std::string& pipeline,
                                             const NewVersion& version);

  [[nodiscard]] Result<ports::NamedPipeline> find(const std::string& workspace, const std::string& id) const;
  [[nodiscard]] Result<ports::NamedPipeline> find_named(const std::string& workspace,
                                                        const std::string& name) const;
  /// `version` "": the newest one of the pipeline; `pipeline` "": of any pipeline.
  [[nodiscard]] Result<ports::PipelineVersion> find_version(const std::string& workspace,
                                                            const std::string& pipeline,
                                                            const std::string& version) const;
  [[nodiscard]] Result<std::string> text_of(const Digest& text) const;
  [[nodiscard]] Result<ports::ListPage<ports::NamedPipeline>> list(const std::string& workspace,
                                                                   const ports::ListQuery& query) const {
    return ports_.store.pipelines(workspace, query);
  }
  /// Code::not_found if there is no such pipeline.
  [[nodiscard]] Result<ports::ListPage<ports::PipelineVersion>> versions(const std::string& workspace,
                                                                         const std::string& pipeline,
                                                                         const ports::ListQuery& query) const;
  Result<ports::NamedPipeline> change(const std::string& workspace, const std::string& id,
                                      const ports::PipelineChange& change);
  Result<ports::PipelineVersion> change_version(const std::string& workspace, const std::string& pipeline,
                                                const std::string& version,
                                                const ports::PipelineChange& change);
  /// Code::failed_precondition if it has versions, unless they are removed too.
  Result<void> remove(const std::string& workspace, const std::string& id, bool with_versions);
  Result<void> remove_version(const std::string& workspace, const std::string& pipeline,
                              const std::string& version);

 private:
  /// Compiles the plan and stores its text.
  Result<ports::PipelineVersion> prepare(const Principal& by, const std::string& pipeline,
                                         const NewVersion& version);

  Ports ports_;
  runs::Dialects dialects_;
};

}  // namespace sluice::pipelines
