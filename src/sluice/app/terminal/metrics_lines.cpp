#include "sluice/app/terminal/metrics_lines.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sluice/app/terminal/cells.hpp"
#include "sluice/base/json.hpp"

namespace sluice::app {
namespace {

constexpr std::size_t metrics_shown = 50;
constexpr std::size_t classes_shown = 20;
constexpr std::size_t name_cells = 20;

const List& list_in(const Value& value, std::string_view key) {
  static const List none;
  const auto* found = value.find(key);
  return found != nullptr && found->is_list() ? *found->if_list() : none;
}

std::string number_text(const Value& value) {
  const auto number = value.as_double();
  return number ? fmt::format("{:.6g}", *number) : to_json(value);
}

void add_metrics(const Struct& metadata, std::vector<std::string>& lines) {
  std::size_t shown = 0;
  for (const auto& [key, value] : metadata) {
    if (++shown > metrics_shown) {
      lines.push_back(fmt::format("and {} more", metadata.size() - metrics_shown));
      return;
    }
    lines.push_back(fmt::format("{} = {}", key, number_text(value)));
  }
}

void add_matrix(const Value& matrix, std::vector<std::string>& lines) {
  const auto& classes = list_in(matrix, "annotationSpecs");
  const auto& rows = list_in(matrix, "rows");
  if (classes.empty() || rows.size() != classes.size()) return;
  if (classes.size() > classes_shown) {
    lines.push_back(fmt::format("confusion matrix of {} classes", classes.size()));
    return;
  }
  std::vector<std::string> names;
  std::size_t wide = 0;
  for (const auto& one : classes) {
    names.push_back(cut(printable(one.text_at("displayName")), name_cells));
    wide = std::max(wide, cells_of(names.back()));
  }
  const auto right = [](const std::string& text, std::size_t cells) {
    const auto used = cells_of(text);
    return std::string(cells > used ? cells - used : 0, ' ') + text;
  };
  constexpr std::size_t least = 6;
  std::string head = padded("", wide);
  for (const auto& name : names) head += "  " + right(name, least);
  lines.emplace_back("confusion matrix");
  lines.push_back("  " + head);
  for (std::size_t i = 0; i < names.size(); ++i) {
    auto line = padded(names[i], wide);
    const auto& counts = list_in(rows[i], "row");
    for (std::size_t j = 0; j < counts.size() && j < names.size(); ++j)
      line += "  " + right(number_text(counts[j]), std::max(least, cells_of(names[j])));
    lines.push_back("  " + line);
  }
}

/// The curve of a classifier, by its points in the order of their false positive rates.
void add_curve(const List& points, std::vector<std::string>& lines) {
  if (points.empty()) return;
  std::vector<std::pair<double, double>> curve;
  for (const auto& point : points)
    curve.emplace_back(point.number_at("falsePositiveRate"), point.number_at("recall"));
  std::ranges::sort(curve);
  double area = 0;
  for (std::size_t i = 1; i < curve.size(); ++i)
    area += (curve[i].first - curve[i - 1].first) * (curve[i].second + curve[i - 1].second) / 2;
  lines.push_back(fmt::format("ROC curve of {} points, area {:.4g}", curve.size(), area));
}

void add_classification(const Value& metadata, std::vector<std::string>& lines) {
  if (const auto* matrix = metadata.find("confusionMatrix")) add_matrix(*matrix, lines);
  add_curve(list_in(metadata, "confidenceMetrics"), lines);
}

}  // namespace

std::vector<std::string> metrics_lines(std::string_view kind, const Value& metadata) {
  std::vector<std::string> lines;
  const auto* fields = metadata.if_struct();
  if (fields == nullptr) return lines;
  if (kind == "system.Metrics") add_metrics(*fields, lines);
  if (kind == "system.ClassificationMetrics") add_classification(metadata, lines);
  if (kind == "system.SlicedClassificationMetrics")
    for (const auto& slice : list_in(metadata, "evaluationSlices")) {
      if (lines.size() > metrics_shown) break;
      lines.push_back("slice " + slice.text_at("slice"));
      if (const auto* of_slice = slice.find("sliceClassificationMetrics"))
        add_classification(*of_slice, lines);
    }
  return lines;
}

}  // namespace sluice::app
