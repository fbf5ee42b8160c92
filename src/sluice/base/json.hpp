#pragma once
#include <string>
#include <string_view>

#include "sluice/base/value.hpp"

namespace sluice {

/// Bounds on what a parser may spend on one text.
struct JsonLimits {
  std::size_t depth_max = 200;
  std::size_t bytes_max = std::size_t{64} << 20;
};

/// Reads one JSON text (RFC 8259). Integers within int64 stay integers; everything else is a double
/// (correctly rounded). Duplicate keys, invalid UTF-8, NaN and infinities are errors. `name` starts the
/// message: "NAME:LINE:COLUMN: …". Objects are plain structs: nothing in a text from outside can become an
/// artifact.
Result<Value> parse_json(std::string_view text, std::string_view name = "json", JsonLimits limits = {});

enum class JsonStyle { compact, pretty };

/// The shortest text that parses to the same value; doubles always have a point or an exponent ("1.0"). Bytes
/// of a string that are not UTF-8 are written as U+FFFD, so that every text can be parsed. Artifacts and late
/// paths are written in the tagged form of `to_tagged`.
std::string to_json(const Value& value, JsonStyle style = JsonStyle::compact);

/// Keys sorted by code unit, compact, the same bytes for equal values: the input of digests.
std::string canonical_json(const Value& value);

/// The form of values in journals and on the wire: an artifact is {"$artifact": {…}}, a template {"$late":
/// […]}; a key of a plain struct that begins with "$" gets another "$" in front, so that nothing can be
/// forged. `from_tagged` is the inverse.
Value to_tagged(const Value& value);
Result<Value> from_tagged(const Value& json);
Value artifact_to_json(const Artifact& artifact);
Result<Artifact> artifact_from_json(const Value& json);

/// Appends one JSON object to a text, field by field, without building a Value: for what is written very
/// often. Names are not escaped and not checked for duplicates.
class JsonObject {
 public:
  /// `out` must outlive this object.
  explicit JsonObject(std::string& out) : out_(out) {}

  void text(std::string_view name, std::string_view value);
  void integer(std::string_view name, std::int64_t value);
  void boolean(std::string_view name, bool value);
  /// A finite number.
  void number(std::string_view name, double value);
  /// What is JSON already.
  void raw(std::string_view name, std::string_view json);
  /// In the form of `to_tagged`.
  void tagged(std::string_view name, const Value& value);
  void tagged(std::string_view name, const Struct& fields);
  void tagged(std::string_view name, const List& list);
  /// A nested object. Call its `end` before adding another field to this one.
  [[nodiscard]] JsonObject object(std::string_view name);
  /// A list of objects; likewise.
  [[nodiscard]] class JsonObjects list(std::string_view name);
  /// Closes the object. Called once, as the last call.
  void end();

 private:
  void key(std::string_view name);

  std::string& out_;
  bool first_ = true;
};

/// Appends a JSON list of objects to a text, in the same way.
class JsonObjects {
 public:
  explicit JsonObjects(std::string& out) : out_(out) {}
  /// Call its `end` before the next one.
  [[nodiscard]] JsonObject object();
  void end();

 private:
  std::string& out_;
  bool first_ = true;
};

}  // namespace sluice
