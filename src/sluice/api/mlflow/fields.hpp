#pragma once
// What a request of MLflow says: the fields of a JSON object, or of a query. Unknown ones are ignored, an
// integer may be written as a text, and a number as "NaN" or "Infinity", as protobuf's JSON has them.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/result.hpp"
#include "sluice/base/value.hpp"
#include "sluice/ports/http.hpp"
#include "sluice/ports/tracking.hpp"

namespace sluice::api {

class Fields {
 public:
  /// Reads the body of a request; of a GET, its query.
  static Result<Fields> of(const ports::Request& request);
  explicit Fields(Value object, std::string place = {}, std::optional<std::size_t> index = std::nullopt)
      : object_(std::move(object)), place_(std::move(place)), index_(index) {}

  [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }
  /// "" if it is absent. An error if it is not a text.
  [[nodiscard]] Result<std::string> text(std::string_view name) const;
  /// An error if it is absent or empty.
  [[nodiscard]] Result<std::string> needed(std::string_view name) const;
  [[nodiscard]] Result<std::optional<std::int64_t>> integer(std::string_view name) const;
  [[nodiscard]] Result<std::optional<double>> number(std::string_view name) const;
  [[nodiscard]] Result<std::optional<bool>> flag(std::string_view name) const;
  [[nodiscard]] Result<std::vector<std::string>> texts(std::string_view name) const;
  [[nodiscard]] Result<std::vector<Fields>> objects(std::string_view name) const;
  /// An object; empty if it is absent.
  [[nodiscard]] Result<Fields> object(std::string_view name) const;
  /// A list of {"key", "value"}.
  [[nodiscard]] Result<std::vector<ports::KeyValue>> pairs(std::string_view name) const;
  /// The id of a run, which has two names.
  [[nodiscard]] Result<std::string> run_id() const;
  [[nodiscard]] Result<std::int64_t> experiment_id() const;
  [[nodiscard]] const Value& value() const { return object_; }

 private:
  /// Null if it is absent or null.
  [[nodiscard]] const Value* find(std::string_view name) const;
  [[nodiscard]] std::string path_of(std::string_view name) const;
  [[nodiscard]] Error wrong_type(std::string_view name, const Value& value) const;

  Value object_;
  // Where it is in the request, for messages, in which it becomes "", "dataset" or "metrics[3]".
  std::string place_;
  std::optional<std::size_t> index_;
};

Error missing_parameter(std::string_view name);

}  // namespace sluice::api
