#include "sluice/domain/datasets/label_table.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "sluice/base/csv.hpp"
#include "sluice/base/findings.hpp"
#include "sluice/base/picture_format.hpp"
#include "sluice/base/words.hpp"

namespace sluice::datasets {
namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

bool is_one_of(const std::string& cell, std::span<const std::string_view> names) {
  return std::ranges::find(names, lower(cell)) != names.end();
}

constexpr std::array<std::string_view, 5> file_headings = {"file", "filename", "path", "image", "picture"};

bool is_heading(const std::vector<std::string>& cells) {
  constexpr std::array<std::string_view, 3> texts = {"text", "sentence", "example"};
  constexpr std::array<std::string_view, 6> labels = {"label", "labels", "class", "classes", "tag", "tags"};
  return cells.size() >= 2 && (is_one_of(cells[0], file_headings) || is_one_of(cells[0], texts)) &&
         is_one_of(cells[1], labels);
}

/// Columns of tables for object detection.
bool names_boxes(const std::vector<std::string>& cells) {
  constexpr std::array<std::string_view, 14> names = {"xmin",  "ymin",  "xmax",  "ymax",  "x_min",
                                                      "y_min", "x_max", "y_max", "bbox",  "box",
                                                      "boxes", "x1",    "y1",    "bbox_x"};
  return std::ranges::any_of(cells, [&](const std::string& cell) { return is_one_of(cell, names); });
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::vector<std::string> labels_in(std::string_view cell) {
  std::vector<std::string> out;
  for (;;) {
    const auto end = cell.find(';');
    if (const auto label = trimmed(cell.substr(0, end)); !label.empty()) out.emplace_back(label);
    if (end == std::string_view::npos) break;
    cell.remove_prefix(end + 1);
  }
  std::ranges::sort(out);
  const auto [first, last] = std::ranges::unique(out);
  out.erase(first, last);
  return out;
}

std::string problem_of(const std::vector<std::string>& cells, const LabelRow& row) {
  if (cells.size() != 2)
    return fmt::format(
        "there are {} columns, but two are needed: the example, and its labels with `;` between them",
        cells.size());
  if (row.example.empty()) return "the first column is empty; it names a file, or is a text";
  if (row.labels.empty()) return "the second column is empty; give the example a label, or leave the row out";
  for (const auto& cell : cells)
    if (!is_utf8(cell)) return "this is not UTF-8; convert the file";
  return {};
}

}  // namespace

Result<LabelTable> read_label_table(std::string_view given, const std::string& name) {
  if (given.size() > table_bytes_max)
    return Fail(user_error(Code::too_large,
                           fmt::format("{}: larger than {} MiB; split it", name, table_bytes_max >> 20)));
  if (given.starts_with(byte_order_mark)) given.remove_prefix(byte_order_mark.size());
  const auto whole = std::string(given) + (given.ends_with('\n') ? "" : "\n");
  std::string_view text = whole;
  LabelTable table;
  auto& rows = table.rows;
  Findings problems;
  std::size_t line = 1;
  bool is_first = true;
  while (!text.empty()) {
    const auto rest = text;
    const auto cells = take_csv_row(text);
    if (!cells)
      return Fail(user_error(Code::invalid_argument,
                             fmt::format("{}:{}: a quotation mark is not closed", name, line)));
    const auto begins = line;
    line += static_cast<std::size_t>(std::ranges::count(rest.substr(0, rest.size() - text.size()), '\n'));
    if (std::exchange(is_first, false) && (is_heading(*cells) || names_boxes(*cells))) {
      if (names_boxes(*cells))
        return Fail(user_error(
            Code::invalid_argument,
            fmt::format(
                "{}: it has boxes, and only whole pictures are taught here; keep the columns of the file and "
                "the label, one row for each picture",
                name)));
      table.names_files = is_one_of(cells->front(), file_headings);
      continue;
    }
    if (cells->size() == 1 && cells->front().empty()) continue;  // an empty line
    LabelRow row{.line = begins,
                 .example = cells->front(),
                 .labels = cells->size() > 1 ? labels_in((*cells)[1]) : std::vector<std::string>()};
    if (const auto problem = problem_of(*cells, row); !problem.empty()) {
      problems.add(fmt::format("{}:{}: {}", name, begins, problem));
      continue;
    }
    rows.push_back(std::move(row));
    if (rows.size() > examples_max)
      return Fail(user_error(
          Code::too_large,
          fmt::format("{}: more than {} rows; a data set has at most so many examples", name, examples_max)));
  }
  if (!problems.empty()) return Fail(std::move(problems).error(Code::invalid_argument));
  if (rows.empty())
    return Fail(user_error(Code::invalid_argument,
                           fmt::format("{}: there is no row with an example and a label", name)));
  table.names_files = table.names_files || has_picture_name(rows.front().example);
  return table;
}

}  // namespace sluice::datasets
