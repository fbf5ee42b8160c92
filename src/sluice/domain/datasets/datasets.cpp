#include "sluice/domain/datasets/datasets.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sluice/base/numbers.hpp"
#include "sluice/base/words.hpp"

namespace sluice::datasets {
namespace {

constexpr std::size_t name_bytes_max = 255;
constexpr std::size_t suggested_max = 1'000;

Result<void> check_name(const std::string& name) {
  const auto refuse = [&](std::string_view why) {
    return Fail(user_error(Code::invalid_argument,
                           fmt::format("data set `{}`: {}", as_utf8(name.substr(0, name_bytes_max)), why)));
  };
  if (name.empty()) return refuse("the name must not be empty");
  if (name.size() > name_bytes_max) return refuse("the name is longer than 255 bytes");
  if (!is_utf8(name)) return refuse("the name is not UTF-8");
  if (std::ranges::any_of(name, [](char c) {
        return static_cast<unsigned char>(c) < ' ' || c == '\x7f' || c == '/' || c == '@';
      }))
    return refuse("the name must not contain `/`, `@` or control characters");
  return {};
}

std::string text_of(const Reference& reference) {
  return reference.number ? fmt::format("{}@{}", reference.name, *reference.number) : reference.name;
}

}  // namespace

std::optional<Reference> parse_reference(std::string_view text) {
  Reference out;
  if (const auto at = text.rfind('@'); at != std::string_view::npos) {
    auto digits = text.substr(at + 1);
    if (digits.starts_with('v')) digits.remove_prefix(1);
    out.number = parse_integer<std::int64_t>(digits);
    if (!out.number || *out.number < 1) return std::nullopt;
    text = text.substr(0, at);
  }
  out.name = text;
  if (!check_name(out.name)) return std::nullopt;
  return out;
}

Result<DataSets::Added> DataSets::add(const Principal& by, const std::string& name, const Artifact& folder) {
  SLUICE_DO(check_name(name));
  if (folder.form != Form::directory || !folder.digest)
    return Fail(user_error(Code::invalid_argument, "the content of a data set is a folder"));
  SLUICE_TRY(closure, ports_.objects.closure(folder));
  if (const auto missing = ports_.objects.missing(closure); !missing.empty())
    return Fail(user_error(Code::failed_precondition,
                           fmt::format("object {} is not in the store; send the folder's objects first",
                                       missing.front().hex())));
  SLUICE_TRY(examples, read_examples(ports_.objects, folder));
  ports::DatasetVersion version{.principal = by,
                                .name = name,
                                .kind = std::string(datasets::name(examples.kind)),
                                .content = folder,
                                .examples = static_cast<std::int64_t>(examples.all.size()),
                                .labels = static_cast<std::int64_t>(examples.labels.size()),
                                .created = ports_.clock.now()};
  // Objects before what names them.
  SLUICE_DO(ports_.objects.make_durable(closure));
  SLUICE_TRY(added, ports_.store.add(version));
  SLUICE_TRY(stored, find(by.workspace, {.name = name, .number = added.number}));
  return Added{.version = std::move(stored), .is_new = added.is_new};
}

Result<ports::DatasetVersion> DataSets::find(const std::string& workspace, const Reference& reference) const {
  SLUICE_TRY(found, ports_.store.find(workspace, reference.name, reference.number));
  if (found) return std::move(*found);
  SLUICE_TRY(newest, ports_.store.find(workspace, reference.name, std::nullopt));
  if (newest)
    return Fail(user_error(Code::not_found,
                           fmt::format("data set `{}` has no version {}; the newest is {}", reference.name,
                                       reference.number.value_or(0), newest->number)));
  SLUICE_TRY(rows, ports_.store.list(workspace, {.limit = suggested_max}));
  std::vector<std::string> names;
  names.reserve(rows.size());
  for (const auto& row : rows) names.push_back(row.name);
  auto hint = did_you_mean(reference.name, names);
  if (hint.empty()) hint = "; `sluice data` lists them";
  return Fail(
      user_error(Code::not_found, fmt::format("there is no data set `{}`{}", as_utf8(reference.name), hint)));
}

Result<std::vector<ports::DatasetVersion>> DataSets::versions(const std::string& workspace,
                                                              const std::string& name,
                                                              const ports::VersionPage& page) const {
  SLUICE_TRY(newest, find(workspace, {.name = name}));
  return ports_.store.versions(workspace, newest.name, page);
}

Result<Difference> DataSets::difference(const std::string& workspace, const Reference& earlier,
                                        const Reference& later) const {
  SLUICE_TRY(first, find(workspace, earlier));
  SLUICE_TRY(second, find(workspace, later));
  SLUICE_TRY(before, examples(first));
  SLUICE_TRY(after, examples(second));
  return datasets::difference(before, after);
}

Result<void> DataSets::remove(const std::string& workspace, const Reference& reference) {
  SLUICE_TRY(found, find(workspace, reference));
  if (!reference.number) {
    SLUICE_TRY(versions, ports_.store.versions(workspace, reference.name, {.limit = 2}));
    if (versions.size() > 1)
      return Fail(user_error(Code::failed_precondition,
                             fmt::format("data set `{}` has several versions; name one: `{}@{}`",
                                         reference.name, reference.name, found.number)));
  }
  SLUICE_TRY(removed, ports_.store.remove(workspace, reference.name, found.number));
  if (!removed)
    return Fail(user_error(Code::not_found, fmt::format("there is no data set `{}`", text_of(reference))));
  return {};
}

Result<DataSets::Seen> DataSets::descendants(const std::string& workspace, const Digest& example,
                                             const ports::NamePage& page) const {
  Seen out;
  SLUICE_TRY(models, ports_.models.models(workspace, {.after = page.after, .limit = page.limit + 1}));
  const bool has_more = models.size() > page.limit;
  if (has_more) models.resize(page.limit);
  Lineage lineage(ports_.objects, ports_.models, ports_.facts, example);
  for (const auto& model : models) {
    SLUICE_TRY(found, lineage.of_model(workspace, model));
    std::ranges::move(found, std::back_inserter(out.descendants));
  }
  if (has_more) out.next = models.back();
  return out;
}

}  // namespace sluice::datasets
