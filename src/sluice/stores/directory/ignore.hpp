#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/result.hpp"

namespace sluice::stores::directory {

/// Rules for the paths of a folder to ignore: a subset of .gitignore. A pattern with a `/` that is not its
/// last character is matched against the whole path, else against the last name; `*` and `?` match within one
/// name, a segment `**` matches any number of folders, a trailing `/` means folders only; a pattern that
/// begins with `!` keeps what it matches.
class IgnoreRules {
 public:
  /// Refuses what the subset does not support (`[`, `\`), naming the pattern.
  static Result<IgnoreRules> read(const std::vector<std::string>& lines);
  /// Whether the last rule that matches ignores or keeps the path; nullopt: none matches. `path` is relative,
  /// "/" between names.
  [[nodiscard]] std::optional<bool> ignores(std::string_view path, bool is_folder) const;

 private:
  struct Rule {
    std::vector<std::string> segments;
    bool keeps = false;
    bool anchored = false;
    bool folders_only = false;
  };
  std::vector<Rule> rules_;
};

}  // namespace sluice::stores::directory
