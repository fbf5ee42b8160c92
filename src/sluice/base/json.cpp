#include "sluice/base/json.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>

#include <boost/json/basic_parser_impl.hpp>
#include <fmt/format.h>

#include "sluice/base/numbers.hpp"
#include "sluice/base/words.hpp"

namespace sluice {
namespace {

namespace bj = boost::json;

/// A value takes many times the memory of its shortest text ("7,"), so the number of values is limited too:
/// to one for each this many bytes that a text may have.
constexpr std::size_t bytes_per_value = 32;

/// For a number outside the range of doubles: whether it underflows, rather than overflows.
bool is_tiny(std::string_view number) {
  const auto e = std::min(number.find_first_of("eE"), number.size());
  const auto digits = number.substr(0, e);
  std::int64_t exponent = 0;
  if (auto written = number.substr(std::min(e + 1, number.size())); !written.empty()) {
    if (written.front() == '+') written.remove_prefix(1);
    exponent = parse_integer<std::int64_t>(written).value_or(0);
  }
  const auto point = static_cast<std::int64_t>(std::min(digits.find('.'), digits.size()));
  return exponent + point < static_cast<std::int64_t>(digits.find_first_of("123456789"));
}

/// Builds Values from Boost's events. Numbers are read again here: Boost.JSON 1.81 misrounds one double
/// in eleven.
struct Handler {
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  struct Open {
    bool is_list;
    List list;
    Struct fields;
    std::string key;
  };
  std::vector<Open> open;
  Value root;
  std::string text;
  std::string problem;
  std::size_t values = 0;
  std::size_t values_max = 0;

  bool put(Value value, bj::error_code& ec) {
    if (values++ == values_max)
      return refuse(fmt::format("more than {} values; send them as a file", values_max), ec);
    if (open.empty()) {
      root = std::move(value);
      return true;
    }
    auto& top = open.back();
    if (top.is_list) {
      top.list.push_back(std::move(value));
      return true;
    }
    if (top.fields.size() < 32 ? top.fields.find(top.key) != nullptr
                               : !top_keys_.insert({open.size(), top.key}).second)
      return refuse("duplicate key `" + top.key + "`", ec);
    if (top.fields.size() == 31) {  // from now on the set is searched: it must contain this key too
      for (const auto& [k, v] : top.fields) top_keys_.insert({open.size(), k});
      top_keys_.insert({open.size(), top.key});
    }
    top.fields.append(std::move(top.key), std::move(value));
    return true;
  }
  bool refuse(std::string why, bj::error_code& ec) {
    problem = std::move(why);
    ec = bj::error::syntax;
    return false;
  }
  bool number(bj::error_code& ec) {
    const bool integral = text.find_first_of(".eE") == std::string::npos;
    if (integral) {
      if (const auto integer = parse_integer<std::int64_t>(text)) {
        text.clear();
        return put(Value(*integer), ec);
      }
    }
    auto number = parse_number(text);
    if (!number) {
      if (!is_tiny(text)) return refuse("number " + text.substr(0, 40) + " is out of range", ec);
      number = text.front() == '-' ? -0.0 : 0.0;
    }
    text.clear();
    return put(Value(*number), ec);
  }

  // NOLINTBEGIN(readability-identifier-naming): the names are Boost's.
  bool on_document_begin(bj::error_code&) { return true; }
  bool on_document_end(bj::error_code&) { return true; }
  bool on_array_begin(bj::error_code&) {
    open.push_back({.is_list = true, .list = {}, .fields = {}, .key = {}});
    return true;
  }
  bool on_array_end(std::size_t, bj::error_code& ec) {
    Value value(std::move(open.back().list));
    open.pop_back();
    return put(std::move(value), ec);
  }
  bool on_object_begin(bj::error_code&) {
    open.push_back({.is_list = false, .list = {}, .fields = {}, .key = {}});
    return true;
  }
  bool on_object_end(std::size_t, bj::error_code& ec) {
    Value value(std::move(open.back().fields));
    top_keys_.erase(top_keys_.lower_bound({open.size(), ""}), top_keys_.end());
    open.pop_back();
    return put(std::move(value), ec);
  }
  bool on_string_part(bj::string_view s, std::size_t, bj::error_code&) {
    text.append(s.data(), s.size());
    return true;
  }
  bool on_string(bj::string_view s, std::size_t, bj::error_code& ec) {
    text.append(s.data(), s.size());
    return put(Value(std::exchange(text, {})), ec);
  }
  bool on_key_part(bj::string_view s, std::size_t, bj::error_code&) {
    text.append(s.data(), s.size());
    return true;
  }
  bool on_key(bj::string_view s, std::size_t, bj::error_code&) {
    text.append(s.data(), s.size());
    open.back().key = std::exchange(text, {});
    return true;
  }
  bool on_number_part(bj::string_view s, bj::error_code&) {
    text.append(s.data(), s.size());
    return true;
  }
  bool on_int64(std::int64_t, bj::string_view s, bj::error_code& ec) {
    text.append(s.data(), s.size());
    return number(ec);
  }
  bool on_uint64(std::uint64_t, bj::string_view s, bj::error_code& ec) { return on_int64(0, s, ec); }
  bool on_double(double, bj::string_view s, bj::error_code& ec) { return on_int64(0, s, ec); }
  bool on_bool(bool b, bj::error_code& ec) { return put(Value(b), ec); }
  bool on_null(bj::error_code& ec) { return put(Value(), ec); }
  bool on_comment_part(bj::string_view, bj::error_code&) { return true; }
  bool on_comment(bj::string_view, bj::error_code&) { return true; }
  // NOLINTEND(readability-identifier-naming)

 private:
  /// Keys of the open objects that have many fields, so that finding a duplicate stays cheap: (depth, key).
  std::set<std::pair<std::size_t, std::string>> top_keys_;
};

std::string line_and_column(std::string_view text, std::size_t offset) {
  offset = std::min(offset, text.size());
  const auto before = text.substr(0, offset);
  const auto line = 1 + std::ranges::count(before, '\n');
  const auto line_start = before.rfind('\n');
  const auto column = line_start == std::string_view::npos ? offset + 1 : offset - line_start;
  return fmt::format("{}:{}", line, column);
}

/// By character: whether a JSON string holds it as it is. Most texts in journals have no others.
constexpr auto plain = [] {
  std::array<bool, 256> out{};
  for (std::size_t c = 0x20; c < 0x7f; ++c) out[c] = c != '"' && c != '\\';
  return out;
}();

bool is_plain(char c) { return plain[static_cast<unsigned char>(c)]; }

/// Appends `size` characters, which `write` writes to the address that it gets.
template <typename Write>
void append(std::string& out, std::size_t size, Write write) {
  const auto start = out.size();
  const auto end = start + size;
  // The second argument is not used: libstdc++ 12 passes the new capacity instead of the size.
  out.resize_and_overwrite(end, [&](char* text, std::size_t) {
    write(text + start);
    return end;
  });
}

void write_plain_string(std::string_view s, std::string& out) {
  append(out, s.size() + 2, [&](char* at) {
    *at++ = '"';
    at = std::ranges::copy(s, at).out;
    *at = '"';
  });
}

void write_string(std::string_view s, std::string& out) {
  const auto length = static_cast<std::size_t>(std::ranges::find_if_not(s, is_plain) - s.begin());
  if (length == s.size()) return write_plain_string(s, out);
  out.push_back('"');
  out += s.substr(0, length);
  const auto rest = s.substr(length);
  // Otherwise the text could not be parsed again.
  const auto repaired = is_utf8(rest) ? std::string() : as_utf8(rest);
  for (const char c : repaired.empty() ? rest : std::string_view(repaired)) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20)
          out += fmt::format("\\u{:04x}", static_cast<int>(c));
        else
          out.push_back(c);
    }
  }
  out.push_back('"');
}

void write_double(double d, std::string& out) {
  SLUICE_CHECK(std::isfinite(d));
  char buffer[32];
  const auto [end, err] = std::to_chars(buffer, buffer + sizeof buffer, d);
  const std::string_view digits(buffer, static_cast<std::size_t>(end - buffer));
  out += digits;
  if (digits.find_first_of(".eE") == std::string_view::npos) out += ".0";
}

void write_integer(std::int64_t value, std::string& out) {
  std::array<char, 24> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out.append(digits.data(), end);
}

class JsonWriter {
 public:
  struct Style {
    bool pretty = false;
    bool sorted = false;
    bool tagged = false;  ///< plain structs are written as `to_tagged` makes them
  };
  JsonWriter(std::string& out, Style style) : out_(out), style_(style) {}

  void write(const Value& value, int depth) {
    switch (value.kind()) {
      case Value::Kind::null: out_ += "null"; break;
      case Value::Kind::boolean: out_ += *value.if_boolean() ? "true" : "false"; break;
      case Value::Kind::integer: write_integer(*value.if_integer(), out_); break;
      case Value::Kind::number: write_double(*value.if_number(), out_); break;
      case Value::Kind::string: write_string(*value.if_string(), out_); break;
      case Value::Kind::list: write_list(*value.if_list(), depth); break;
      case Value::Kind::structure: write_struct(*value.if_struct(), depth); break;
      case Value::Kind::artifact:
      case Value::Kind::late:
        JsonWriter(out_, {.pretty = style_.pretty, .sorted = style_.sorted}).write(to_tagged(value), depth);
        break;
    }
  }
  void write_list(const List& list, int depth) {
    out_.push_back('[');
    // Lists of plain values stay on one line in pretty style too: a row of numbers is easier to read that
    // way.
    const bool nested =
        std::ranges::any_of(list, [](const Value& v) { return v.is_list() || v.is_struct(); });
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (i > 0) out_ += style_.pretty && !nested ? ", " : ",";
      if (nested) line(depth + 1);
      write(list[i], depth + 1);
    }
    if (nested && !list.empty()) line(depth);
    out_.push_back(']');
  }
  void write_struct(const Struct& fields, int depth) {
    out_.push_back('{');
    bool first = true;
    const auto write_entry = [&](const Struct::Entry& entry) {
      if (!std::exchange(first, false)) out_.push_back(',');
      line(depth + 1);
      if (style_.tagged && entry.first.starts_with('$'))
        write_string("$" + entry.first, out_);
      else
        write_string(entry.first, out_);
      out_ += style_.pretty ? ": " : ":";
      write(entry.second, depth + 1);
    };
    if (style_.sorted) {
      std::vector<const Struct::Entry*> entries;
      for (const auto& entry : fields) entries.push_back(&entry);
      std::ranges::sort(entries, {}, [](const auto* e) -> const std::string& { return e->first; });
      for (const auto* entry : entries) write_entry(*entry);
    } else {
      for (const auto& entry : fields) write_entry(entry);
    }
    if (!fields.empty()) line(depth);
    out_.push_back('}');
  }

 private:
  void line(int depth) {
    if (!style_.pretty) return;
    out_.push_back('\n');
    out_.append(static_cast<std::size_t>(depth) * 2, ' ');
  }

  std::string& out_;
  Style style_;
};

Error not_tagged(std::string what) { return internal_error(Code::data_loss, std::move(what)); }

Value hole_to_json(const PathPlaceholder& hole) {
  Struct s;
  switch (hole.kind) {
    case PathPlaceholder::Kind::output: s.set("output", hole.output); break;
    case PathPlaceholder::Kind::input: s.set("input", artifact_to_json(*hole.artifact)); break;
    case PathPlaceholder::Kind::folder: s.set("folder", true); break;
  }
  return s;
}

Result<PathPlaceholder> hole_from_json(const Value& json) {
  if (const auto* output = json.find("output"); output && output->is_string())
    return PathPlaceholder{
        .kind = PathPlaceholder::Kind::output, .artifact = nullptr, .output = *output->if_string()};
  if (json.boolean_at("folder"))
    return PathPlaceholder{.kind = PathPlaceholder::Kind::folder, .artifact = nullptr, .output = {}};
  const auto* input = json.find("input");
  if (!input) return Fail(not_tagged("a late path names neither input, output nor folder"));
  SLUICE_TRY(artifact, artifact_from_json(*input));
  return PathPlaceholder{.kind = PathPlaceholder::Kind::input,
                         .artifact = std::make_shared<const Artifact>(std::move(artifact)),
                         .output = {}};
}

Result<Value> template_from_json(const Value& json) {
  Template made;
  const auto* list = json.if_list();
  if (!list) return Fail(not_tagged("$late must be a list"));
  for (const auto& part : *list) {
    if (const auto* text = part.if_string()) {
      made.parts.emplace_back(*text);
      continue;
    }
    SLUICE_TRY(hole, hole_from_json(part));
    made.parts.emplace_back(std::move(hole));
  }
  return Value(std::move(made));
}

}  // namespace

Result<Value> parse_json(std::string_view text, std::string_view name, JsonLimits limits) {
  if (text.size() > limits.bytes_max)
    return Fail(
        user_error(Code::too_large, fmt::format("{}: {} exceeds the limit of {}", name,
                                                human_bytes(text.size()), human_bytes(limits.bytes_max))));
  bj::parse_options options;
  options.max_depth = limits.depth_max;
  bj::basic_parser<Handler> parser(options);
  parser.handler().values_max = std::max<std::size_t>(limits.bytes_max / bytes_per_value, 1);
  bj::error_code ec;
  const auto used = parser.write_some(false, text.data(), text.size(), ec);
  if (!ec && used < text.size() && text.substr(used).find_first_not_of(" \t\r\n") != std::string_view::npos)
    ec = bj::error::extra_data;
  if (ec) {
    auto& problem = parser.handler().problem;
    std::string why =
        !problem.empty()                     ? problem
        : ec == bj::error::too_deep          ? fmt::format("nested more than {} deep", limits.depth_max)
        : ec == bj::error::incomplete        ? "unexpected end of text"
        : ec == bj::error::extra_data        ? "unexpected text after the end of the value"
        : ec == bj::error::exponent_overflow ? "the exponent of a number is out of range"
        : ec == bj::error::illegal_leading_surrogate || ec == bj::error::illegal_trailing_surrogate
            ? "unpaired surrogate in an escape sequence"
            : "invalid JSON syntax";
    return Fail(
        user_error(Code::invalid_argument, fmt::format("{}:{}: {}", name, line_and_column(text, used), why)));
  }
  return std::move(parser.handler().root);
}

std::string to_json(const Value& value, JsonStyle style) {
  std::string out;
  JsonWriter(out, {.pretty = style == JsonStyle::pretty}).write(value, 0);
  return out;
}

std::string canonical_json(const Value& value) {
  std::string out;
  JsonWriter(out, {.sorted = true}).write(value, 0);
  return out;
}

void JsonObject::key(std::string_view name) {
  const char before = std::exchange(first_, false) ? '{' : ',';
  append(out_, name.size() + 4, [&](char* at) {
    *at++ = before;
    *at++ = '"';
    at = std::ranges::copy(name, at).out;
    *at++ = '"';
    *at = ':';
  });
}

void JsonObject::text(std::string_view name, std::string_view value) {
  key(name);
  write_string(value, out_);
}

void JsonObject::integer(std::string_view name, std::int64_t value) {
  key(name);
  write_integer(value, out_);
}

void JsonObject::boolean(std::string_view name, bool value) {
  key(name);
  out_ += value ? "true" : "false";
}

void JsonObject::raw(std::string_view name, std::string_view json) {
  key(name);
  out_ += json;
}

void JsonObject::number(std::string_view name, double value) {
  key(name);
  write_double(value, out_);
}

void JsonObject::tagged(std::string_view name, const Value& value) {
  key(name);
  JsonWriter(out_, {.tagged = true}).write(value, 0);
}

void JsonObject::tagged(std::string_view name, const Struct& fields) {
  key(name);
  JsonWriter(out_, {.tagged = true}).write_struct(fields, 0);
}

void JsonObject::tagged(std::string_view name, const List& list) {
  key(name);
  JsonWriter(out_, {.tagged = true}).write_list(list, 0);
}

JsonObject JsonObject::object(std::string_view name) {
  key(name);
  return JsonObject(out_);
}

JsonObjects JsonObject::list(std::string_view name) {
  key(name);
  return JsonObjects(out_);
}

void JsonObject::end() { out_ += first_ ? "{}" : "}"; }

JsonObject JsonObjects::object() {
  out_.push_back(std::exchange(first_, false) ? '[' : ',');
  return JsonObject(out_);
}

void JsonObjects::end() { out_ += first_ ? "[]" : "]"; }

Value artifact_to_json(const Artifact& artifact) {
  Struct s;
  s.set("kind", artifact.kind);
  s.set("form", artifact.form == Form::file ? "file" : "directory");
  if (artifact.digest) s.set("digest", artifact.digest->hex());
  s.set("size", artifact.size);
  if (!artifact.name.empty()) s.set("name", artifact.name);
  if (!artifact.uri.empty()) s.set("uri", artifact.uri);
  if (artifact.metadata && !artifact.metadata->empty())
    s.set("metadata", to_tagged(Value(*artifact.metadata)));
  return s;
}

Result<Artifact> artifact_from_json(const Value& json) {
  if (!json.is_struct()) return Fail(not_tagged("$artifact must be an object"));
  Artifact artifact;
  artifact.kind = json.text_at("kind", "any");
  artifact.form = json.text_at("form") == "directory" ? Form::directory : Form::file;
  artifact.size = json.integer_at("size");
  artifact.name = json.text_at("name");
  artifact.uri = json.text_at("uri");
  if (const auto hex = json.text_at("digest"); !hex.empty()) {
    SLUICE_TRY(digest, Digest::from_hex(hex));
    artifact.digest = digest;
  }
  if (!artifact.digest && artifact.uri.empty())
    return Fail(user_error(Code::invalid_argument, "an artifact needs a digest or a uri"));
  if (const auto* metadata = json.find("metadata"); metadata && metadata->is_struct()) {
    SLUICE_TRY(read, from_tagged(*metadata));
    artifact.metadata = std::make_shared<const Struct>(*read.if_struct());
  }
  return artifact;
}

Value to_tagged(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::list: {
      List out;
      for (const auto& v : *value.if_list()) out.push_back(to_tagged(v));
      return out;
    }
    case Value::Kind::structure: {
      Struct out;
      for (const auto& [k, v] : *value.if_struct())
        out.append(k.starts_with('$') ? "$" + k : k, to_tagged(v));
      return out;
    }
    case Value::Kind::artifact: {
      Struct out;
      out.set("$artifact", artifact_to_json(*value.if_artifact()));
      return out;
    }
    case Value::Kind::late: {
      List parts;
      for (const auto& part : value.if_late()->parts)
        parts.push_back(std::holds_alternative<std::string>(part)
                            ? Value(std::get<std::string>(part))
                            : hole_to_json(std::get<PathPlaceholder>(part)));
      Struct out;
      out.set("$late", std::move(parts));
      return out;
    }
    default: return value;
  }
}

Result<Value> from_tagged(const Value& json) {
  if (const auto* list = json.if_list()) {
    List out;
    for (const auto& v : *list) {
      SLUICE_TRY(read, from_tagged(v));
      out.push_back(std::move(read));
    }
    return Value(std::move(out));
  }
  const auto* fields = json.if_struct();
  if (!fields) return json;
  if (const auto* artifact = fields->find("$artifact")) {
    SLUICE_TRY(read, artifact_from_json(*artifact));
    return Value(std::move(read));
  }
  if (const auto* late = fields->find("$late")) return template_from_json(*late);
  Struct out;
  for (const auto& [k, v] : *fields) {
    SLUICE_TRY(read, from_tagged(v));
    out.append(k.starts_with("$$") ? k.substr(1) : k, std::move(read));
  }
  return Value(std::move(out));
}

}  // namespace sluice
