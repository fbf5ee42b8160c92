#pragma once
#include <memory>

#include "sluice/ports/pipelines.hpp"

namespace sluice::stores {
namespace sqlite {
class LedgerFile;
}

/// Named pipelines, in the ledger's file. What a call has changed survives the death of any process.
/// Thread-safe.
class SqlitePipelines final : public ports::NamedPipelines {
 public:
  explicit SqlitePipelines(std::shared_ptr<sqlite::LedgerFile> file);
  ~SqlitePipelines() override;

  Result<void> add_pipeline(const ports::NamedPipeline& pipeline,
                            const ports::PipelineVersion* version) override;
  Result<void> add_version(const ports::PipelineVersion& version) override;
  [[nodiscard]] Result<std::optional<ports::NamedPipeline>> pipeline(const std::string& workspace,
                                                                     const std::string& id) const override;
  [[nodiscard]] Result<std::optional<ports::NamedPipeline>> pipeline_named(
      const std::string& workspace, const std::string& name) const override;
  [[nodiscard]] Result<std::optional<ports::PipelineVersion>> version(const std::string& workspace,
                                                                      const std::string& id) const override;
  [[nodiscard]] Result<std::optional<ports::PipelineVersion>> newest_version(
      const std::string& workspace, const std::string& pipeline) const override;
  [[nodiscard]] Result<ports::ListPage<ports::NamedPipeline>> pipelines(
      const std::string& workspace, const ports::ListQuery& query) const override;
  [[nodiscard]] Result<ports::ListPage<ports::PipelineVersion>> versions(
      const std::string& workspace, const std::string& pipeline,
      const ports::ListQuery& query) const override;
  Result<bool> change_pipeline(const std::string& workspace, const std::string& id,
                               const ports::PipelineChange& change) override;
  Result<bool> change_version(const std::string& workspace, const std::string& id,
                              const ports::PipelineChange& change) override;
  Result<bool> remove_pipeline(const std::string& workspace, const std::string& id) override;
  Result<bool> remove_version(const std::string& workspace, const std::string& id) override;

 private:
  std::shared_ptr<sqlite::LedgerFile> file_;
};

}  // namespace sluice::stores
