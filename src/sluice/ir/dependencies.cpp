#include "sluice/ir/dependencies.hpp"

#include <algorithm>
#include <unordered_map>

#include "sluice/ir/references.hpp"

namespace sluice::ir {
namespace {

using Upstream = Dependencies::Upstream;

/// Collects what one operation of the region reads from that region.
class DependencyReader {
 public:
  explicit DependencyReader(const Region& region) {
    for (std::size_t i = 0; i < region.operations.size(); ++i) index_.emplace(region.operations[i].name, i);
  }

  std::vector<Upstream> upstream_of(const Operation& operation) {
    found_.clear();
    for (const auto& [name, at] : operation.after)
      if (const auto i = index_.find(name); i != index_.end())
        found_.push_back({.operation = i->second, .after = true});
    read(operation);
    std::ranges::sort(found_, {}, &Upstream::operation);
    std::vector<Upstream> merged;
    for (const auto& one : found_) {
      if (merged.empty() || merged.back().operation != one.operation) {
        merged.push_back(one);
        continue;
      }
      merged.back().operand |= one.operand;
      merged.back().after |= one.after;
    }
    return merged;
  }

 private:
  void read(const Operation& operation) {
    visit_expressions(operation, [this](const syntax::Expression& e, Place place) {
      expression(e, place == Place::task_yield ? Use::lenient : Use::strict);
    });
    for (const auto& inner : inner_scopes(operation)) {
      hide(inner, 1);
      for (const auto& op : inner.region->operations) read(op);
      for (const auto& [name, value] : *inner.yield)
        if (value) expression(*value, Use::lenient);
      hide(inner, -1);
    }
  }

  void expression(const syntax::Expression& e, Use use) {
    visit_reads(e, use, [this](const Read& read) {
      const auto i = index_.find(read.root.text);
      if (i == index_.end()) return;
      if (const auto hidden = hidden_.find(read.root.text); hidden != hidden_.end() && hidden->second > 0)
        return;
      found_.push_back(
          {.operation = i->second, .operand = read.use == Use::strict, .after = read.use == Use::state});
    });
  }

  /// Names of inner regions hide those of this one.
  void hide(const InnerScope& scope, int by) {
    if (!scope.as.empty()) hidden_[scope.as] += by;
    if (!scope.index.empty()) hidden_[scope.index] += by;
    for (const auto& op : scope.region->operations) hidden_[op.name] += by;
  }

  std::unordered_map<std::string_view, std::size_t> index_;
  std::unordered_map<std::string_view, int> hidden_;
  std::vector<Upstream> found_;
};

}  // namespace

Dependencies dependencies_of(const Region& region) {
  Dependencies made;
  made.upstream.reserve(region.operations.size());
  made.downstream.resize(region.operations.size());
  DependencyReader reader(region);
  for (std::size_t i = 0; i < region.operations.size(); ++i) {
    made.upstream.push_back(reader.upstream_of(region.operations[i]));
    for (const auto& one : made.upstream.back()) made.downstream[one.operation].push_back(i);
  }
  return made;
}

}  // namespace sluice::ir
