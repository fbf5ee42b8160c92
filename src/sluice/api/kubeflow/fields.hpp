#pragma once
// What the JSON of a request says. As in protobuf's JSON, a field may be named `display_name` or
// `displayName`, and one that is null is absent. Unknown ones are ignored.
#include <string>
#include <string_view>

#include "sluice/base/result.hpp"
#include "sluice/base/value.hpp"
#include "sluice/ports/http.hpp"

namespace sluice::api::kubeflow {

class Fields {
 public:
  /// Reads the body of a request.
  static Result<Fields> of(const ports::Request& request);
  explicit Fields(Value object, std::string place = {})
      : object_(std::move(object)), place_(std::move(place)) {}

  /// Null if it is absent. `name`: as in the protobuf files.
  [[nodiscard]] const Value* find(std::string_view name) const;
  /// "" if it is absent. An error if it is not a text.
  [[nodiscard]] Result<std::string> text(std::string_view name) const;
  /// An object; empty if it is absent.
  [[nodiscard]] Result<Fields> object(std::string_view name) const;
  [[nodiscard]] Result<Struct> map(std::string_view name) const;
  [[nodiscard]] const Value& value() const { return object_; }

 private:
  [[nodiscard]] Error wrong_type(std::string_view name, const Value& value, std::string_view wanted) const;

  Value object_;
  std::string place_;  ///< "" or "runtime_config."
};

}  // namespace sluice::api::kubeflow
