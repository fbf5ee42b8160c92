#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/base/value.hpp"

namespace sluice::syntax {

/// A tree that is written as YAML: in block style as a person writes it, with short and simple values on one
/// line. The same tree gives the same bytes. Plain data; any thread.
class Yaml {
 public:
  enum class Kind { scalar, list, map };

  /// Text that is written unchanged: a number, a keyword of the dialect.
  static Yaml word(std::string text);
  /// A string, quoted if it would be parsed as something else.
  static Yaml string(std::string_view text);
  /// Null, boolean, integer or number.
  static Yaml plain(const Value& value);
  static Yaml list() { return Yaml(Kind::list); }
  static Yaml map() { return Yaml(Kind::map); }

  Yaml& add(Yaml item);
  Yaml& add(std::string key, Yaml value);
  /// Always in block style, however short.
  Yaml& in_block();
  [[nodiscard]] bool empty() const { return items_.empty(); }
  [[nodiscard]] std::size_t size() const { return items_.size(); }

  /// Appends the text of a map or list in block style, each line indented by `indent`, ended by a line break.
  void write(std::string& out, std::size_t indent = 0) const;

 private:
  explicit Yaml(Kind kind) : kind_(kind) {}
  bool flow(std::string& out, std::size_t end) const;
  void write_value(std::string& out, std::size_t indent, bool after_key) const;
  void write_scalar(std::string& out, std::size_t indent) const;
  void write_items(std::string& out, std::size_t indent, bool first_in_place) const;

  Kind kind_ = Kind::scalar;
  bool block_ = false;
  std::string text_;    ///< scalar: as written on one line; for a string of several lines, the string itself
  bool lines_ = false;  ///< a string of several lines, written as `|`
  std::vector<std::pair<std::string, Yaml>> items_;  ///< a map's fields; a list's items, with empty keys
};

}  // namespace sluice::syntax
