#include "sluice/domain/datasets/difference.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace sluice::datasets {
namespace {

struct Known {
  std::string path;  ///< the first
  std::set<std::string> labels;
};

std::map<Digest, Known> by_content(const Examples& examples) {
  std::map<Digest, Known> out;
  for (const auto& example : examples.all) {
    auto& known = out[example.digest];
    if (known.path.empty()) known.path = example.path;
    known.labels.insert(example.labels.begin(), example.labels.end());
  }
  return out;
}

std::vector<std::string> list_of(const std::set<std::string>& labels) {
  return {labels.begin(), labels.end()};
}

}  // namespace

std::string_view name(Change::Kind kind) {
  switch (kind) {
    case Change::Kind::added: return "added";
    case Change::Kind::removed: return "removed";
    case Change::Kind::relabelled: break;
  }
  return "relabelled";
}

Difference difference(const Examples& earlier, const Examples& later) {
  const auto before = by_content(earlier);
  const auto after = by_content(later);
  Difference out;
  for (const auto& [digest, known] : after) {
    const auto former = before.find(digest);
    if (former == before.end()) {
      ++out.added;
      out.changes.push_back(
          {.kind = Change::Kind::added, .path = known.path, .labels = list_of(known.labels), .earlier = {}});
    } else if (former->second.labels != known.labels) {
      ++out.relabelled;
      out.changes.push_back({.kind = Change::Kind::relabelled,
                             .path = known.path,
                             .labels = list_of(known.labels),
                             .earlier = list_of(former->second.labels)});
    }
  }
  for (const auto& [digest, known] : before) {
    if (after.contains(digest)) continue;
    ++out.removed;
    out.changes.push_back(
        {.kind = Change::Kind::removed, .path = known.path, .labels = list_of(known.labels), .earlier = {}});
  }
  std::ranges::sort(out.changes, {}, [](const Change& change) { return std::tie(change.path, change.kind); });
  return out;
}

}  // namespace sluice::datasets
