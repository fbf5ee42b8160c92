#pragma once
#include <memory>

#include "sluice/ports/ledger.hpp"
#include "sluice/ports/traces.hpp"

namespace sluice::stores {
namespace sqlite {
class LedgerFile;
}

/// Traces, in the ledger's file. Thread-safe.
class SqliteTraces final : public ports::Traces {
 public:
  /// `spans_max`: how many spans a trace may have.
  SqliteTraces(std::shared_ptr<sqlite::LedgerFile> file, ports::Durability durability,
               std::int64_t spans_max = 100'000)
      : file_(std::move(file)), durability_(durability), spans_max_(spans_max) {}

  Result<ports::Trace> put_trace(const Principal& principal, const ports::Trace& trace) override;
  Result<void> add_spans(const Principal& principal, const std::vector<ports::TraceSpans>& traces) override;
  [[nodiscard]] Result<ports::Trace> trace(const std::string& workspace,
                                           const std::string& id) const override;
  [[nodiscard]] Result<std::vector<ports::Trace>> traces_of(
      const std::string& workspace, const std::vector<std::string>& ids) const override;
  [[nodiscard]] Result<std::vector<std::string>> spans(const std::string& workspace, const std::string& id,
                                                       std::size_t bytes_max) const override;
  [[nodiscard]] Result<std::vector<ports::Trace>> traces(const std::string& workspace,
                                                         const std::vector<std::int64_t>& experiments,
                                                         const ports::Search& search) const override;
  [[nodiscard]] Result<std::int64_t> count(
      const std::string& workspace, const std::vector<std::int64_t>& experiments,
      const std::vector<ports::SearchCondition>& conditions) const override;
  [[nodiscard]] Result<std::vector<ports::TraceMetricPoint>> metrics(
      const std::string& workspace, const std::vector<std::int64_t>& experiments,
      const ports::TraceMetricQuery& query) const override;
  Result<void> set_tag(const std::string& workspace, const std::string& id,
                       const ports::KeyValue& tag) override;
  Result<void> remove_tag(const std::string& workspace, const std::string& id,
                          const std::string& key) override;
  Result<std::int64_t> remove(const std::string& workspace, const ports::TraceSelection& selection) override;
  Result<void> link_run(const std::string& workspace, const std::vector<std::string>& ids,
                        const std::string& run) override;
  Result<void> link_prompts(const std::string& workspace, const std::string& id,
                            const std::vector<std::string>& prompts) override;
  Result<ports::Assessment> add_assessment(const std::string& workspace, const std::string& trace,
                                           const ports::Assessment& assessment) override;
  [[nodiscard]] Result<ports::Assessment> assessment(const std::string& workspace, const std::string& trace,
                                                     const std::string& id) const override;
  Result<ports::Assessment> change_assessment(const std::string& workspace, const std::string& trace,
                                              const std::string& id,
                                              const ports::AssessmentChange& change) override;
  Result<void> remove_assessment(const std::string& workspace, const std::string& trace,
                                 const std::string& id) override;

 private:
  std::shared_ptr<sqlite::LedgerFile> file_;
  ports::Durability durability_;
  std::int64_t spans_max_;
};

}  // namespace sluice::stores
