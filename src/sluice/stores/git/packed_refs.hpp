#pragma once
#include <filesystem>
#include <list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/result.hpp"

namespace sluice::stores::git {

/// A git object's name: 40 lower-case hexadecimal digits.
using Oid = std::string;
bool is_oid(std::string_view text);

struct Ref {
  std::string_view name;    ///< "refs/heads/main"
  std::string_view target;  ///< an Oid
  std::string_view peeled;  ///< the object that an annotated tag finally names; "" if the target is not a tag
  bool operator==(const Ref&) const = default;
};

/// Refs by name. A model with a thousand versions is read often: what was parsed stays one text, which its
/// refs point into. One thread.
class Refs {
 public:
  Refs() = default;
  Refs(Refs&&) noexcept = default;
  Refs& operator=(Refs&&) noexcept = default;
  Refs(const Refs&) = delete;
  Refs& operator=(const Refs&) = delete;

  /// Parses the text of git's file `packed-refs`.
  static Result<Refs> parse(std::string text);
  [[nodiscard]] std::string text() const;

  /// Sorted by name. Valid until `set`; the texts of a ref are valid as long as this object.
  [[nodiscard]] std::span<const Ref> all() const { return refs_; }
  /// Those whose names begin with it.
  [[nodiscard]] std::span<const Ref> below(std::string_view prefix) const;
  /// nullopt: there is none of this name.
  [[nodiscard]] std::optional<Ref> find(std::string_view name) const;
  /// Adds the ref, or replaces the one of this name; copies its texts.
  void set(const Ref& ref);
  /// Does nothing if there is none of this name.
  void remove(std::string_view name);

 private:
  std::vector<Ref> refs_;         ///< sorted by name
  std::list<std::string> texts_;  ///< what the refs point into; a list never moves its elements
};

/// Reads the refs of one of our repositories; all of them are packed.
Result<Refs> read_refs(const std::filesystem::path& repository);
/// Replaces all refs with one rename; synced. The caller holds the repository's lock.
Result<void> write_refs(const std::filesystem::path& repository, const Refs& refs);
/// Code::failed_precondition where another program wrote a loose ref, which would shadow a packed one.
Result<void> refuse_loose_refs(const std::filesystem::path& repository);

}  // namespace sluice::stores::git
