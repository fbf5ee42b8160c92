#include "sluice/syntax/yaml_writer.hpp"

#include "sluice/base/json.hpp"
#include "sluice/syntax/yaml_scalar.hpp"

namespace sluice::syntax {
namespace {

constexpr std::size_t line_width = 125;

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// Whether every YAML parser reads this as the same string without quotes, in block and in flow style alike.
bool is_plain(std::string_view text) {
  constexpr std::size_t longest = 100;  // longer ones are easier to read in quotes
  if (text.empty() || text.size() > longest || text.back() == ' ' || text.back() == ':') return false;
  const char first = text.front();
  const bool dashed = first == '-' && text.size() > 1 &&
                      (is_alphanumeric(text[1]) || (text[1] == '-' && text.size() > 2 && text[2] != '-'));
  if (!is_alphanumeric(first) && first != '_' && first != '/' && first != '.' && !dashed) return false;
  if (text.starts_with("...")) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    constexpr std::string_view also = "_/.-+=<>()@%^~*!?;$&";
    if (is_alphanumeric(c) || also.find(c) != std::string_view::npos) continue;
    if (c == ' ' && text[i + 1] != '#') continue;
    if (c == ':' && text[i + 1] != ' ') continue;
    return false;
  }
  // Words that YAML 1.1 parsers read as booleans keep their quotes.
  for (const std::string_view word : {"yes", "no", "on", "off"}) {
    if (text.size() != word.size()) continue;
    bool same = true;
    for (std::size_t i = 0; i < word.size(); ++i) same = same && (text[i] | 0x20) == word[i];
    if (same) return false;
  }
  const auto value = resolve_plain(text);
  return value && value->is_string();
}

struct Point {
  char32_t code;
  std::size_t size;
};
Point point_at(std::string_view text, std::size_t i) {
  const auto lead = static_cast<unsigned char>(text[i]);
  const std::size_t size = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  char32_t code = size == 1 ? lead : lead & (0xffU >> (size + 1));
  for (std::size_t k = 1; k < size && i + k < text.size(); ++k)
    code = code << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3fU);
  return {code, size};
}

bool is_printable(char32_t c) {
  if (c < 0x20 || (c >= 0x7f && c < 0xa0)) return false;
  return c != 0x2028 && c != 0x2029 && c != 0xfeff && c != 0xfffe && c != 0xffff;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size();) {
    const auto [code, size] = point_at(text, i);
    if (code == '"' || code == '\\') {
      out += '\\';
      out += static_cast<char>(code);
    } else if (code == '\n') {
      out += "\\n";
    } else if (code == '\t') {
      out += "\\t";
    } else if (code == '\r') {
      out += "\\r";
    } else if (is_printable(code)) {
      out += text.substr(i, size);
    } else {
      constexpr std::string_view hex = "0123456789abcdef";
      out += "\\u";
      for (int shift = 12; shift >= 0; shift -= 4) out += hex[code >> shift & 15];
    }
    i += size;
  }
  return out + "\"";
}

std::string one_line(std::string_view text) { return is_plain(text) ? std::string(text) : quoted(text); }

/// Whether the text is readable as a literal block, and is parsed back unchanged.
bool is_lines(std::string_view text) {
  if (text.find('\n') == std::string_view::npos || text.front() == ' ' || text.front() == '\n' ||
      text.ends_with("\n\n"))
    return false;
  bool only_spaces = false;  // of the line so far, once it has a character
  for (std::size_t i = 0; i < text.size();) {
    const auto [code, size] = point_at(text, i);
    if (code != '\n' && !is_printable(code)) return false;
    const bool line_start = i == 0 || text[i - 1] == '\n';
    if (code == '\n' && only_spaces && !line_start) return false;
    only_spaces = (line_start || only_spaces) && code == ' ';
    i += size;
  }
  return !only_spaces;
}

}  // namespace

Yaml Yaml::word(std::string text) {
  Yaml made(Kind::scalar);
  made.text_ = std::move(text);
  return made;
}

Yaml Yaml::string(std::string_view text) {
  Yaml made(Kind::scalar);
  made.lines_ = is_lines(text);
  made.text_ = made.lines_ ? std::string(text) : one_line(text);
  return made;
}

Yaml Yaml::plain(const Value& value) {
  return value.is_string() ? string(*value.if_string()) : word(to_json(value));
}

Yaml& Yaml::add(Yaml item) {
  items_.emplace_back(std::string(), std::move(item));
  return *this;
}

Yaml& Yaml::add(std::string key, Yaml value) {
  items_.emplace_back(std::move(key), std::move(value));
  return *this;
}

Yaml& Yaml::in_block() {
  block_ = true;
  return *this;
}

/// Appends the one-line form; returns false, with `out` in any state, if it is not allowed or would exceed
/// `end`.
bool Yaml::flow(std::string& out, std::size_t end) const {
  if (kind_ == Kind::scalar) {
    if (lines_) return false;
    out += text_;
    return out.size() <= end;
  }
  if (block_ && !items_.empty()) return false;
  out += kind_ == Kind::list ? '[' : '{';
  for (std::size_t i = 0; i < items_.size(); ++i) {
    if (i > 0) out += ", ";
    if (kind_ == Kind::map) out += one_line(items_[i].first) + ": ";
    if (out.size() > end || !items_[i].second.flow(out, end)) return false;
  }
  out += kind_ == Kind::list ? ']' : '}';
  return out.size() <= end;
}

void Yaml::write_scalar(std::string& out, std::size_t indent) const {
  if (!lines_) {
    out += text_;
    out += '\n';
    return;
  }
  const bool ends = text_.back() == '\n';
  out += ends ? "|\n" : "|-\n";
  std::string_view left = text_;
  while (!left.empty()) {
    const auto line = left.substr(0, left.find('\n'));
    if (!line.empty()) out.append(indent, ' ');
    out += line;
    out += '\n';
    left.remove_prefix(std::min(left.size(), line.size() + 1));
  }
}

/// Writes a value after "KEY:" or "- ", which `out` ends with; ends the line. Children are indented by
/// `indent`.
void Yaml::write_value(std::string& out, std::size_t indent, bool after_key) const {
  if (after_key && kind_ == Kind::scalar) out += ' ';
  if (kind_ == Kind::scalar) return write_scalar(out, indent);
  const auto line = out.rfind('\n') == std::string::npos ? 0 : out.rfind('\n') + 1;
  const auto before = out.size();
  if (after_key) out += ' ';
  if (flow(out, items_.empty() ? std::string::npos : line + line_width)) {
    out += '\n';
    return;
  }
  out.resize(before);
  if (after_key) out += '\n';
  write_items(out, indent, !after_key);
}

void Yaml::write_items(std::string& out, std::size_t indent, bool first_in_place) const {
  constexpr std::size_t longest_key = 500;  // YAML limits keys of the short form to 1024 characters
  for (const auto& [key, value] : items_) {
    if (!first_in_place) out.append(indent, ' ');
    first_in_place = false;
    if (kind_ == Kind::list) {
      out += "- ";
      value.write_value(out, indent + 2, false);
      continue;
    }
    auto name = one_line(key);
    if (name.size() > longest_key) {
      out += "? " + name + '\n';
      out.append(indent, ' ');
    } else {
      out += name;
    }
    out += ':';
    value.write_value(out, indent + 2, true);
  }
}

void Yaml::write(std::string& out, std::size_t indent) const { write_items(out, indent, false); }

}  // namespace sluice::syntax
