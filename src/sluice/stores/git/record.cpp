#include "sluice/stores/git/record.hpp"

#include <fmt/format.h>

#include "sluice/base/json.hpp"
#include "sluice/stores/git/names.hpp"

namespace sluice::stores::git {
namespace {

constexpr std::string_view label = "Sluice-Record: ";
/// Tags of a version hold texts of people, each character of which may take twelve bytes here.
constexpr std::size_t record_bytes_max = std::size_t{16} << 20;

/// The code point that starts at `at`, which is moved behind it. The text is UTF-8.
char32_t next_point(std::string_view text, std::size_t& at) {
  const auto lead = static_cast<unsigned char>(text[at++]);
  const int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
  char32_t point = lead & (0x3fU >> more);
  for (int i = 0; i < more && at < text.size(); ++i)
    point = point << 6 | (static_cast<unsigned char>(text[at++]) & 0x3fU);
  return point;
}

}  // namespace

std::string ascii_json(const Value& value) {
  const auto text = to_json(value);
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      out.push_back(text[at++]);
      continue;
    }
    const auto point = static_cast<std::uint32_t>(next_point(text, at));
    if (point < 0x10000)
      out += fmt::format("\\u{:04x}", point);
    else
      out += fmt::format("\\u{:04x}\\u{:04x}", 0xd7c0 + (point >> 10), 0xdc00 + (point & 0x3ff));
  }
  return out;
}

std::string message_text(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (c != '\0' && c != '\r') out.push_back(c);
  const auto first = out.find_first_not_of(" \t\n");
  if (first == std::string::npos) return {};
  return out.substr(first, out.find_last_not_of(" \t\n") + 1 - first);
}

std::string tag_message(std::string_view name, std::int64_t number, const Record& record) {
  Struct json;
  json.set("created_ms", record.created.time_since_epoch().count());
  json.set("user", record.user);
  const auto set = [&](const char* key, const std::string& text) {
    if (!text.empty()) json.set(key, text);
  };
  set("source", record.source);
  set("run_id", record.run_id);
  set("description", record.description);
  set("key", record.key);
  set("storage", record.storage);
  set("run_link", record.run_link);
  set("model_id", record.model_id);
  if (!record.tags.empty()) json.set("tags", tags_to_json(record.tags));
  std::string out = subject_of(name) + " v" + std::to_string(number) + "\n\n";
  if (const auto text = message_text(record.description); !text.empty()) out += text + "\n\n";
  return out + std::string(label) + ascii_json(json) + "\n";
}

std::optional<Record> read_record(std::string_view message) {
  while (message.ends_with('\n')) message.remove_suffix(1);
  const auto line = message.substr(message.rfind('\n') + 1);  // npos + 1 is 0
  if (!line.starts_with(label)) return std::nullopt;
  const auto json = parse_json(line.substr(label.size()), "Sluice-Record", {.bytes_max = record_bytes_max});
  if (!json || !json->is_struct()) return std::nullopt;
  return Record{.created = Time(Milliseconds(json->integer_at("created_ms"))),
                .user = json->text_at("user"),
                .source = json->text_at("source"),
                .run_id = json->text_at("run_id"),
                .description = json->text_at("description"),
                .key = json->text_at("key"),
                .storage = json->text_at("storage"),
                .run_link = json->text_at("run_link"),
                .model_id = json->text_at("model_id"),
                .tags = tags_from_json(json->find("tags"))};
}

}  // namespace sluice::stores::git
