#include "sluice/stores/git/names.hpp"

#include <array>

#include "sluice/base/digest.hpp"
#include "sluice/base/words.hpp"

namespace sluice::stores::git {
namespace {

constexpr std::size_t encoded_max = 200;
constexpr std::size_t readable_part = 100;
constexpr std::size_t subject_max = 100;

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80; }

/// At most `length` bytes, whole characters only.
std::string_view cut(std::string_view text, std::size_t length) {
  if (text.size() <= length) return text;
  while (length > 0 && is_continuation(text[length])) --length;
  return text.substr(0, length);
}

std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool blank = static_cast<unsigned char>(c) <= ' ' || c == '\x7f';
    if (!blank)
      out.push_back(c);
    else if (!out.empty() && out.back() != ' ')
      out.push_back(' ');
  }
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

std::string identity_part(std::string_view text, bool with_blanks) {
  std::string out;
  for (const char c : one_line(text))
    if (c != '<' && c != '>' && (with_blanks || (c != ' ' && c != '@'))) out.push_back(c);
  // git strips these from both ends, and refuses an identity that is then empty.
  constexpr std::string_view crud = " .,:;\"'\\";
  const auto first = out.find_first_not_of(crud);
  if (first == std::string::npos) return "unknown";
  return out.substr(first, out.find_last_not_of(crud) + 1 - first);
}

/// Code points that HFS+ ignores in names, in UTF-8.
std::string without_ignored(std::string_view name) {
  constexpr std::array<std::string_view, 16> ignored{
      "\u200c", "\u200d", "\u200e", "\u200f", "\u202a", "\u202b", "\u202c", "\u202d",
      "\u202e", "\u206a", "\u206b", "\u206c", "\u206d", "\u206e", "\u206f", "\ufeff"};
  std::string out;
  while (!name.empty()) {
    bool skipped = false;
    for (const auto point : ignored)
      if (name.starts_with(point)) {
        name.remove_prefix(point.size());
        skipped = true;
        break;
      }
    if (skipped) continue;
    out.push_back(name.front());
    name.remove_prefix(1);
  }
  return lower_ascii(out);
}

}  // namespace

std::string encode_name(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const auto rest = name.substr(i);
    const bool escape = (i == 0 && (c == '.' || c == '-')) ||
                        (c == '.' && (rest.size() == 1 || rest == ".git" || rest == ".lock" ||
                                      (i > 0 && name[i - 1] == '.')));
    if (escape)
      out += c == '.' ? "%2E" : "%2D";
    else
      out += percent_encode(std::string_view(&c, 1));
  }
  if (out.size() <= encoded_max) return out;
  auto length = readable_part;
  // Never split a %XX.
  if (out[length - 1] == '%') length -= 1;
  if (out[length - 2] == '%') length -= 2;
  return out.substr(0, length) + "=" + Digest::of(name).hex();
}

std::optional<std::string> decode_name(std::string_view encoded) {
  if (encoded.find('=') != std::string_view::npos) return std::nullopt;
  auto name = percent_decode(encoded);
  // Only what `encode_name` writes is accepted, so that no name has a second spelling.
  return name && encode_name(*name) == encoded ? name : std::nullopt;
}

std::string subject_of(std::string_view name) {
  const auto line = one_line(name);
  const auto short_line = cut(line, subject_max);
  return short_line.size() == line.size() ? line : std::string(short_line) + "…";
}

std::string identity_of(const Principal& principal) {
  return identity_part(cut(principal.name, 200), true) + " <" +
         identity_part(cut(principal.name, 200), false) + "@" +
         identity_part(cut(principal.workspace, 200), false) + ">";
}

bool is_reserved_file_name(std::string_view name) {
  const auto plain = without_ignored(name);
  for (std::size_t at = 0; at <= plain.size();) {
    // NTFS: `\` ends a name, `:` starts a stream, blanks and dots at the end do not count.
    auto end = plain.find('\\', at);
    if (end == std::string::npos) end = plain.size();
    auto part = std::string_view(plain).substr(at, end - at);
    at = end + 1;
    part = part.substr(0, part.find(':'));
    while (part.ends_with(' ') || part.ends_with('.')) part.remove_suffix(1);
    if (part == ".git" || part == "git~1" || part == ".gitmodules" || part.starts_with("gitmod~"))
      return true;
  }
  return false;
}

}  // namespace sluice::stores::git
