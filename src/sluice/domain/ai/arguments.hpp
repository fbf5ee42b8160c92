#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/base/value.hpp"

// Arguments of a service call. The verifier and the service executor have checked names and types; an omitted
// argument gets its default here.
namespace sluice::ai {

/// An artifact that the signature requires.
inline const Artifact& artifact_of(const Struct& with, std::string_view name) {
  const Value* value = with.find(name);
  SLUICE_CHECK(value != nullptr && value->is_artifact());
  return *value->if_artifact();
}

inline std::int64_t integer_of(const Struct& with, std::string_view name, std::int64_t otherwise) {
  const Value* value = with.find(name);
  return value && value->if_integer() ? *value->if_integer() : otherwise;
}

inline double number_of(const Struct& with, std::string_view name, double otherwise) {
  const Value* value = with.find(name);
  return value ? value->as_double().value_or(otherwise) : otherwise;
}

inline std::string text_of(const Struct& with, std::string_view name, std::string_view otherwise) {
  const Value* value = with.find(name);
  return value && value->is_string() ? *value->if_string() : std::string(otherwise);
}

}  // namespace sluice::ai
