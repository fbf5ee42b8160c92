#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sluice/base/digest.hpp"

namespace sluice {

class Value;
using List = std::vector<Value>;

/// A JSON object that keeps the order in which keys were written. Look-up is linear: they are small. Keys are
/// unique: `set` replaces. Equality ignores order.
class Struct {
 public:
  using Entry = std::pair<std::string, Value>;
  [[nodiscard]] const Value* find(std::string_view key) const;
  [[nodiscard]] Value* find(std::string_view key);
  Value& set(std::string key, Value value);  ///< replaces or appends; returns the stored value
  /// Appends without checking for the key: for callers that know it is new.
  void append(std::string key, Value value);
  bool erase(std::string_view key);
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] bool empty() const;
  [[nodiscard]] const Entry* begin() const;
  [[nodiscard]] const Entry* end() const;
  bool operator==(const Struct& other) const;

 private:
  std::vector<Entry> entries_;
};

enum class Form { file, directory };

/// Bytes in the object store, or (with no digest) an external URI.
struct Artifact {
  std::string kind = "any";  ///< any name; two kinds match if they are equal or one is "any"
  Form form = Form::file;
  std::optional<Digest>
      digest;             ///< of the file's bytes, or of the directory's canonical REAPI v2 `Directory`
  std::int64_t size = 0;  ///< bytes in all files
  std::string name;       ///< for people; not part of any key
  std::string uri;        ///< external artifacts only
  std::shared_ptr<const Struct> metadata;  ///< null: none

  /// The same bytes, or the same URI, of the same kind, with the same metadata. Names are ignored.
  bool operator==(const Artifact& other) const;
};

/// A placeholder in an argument that only the executor can fill: the path of an input artifact, of a
/// declared output, or of the folder that the tasks of a run share.
struct PathPlaceholder {
  enum class Kind { input, output, folder } kind = Kind::output;
  std::shared_ptr<const Artifact> artifact;  ///< kind input
  std::string output;                        ///< kind output: the declared output's name
  bool operator==(const PathPlaceholder& other) const;
};

/// A string with holes: its parts in order.
struct Template {
  std::vector<std::variant<std::string, PathPlaceholder>> parts;
  bool operator==(const Template&) const = default;
};

/// What flows between operations: JSON (integers and doubles distinct) or artifacts, and, only inside the
/// arguments of a task that is about to start, templates with late paths. Copying is cheap (big alternatives
/// are shared, immutable).
class Value {
 public:
  using Null = std::monostate;
  enum class Kind { null, boolean, integer, number, string, list, structure, artifact, late };

  Value() = default;
  // Defined in value.cpp: otherwise each of a hundred files compiles them again.
  ~Value();
  Value(const Value& other);
  Value(Value&& other) noexcept;
  Value& operator=(const Value& other);
  Value& operator=(Value&& other) noexcept;
  // NOLINTBEGIN(google-explicit-constructor): a value is made of what it holds
  Value(bool b) : data_(b) {}
  Value(std::int64_t i) : data_(i) {}
  Value(int i) : data_(std::int64_t{i}) {}
  Value(std::uint64_t i) : data_(static_cast<std::int64_t>(i)) {}
  Value(double d) : data_(d) {}
  Value(std::string s);
  Value(std::string_view s);
  Value(const char* s);
  Value(List l);
  Value(Struct s);
  Value(Artifact a);
  Value(Template t);
  // NOLINTEND(google-explicit-constructor)

  [[nodiscard]] Kind kind() const { return static_cast<Kind>(data_.index()); }
  [[nodiscard]] bool is_null() const { return kind() == Kind::null; }
  [[nodiscard]] bool is_string() const { return kind() == Kind::string; }
  [[nodiscard]] bool is_struct() const { return kind() == Kind::structure; }
  [[nodiscard]] bool is_list() const { return kind() == Kind::list; }
  [[nodiscard]] bool is_artifact() const { return kind() == Kind::artifact; }

  /// Null unless the value is of that kind. A pointer lives as long as this value is not assigned.
  [[nodiscard]] const bool* if_boolean() const { return std::get_if<bool>(&data_); }
  [[nodiscard]] const std::int64_t* if_integer() const { return std::get_if<std::int64_t>(&data_); }
  [[nodiscard]] const double* if_number() const { return std::get_if<double>(&data_); }
  [[nodiscard]] const std::string* if_string() const { return shared<std::string>(); }
  [[nodiscard]] const List* if_list() const { return shared<List>(); }
  [[nodiscard]] const Struct* if_struct() const { return shared<Struct>(); }
  [[nodiscard]] const Artifact* if_artifact() const { return shared<Artifact>(); }
  [[nodiscard]] const Template* if_late() const { return shared<Template>(); }
  /// Integer or number as a double.
  [[nodiscard]] std::optional<double> as_double() const;

  // Lenient accessors of JSON objects: the field, or a default if it is absent or of another kind.
  [[nodiscard]] const Value* find(std::string_view key) const;
  [[nodiscard]] std::string text_at(std::string_view key, std::string_view otherwise = {}) const;
  [[nodiscard]] std::int64_t integer_at(std::string_view key, std::int64_t otherwise = 0) const;
  [[nodiscard]] double number_at(std::string_view key, double otherwise = 0) const;
  [[nodiscard]] bool boolean_at(std::string_view key, bool otherwise = false) const;

  /// Deep equality; 1 and 1.0 differ.
  bool operator==(const Value& other) const;

 private:
  template <typename T>
  [[nodiscard]] const T* shared() const {
    const auto* p = std::get_if<std::shared_ptr<const T>>(&data_);
    return p ? p->get() : nullptr;
  }
  std::variant<Null, bool, std::int64_t, double, std::shared_ptr<const std::string>,
               std::shared_ptr<const List>, std::shared_ptr<const Struct>, std::shared_ptr<const Artifact>,
               std::shared_ptr<const Template>>
      data_;
};

/// "integer", "number", "artifact", … : the name used in messages and in plans.
std::string_view kind_name(Value::Kind kind);

}  // namespace sluice
