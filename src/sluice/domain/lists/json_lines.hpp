#pragma once
#include "sluice/ports/object_store.hpp"
#include "sluice/ports/service.hpp"

namespace sluice::lists {

/// The service `json.lines`: the values of a file with one JSON value on each line (JSON Lines, NDJSON), so
/// that an `each` can loop over them. Empty lines are skipped. The values become part of the run's journal,
/// so the file has at most 16 MiB and 1,000,000 values.
///   file     the file
///   → items  the values, in the order of the file
///   → count  their number
/// Thread-safe. The store must outlive it.
class JsonLines final : public ports::Service {
 public:
  explicit JsonLines(ports::ObjectStore& objects) : objects_(objects) {}
  [[nodiscard]] const ir::Signature& signature() const override;
  [[nodiscard]] Result<Value> environment(const Struct& with) const override;
  [[nodiscard]] Result<void> check(const Struct& known) const override;
  Result<Struct> run(const ports::ServiceCall& call) override;
  /// The signature alone, for programs that only compile plans.
  static const ir::Signature& declared();

 private:
  ports::ObjectStore& objects_;
};

/// The values of such a text. `name` is the file's, for messages: "rows.jsonl:3:5: …".
Result<List> values_of_json_lines(std::string_view text, const std::string& name);

}  // namespace sluice::lists
