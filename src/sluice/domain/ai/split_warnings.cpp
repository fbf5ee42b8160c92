#include "sluice/domain/ai/split_warnings.hpp"

#include <cstdlib>
#include <map>
#include <memory>
#include <unordered_map>

#include <fmt/format.h>
#include <utf8proc.h>

#include "sluice/base/findings.hpp"
#include "sluice/base/words.hpp"

namespace sluice::ai {
namespace {

/// The text with all characters composed; unchanged if it is not UTF-8.
std::string composed(const std::string& text) {
  utf8proc_uint8_t* made = nullptr;
  const auto length = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                   static_cast<utf8proc_ssize_t>(text.size()), &made,
                                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owned(made, &std::free);
  if (length < 0) return text;
  return {reinterpret_cast<const char*>(made), static_cast<std::size_t>(length)};
}

struct Seen {
  const LabeledPicture* picture;
  bool held_out;
};

}  // namespace

std::vector<std::string> warnings_of(const Split& split) {
  Findings warnings;
  std::map<std::string, std::string> names;  // by their composed form
  for (const auto& label : split.classes)
    if (const auto [other, is_new] = names.emplace(composed(label), label); !is_new)
      warnings.add(
          fmt::format("classes `{}` and `{}` look the same, but their names are spelled with different "
                      "characters ({} and {}); put their pictures into one folder",
                      other->second, label, percent_encode(other->second), percent_encode(label)));
  std::unordered_map<Digest, Seen> seen;
  const auto look_at = [&](const LabeledPicture& picture, bool held_out) {
    const auto [found, is_new] =
        seen.emplace(picture.digest, Seen{.picture = &picture, .held_out = held_out});
    if (is_new) return;
    const auto& [other, other_held_out] = found->second;
    if (other->label != picture.label)
      warnings.add(fmt::format("`{}` and `{}` are the same picture in two classes; remove one of them",
                               other->path, picture.path));
    else if (other_held_out != held_out)
      warnings.add(
          fmt::format("`{}`, which is learned from, and `{}`, which is held out, are the same picture; "
                      "remove one of them, or the accuracy looks better than it is",
                      other->path, picture.path));
  };
  for (const auto& picture : split.learned) look_at(picture, false);
  for (const auto& picture : split.held_out) look_at(picture, true);
  return std::move(warnings).list();
}

}  // namespace sluice::ai
