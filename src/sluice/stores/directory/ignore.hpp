#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/result.hpp"

namespace sluice::stores::directory {

/// Rules for the paths of a folder to ignore: a subset of .gitignore. A pattern with a `/` that is not its
/// last character is matched against the whole path, else against the last name; `*` and `?` match within one
/// name, a segment `**` matches any number of folders, a trailing `/` means folders only.
class IgnoreRules {
 public:
  /// Refuses what the subset does not support (`!`, `[`, `\`), naming the pattern.
  static Result<IgnoreRules> read(const std::vector<std::string>& lines);
  /// `path` is relative, "/" between names.
  [[nodiscard]] bool ignores(std::string_view path, bool is_folder) const;

 private:
  struct Rule {
    std::vector<std::string> segments;
    bool anchored = false;
    bool folders_only = false;
  };
  std::vector<Rule> rules_;
};

}  // namespace sluice::stores::directory
