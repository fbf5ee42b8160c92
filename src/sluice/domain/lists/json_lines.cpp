#include "sluice/domain/lists/json_lines.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sluice/base/json.hpp"
#include "sluice/base/words.hpp"

namespace sluice::lists {
namespace {

using Kind = ir::Type::Kind;

constexpr std::int64_t bytes_max = std::int64_t{16} << 20;
constexpr std::size_t items_max = 1'000'000;  ///< of an `each`
constexpr std::size_t depth_max = 199;        ///< of one value: the list around them is the 200th level

std::string name_of(const Artifact& file) { return file.name.empty() ? "file" : file.name; }

/// Whether it is a file, and small enough for a list.
Result<void> check_file(const Artifact& file) {
  const auto name = name_of(file);
  if (file.form != Form::file || !file.digest)
    return Fail(user_error(
        Code::invalid_argument,
        fmt::format("`{}` is not a file of this server; give a file with one JSON value on each line",
                    name)));
  if (file.size > bytes_max)
    return Fail(user_error(
        Code::too_large,
        fmt::format("{}: {} exceeds the limit of {} for a list; loop over parts of it, and let the "
                    "tasks read the file",
                    name, human_bytes(static_cast<std::uint64_t>(file.size)), human_bytes(bytes_max))));
  return {};
}

}  // namespace

Result<List> values_of_json_lines(std::string_view text, const std::string& name) {
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  List values;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    if (values.size() == items_max)
      return Fail(user_error(
          Code::too_large,
          fmt::format("{}:{}: it has more than {} values; group several into one", name, number, items_max)));
    auto value = parse_json(line, "", {.depth_max = depth_max});
    if (!value) {
      // The message begins with ":1:COLUMN", because it is about one line.
      auto why = value.error().message;
      constexpr std::string_view first_line = ":1:";
      if (why.starts_with(first_line)) why.erase(0, first_line.size());
      return Fail(user_error(Code::invalid_argument,
                             fmt::format("{}:{}:{}; each line should be one JSON value", name, number, why)));
    }
    values.push_back(std::move(*value));
  }
  return values;
}

const ir::Signature& JsonLines::declared() {
  static const ir::Signature signature{.name = "json.lines",
                                       .version = "1.0.0",
                                       .effect = ir::Effect::none,
                                       .inputs = {{.name = "file", .type = {.kind = Kind::artifact}}},
                                       .outputs = {{.name = "items", .type = {.kind = Kind::list}},
                                                   {.name = "count", .type = {.kind = Kind::integer}}}};
  return signature;
}

const ir::Signature& JsonLines::signature() const { return declared(); }

Result<Value> JsonLines::environment(const Struct& /*with*/) const { return Struct{}; }

Result<void> JsonLines::check(const Struct& known) const {
  const auto* file = known.find("file");
  return file ? check_file(*file->if_artifact()) : Result<void>();
}

Result<Struct> JsonLines::run(const ports::ServiceCall& call) {
  const auto* given = call.with.find("file");
  const auto* file = given ? given->if_artifact() : nullptr;
  SLUICE_CHECK(file != nullptr);
  SLUICE_DO(check_file(*file));
  SLUICE_TRY(text, objects_.get(*file->digest, static_cast<std::size_t>(bytes_max)));
  SLUICE_TRY(items, values_of_json_lines(text, name_of(*file)));
  Struct outputs;
  outputs.set("count", static_cast<std::int64_t>(items.size()));
  outputs.set("items", std::move(items));
  return outputs;
}

}  // namespace sluice::lists
