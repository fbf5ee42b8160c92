#include "sluice/ir/image_reference.hpp"

#include <algorithm>
#include <array>

#include "sluice/base/words.hpp"

namespace sluice::ir {
namespace {

constexpr std::size_t name_bytes_max = 255;
constexpr std::size_t tag_bytes_max = 128;
constexpr std::string_view sha256 = "sha256:";
constexpr std::size_t sha256_digits = 64;

/// Names that podman takes for a kind of file, and not for an image (containers-transports(5)).
constexpr std::array transports{"containers-storage",
                                "dir",
                                "docker-archive",
                                "docker-daemon",
                                "oci",
                                "oci-archive",
                                "ostree",
                                "sif",
                                "tarball"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_small(char c) { return (c >= 'a' && c <= 'z') || is_digit(c); }
bool is_word(char c) { return is_small(c) || (c >= 'A' && c <= 'Z'); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }

/// Letters and digits with separators between them.
bool is_component(std::string_view text) {
  if (text.empty() || !is_small(text.front()) || !is_small(text.back())) return false;
  for (std::size_t i = 0; i < text.size();) {
    if (is_small(text[i])) {
      ++i;
      continue;
    }
    const auto end = std::min(text.size(), text.find_first_not_of(text[i], i));
    const auto count = end - i;
    const bool separates = text[i] == '-' || (text[i] == '.' && count == 1) || (text[i] == '_' && count <= 2);
    if (!separates || !is_small(text[end])) return false;
    i = end;
  }
  return true;
}

bool is_host(std::string_view text) {
  if (text.starts_with('['))
    return text.size() > 2 && text.ends_with(']') &&
           std::ranges::all_of(text.substr(1, text.size() - 2),
                               [](char c) { return is_hex(c) || (c >= 'A' && c <= 'F') || c == ':'; });
  while (!text.empty()) {
    const auto label = text.substr(0, text.find('.'));
    if (label.empty() || !is_word(label.front()) || !is_word(label.back()) ||
        !std::ranges::all_of(label, [](char c) { return is_word(c) || c == '-'; }))
      return false;
    if (label.size() == text.size()) return true;
    text.remove_prefix(label.size() + 1);
  }
  return false;
}

bool is_domain(std::string_view text) {
  const auto colon = text.ends_with(']') ? std::string_view::npos : text.rfind(':');
  if (colon == std::string_view::npos) return is_host(text);
  const auto port = text.substr(colon + 1);
  return is_host(text.substr(0, colon)) && !port.empty() && std::ranges::all_of(port, is_digit);
}

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > name_bytes_max) return false;
  for (bool first = true; !text.empty(); first = false) {
    const auto part = text.substr(0, text.find('/'));
    const bool last = part.size() == text.size();
    if (!is_component(part) && !(first && !last && is_domain(part))) return false;
    if (last) return true;
    text.remove_prefix(part.size() + 1);
  }
  return false;
}

bool is_tag(std::string_view text) {
  return !text.empty() && text.size() <= tag_bytes_max && (is_word(text.front()) || text.front() == '_') &&
         std::ranges::all_of(text, [](char c) { return is_word(c) || c == '_' || c == '.' || c == '-'; });
}

bool is_digest(std::string_view text) {
  return text.starts_with(sha256) && text.size() == sha256.size() + sha256_digits &&
         std::ranges::all_of(text.substr(sha256.size()), is_hex);
}

struct Parts {
  std::string_view name;
  std::optional<std::string_view> tag;
  std::optional<std::string_view> digest;
};
Parts parts_of(std::string_view reference) {
  Parts parts;
  if (const auto at = reference.find('@'); at != std::string_view::npos) {
    parts.digest = reference.substr(at + 1);
    reference = reference.substr(0, at);
  }
  const auto slash = reference.rfind('/');
  const auto colon = reference.find(':', slash == std::string_view::npos ? 0 : slash);
  parts.name = reference.substr(0, colon);
  if (colon != std::string_view::npos) parts.tag = reference.substr(colon + 1);
  return parts;
}

}  // namespace

std::optional<std::string> image_problem(std::string_view reference) {
  constexpr std::size_t shown_max = 100;
  const auto shown =
      "`" + as_utf8(reference.substr(0, shown_max)) + (reference.size() > shown_max ? "…`" : "`");
  const auto parts = parts_of(reference);
  if (!is_name(parts.name) || (parts.tag && !is_tag(*parts.tag)))
    return shown +
           " is not the name of an image; write it as NAME:TAG or NAME@sha256:DIGEST, such as "
           "docker.io/library/python:3.12";
  if (parts.digest && !is_digest(*parts.digest))
    return shown + ": the digest of an image is `sha256:` and 64 hexadecimal digits";
  if (parts.tag && std::ranges::find(transports, parts.name) != transports.end())
    return shown + " could mean a file; write the image with its registry, such as docker.io/library/" +
           std::string(parts.name);
  return std::nullopt;
}

std::string_view image_name(std::string_view reference) { return parts_of(reference).name; }

}  // namespace sluice::ir
