#include "sluice/domain/datasets/examples.hpp"

#include <algorithm>
#include <set>
#include <unordered_map>

#include <fmt/format.h>

#include "sluice/base/findings.hpp"
#include "sluice/base/words.hpp"
#include "sluice/domain/ai/picture_folder.hpp"
#include "sluice/domain/datasets/label_table.hpp"

namespace sluice::datasets {
namespace {

constexpr std::string_view text_ending = ".txt";
constexpr std::string_view layout = "the expected layout is one sub-folder for each label, LABEL/NAME";

Error too_many() {
  return user_error(
      Code::too_large,
      fmt::format("there are more than {} examples; a data set has at most so many", examples_max));
}

std::vector<std::string> labels_of(const std::vector<Example>& examples) {
  std::set<std::string> labels;
  for (const auto& example : examples) labels.insert(example.labels.begin(), example.labels.end());
  return {labels.begin(), labels.end()};
}

Result<std::string> text_of(const ports::ObjectStore& objects, const Digest& digest, std::string_view file) {
  auto text = objects.get(digest, table_bytes_max);
  if (!text) return Fail(std::move(text).error().at(std::string(file)));
  return text;
}

/// Files of the folder, by their paths.
using Files = std::unordered_map<std::string, Digest>;

Result<Examples> from_texts(const ports::ObjectStore& objects, const Digest& table) {
  SLUICE_TRY(text, text_of(objects, table, texts_file));
  SLUICE_TRY(read, read_label_table(text, std::string(texts_file)));
  Examples out{.kind = Kind::texts, .all = {}, .labels = {}};
  for (auto& row : read.rows)
    out.all.push_back({.path = fmt::format("{}:{}", texts_file, row.line),
                       .digest = Digest::of(row.example),
                       .labels = std::move(row.labels)});
  return out;
}

Result<Examples> from_label_table(const ports::ObjectStore& objects, const Digest& table, const Files& files,
                                  bool are_texts) {
  SLUICE_TRY(text, text_of(objects, table, labels_file));
  SLUICE_TRY(read, read_label_table(text, std::string(labels_file)));
  Examples out{.kind = are_texts ? Kind::texts : Kind::pictures, .all = {}, .labels = {}};
  Findings problems;
  std::unordered_map<std::string, std::size_t> lines;
  for (auto& row : read.rows) {
    const auto file = files.find(row.example);
    const auto [earlier, is_new] = lines.emplace(row.example, row.line);
    if (file == files.end())
      problems.add(fmt::format("{}:{}: there is no file `{}`", labels_file, row.line, row.example));
    else if (!is_new)
      problems.add(fmt::format(
          "{}:{}: `{}` has its labels in line {} already; give them in one row, with `;` between them",
          labels_file, row.line, row.example, earlier->second));
    else
      out.all.push_back({.path = row.example, .digest = file->second, .labels = std::move(row.labels)});
  }
  for (const auto& [path, digest] : files)
    if (!lines.contains(path))
      problems.add(
          fmt::format("{}: no row names the file `{}`; give it a label, or leave it out", labels_file, path));
  if (!problems.empty()) return Fail(std::move(problems).error(Code::invalid_argument));
  return out;
}

Result<Examples> from_folders(const Files& files, bool are_texts) {
  Examples out{.kind = are_texts ? Kind::texts : Kind::pictures, .all = {}, .labels = {}};
  Findings problems;
  for (const auto& [path, digest] : files) {
    const auto slash = path.find('/');
    if (slash == std::string::npos)
      problems.add(fmt::format("`{}` is not in the folder of a label; {}", path, layout));
    else if (path.find('/', slash + 1) != std::string::npos)
      problems.add(fmt::format("`{}` is in a folder inside that of label `{}`; {}", path,
                               path.substr(0, slash), layout));
    else
      out.all.push_back({.path = path, .digest = digest, .labels = {path.substr(0, slash)}});
  }
  if (!problems.empty()) return Fail(std::move(problems).error(Code::invalid_argument));
  return out;
}

}  // namespace

std::string_view name(Kind kind) { return kind == Kind::pictures ? "pictures" : "texts"; }

Result<Examples> read_examples(const ports::ObjectStore& objects, const Artifact& folder) {
  SLUICE_TRY(listing, objects.list(folder));
  Files all;
  for (const auto& file : listing.files) all.emplace(file.path, file.digest);
  if (const auto table = all.find(std::string(texts_file)); table != all.end() && all.size() == 1) {
    SLUICE_TRY(out, from_texts(objects, table->second));
    out.labels = labels_of(out.all);
    return out;
  }
  SLUICE_TRY(found, ai::picture_folder(objects, folder, "data set"));
  Findings problems;
  for (const auto& path : found.dangling) problems.add(ai::describe_dangling(path));
  Files pictures;
  Files texts;
  std::optional<Digest> table;
  for (const auto& picture : found.pictures) pictures.emplace(picture.path, picture.digest);
  for (const auto& path : found.others) {
    if (path == labels_file)
      table = all.at(path);
    else if (path.ends_with(text_ending))
      texts.emplace(path, all.at(path));
    else
      problems.add(fmt::format(
          "`{}` is neither a picture nor a text (.txt); remove it, or list it in .sluiceignore", path));
  }
  if (!pictures.empty() && !texts.empty())
    problems.add(fmt::format("there are pictures and texts (`{}`, `{}`); make a data set of each",
                             std::ranges::min_element(pictures)->first,
                             std::ranges::min_element(texts)->first));
  if (pictures.empty() && texts.empty())
    problems.add(fmt::format("there are no pictures and no texts; {}", layout));
  if (!problems.empty()) return Fail(std::move(problems).error(Code::invalid_argument));
  const bool are_texts = pictures.empty();
  const auto& files = are_texts ? texts : pictures;
  if (files.size() > examples_max) return Fail(too_many());
  auto out = table ? from_label_table(objects, *table, files, are_texts) : from_folders(files, are_texts);
  if (!out) return out;
  std::ranges::sort(out->all, {}, &Example::path);
  out->labels = labels_of(out->all);
  return out;
}

}  // namespace sluice::datasets
