#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include <libfyaml.h>

#include "sluice/base/words.hpp"
#include "sluice/syntax/tree.hpp"
#include "sluice/syntax/yaml_scalar.hpp"

namespace sluice::syntax {
namespace {

constexpr std::string_view merge_key = "<<";

struct ParserFree {
  void operator()(fy_parser* parser) const { fy_parser_destroy(parser); }
};
struct DiagFree {
  void operator()(fy_diag* diag) const { fy_diag_destroy(diag); }
};

std::string text_of(fy_token* token) {
  std::size_t size = 0;
  const char* text = token ? fy_token_get_text(token, &size) : nullptr;
  return text ? std::string(text, size) : std::string();
}

Location place_of(fy_token* token, Location otherwise) {
  const auto* mark = token ? fy_token_start_mark(token) : nullptr;
  if (!mark) return otherwise;
  return {static_cast<std::uint32_t>(mark->line + 1), static_cast<std::uint32_t>(mark->column + 1)};
}

/// Decodes the text between single quotes: one line break and the space around it become a space, several
/// become one line break less. libfyaml 0.7 decodes two escaped quotes in a row wrongly (and leaks), so its
/// own decoding is not used for these.
std::string single_quoted(std::string_view raw) {
  std::string out;
  for (std::size_t i = 0; i < raw.size();) {
    if (raw[i] == '\'') {
      out += '\'';
      i += 2;
      continue;
    }
    if (raw[i] != '\n' && raw[i] != '\r') {
      out += raw[i++];
      continue;
    }
    while (out.ends_with(' ') || out.ends_with('\t')) out.pop_back();
    std::size_t breaks = 0;
    for (; i < raw.size() && (raw[i] == '\n' || raw[i] == '\r' || raw[i] == ' ' || raw[i] == '\t'); ++i) {
      const bool lone_return = raw[i] == '\r' && !raw.substr(i).starts_with("\r\n");
      if (raw[i] == '\n' || lone_return) ++breaks;
    }
    if (breaks == 1)
      out += ' ';
    else
      out.append(breaks - 1, '\n');
  }
  return out;
}

/// Where a scalar or alias begins: libfyaml's marks point after the opening quote or the asterisk.
Location start_of(fy_token* token, Location otherwise, bool is_alias) {
  auto at = place_of(token, otherwise);
  const auto style = token && !is_alias ? fy_token_scalar_style(token) : FYSS_ANY;
  if ((is_alias || style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED) && at.column > 1) --at.column;
  return at;
}

/// Builds the tree from libfyaml's events. Its own documents are not used: they recurse, and expand aliases
/// without a limit.
class TreeBuilder {
 public:
  TreeBuilder(const std::string& file, TreeLimits limits, InvalidScalars invalid,
              std::size_t documents_max = 1)
      : file_(file), limits_(limits), invalid_(invalid), documents_max_(documents_max) {}

  Result<std::vector<Node>> read(std::string_view text) {
    if (text.size() > limits_.bytes_max)
      return Fail(user_error(Code::too_large, file_ + ": " + human_bytes(text.size()) +
                                                  " exceeds the limit of " + human_bytes(limits_.bytes_max)));
    source_ = text;
    if (auto problem = encoding_problem(text))
      return Fail(user_error(Code::invalid_argument, file_ + ": " + std::move(*problem)));
    fy_diag_cfg diag_config;
    fy_diag_cfg_default(&diag_config);
    const std::unique_ptr<fy_diag, DiagFree> diag(fy_diag_create(&diag_config));
    SLUICE_CHECK(diag != nullptr);
    fy_diag_set_collect_errors(diag.get(), true);
    const fy_parse_cfg config{
        .search_path = nullptr,
        .flags = static_cast<fy_parse_cfg_flags>(FYPCF_QUIET | FYPCF_COLLECT_DIAG |
                                                 FYPCF_DISABLE_DEPTH_LIMIT | FYPCF_DEFAULT_VERSION_1_2),
        .userdata = nullptr,
        .diag = diag.get()};
    const std::unique_ptr<fy_parser, ParserFree> parser(fy_parser_create(&config));
    SLUICE_CHECK(parser != nullptr);
    if (fy_parser_set_string(parser.get(), text.data(), text.size()) != 0)
      return refuse({}, "cannot parse this text as YAML");
    while (auto* event = fy_parser_parse(parser.get())) {
      auto handled = handle(*event);
      fy_parser_event_free(parser.get(), event);
      if (!handled) return Fail(std::move(handled).error());
    }
    if (fy_parser_get_stream_error(parser.get()) || !open_.empty()) return refuse_syntax(*diag);
    if (roots_.empty()) return refuse({1, 1}, "the text is empty");
    return std::move(roots_);
  }

 private:
  struct Open {
    Node node;
    std::string anchor;
    bool has_key = false;
    std::string key;
    Location key_at;
    std::unordered_set<std::string> keys;  ///< filled only once there are many
    bool is_merge = false;                 ///< the key is a plain `<<`
    std::optional<Node> merged;            ///< what `<<` holds …
    std::size_t merged_at = 0;             ///< … and before which field it stands
  };

  [[nodiscard]] Fail refuse(Location at, std::string message) const {
    return Fail(user_error(Code::invalid_argument, place(file_, at) + ": " + std::move(message)));
  }

  Fail refuse_syntax(fy_diag& diag) const {
    void* cursor = nullptr;
    const auto* first = fy_diag_errors_iterate(&diag, &cursor);
    if (!first || !first->msg) return refuse({}, "invalid YAML");
    const Location at{static_cast<std::uint32_t>(std::max(first->line, 1)),
                      static_cast<std::uint32_t>(std::max(first->column, 1))};
    return refuse(at, "invalid YAML: " + std::string(first->msg));
  }

  Result<void> handle(const fy_event& event) {
    switch (event.type) {
      case FYET_DOCUMENT_START:
        if (roots_.size() < documents_max_) return {};
        return refuse(place_of(event.document_start.document_start, last_),
                      documents_max_ == 1 ? "a second document starts here; a file must hold exactly one"
                                          : "another document starts here; a file must hold at most " +
                                                std::to_string(documents_max_));
      case FYET_MAPPING_START:
        return begin(Node::Kind::map, event.mapping_start.mapping_start, event.mapping_start.anchor,
                     event.mapping_start.tag);
      case FYET_SEQUENCE_START:
        return begin(Node::Kind::list, event.sequence_start.sequence_start, event.sequence_start.anchor,
                     event.sequence_start.tag);
      case FYET_MAPPING_END:
      case FYET_SEQUENCE_END: return end();
      case FYET_SCALAR: return scalar(event.scalar);
      case FYET_ALIAS: return alias(event.alias.anchor);
      default: return {};
    }
  }

  Result<void> check(Location at, fy_token* tag) {
    last_ = at;
    if (tag) return refuse(at, "tags such as `" + text_of(tag).substr(0, 60) + "` are not supported");
    return count(at);
  }

  Result<void> count(Location at) {
    if (++nodes_ > limits_.nodes_max)
      return refuse(at, "the text holds more than " + std::to_string(limits_.nodes_max) +
                            " values, aliases counted each time; divide it");
    return {};
  }

  Result<void> begin(Node::Kind kind, fy_token* token, fy_token* anchor, fy_token* tag) {
    const auto at = place_of(token, last_);
    SLUICE_DO(check(at, tag));
    if (wants_key()) return refuse(at, "a key must be a scalar, not a list or map");
    if (open_.size() >= limits_.depth_max)
      return refuse(at, "nested more than " + std::to_string(limits_.depth_max) + " deep");
    Open opened;
    opened.node.kind = kind;
    opened.node.at = at;
    opened.anchor = text_of(anchor);
    open_.push_back(std::move(opened));
    return {};
  }

  Result<void> end() {
    auto closed = std::move(open_.back());
    open_.pop_back();
    if (closed.merged) SLUICE_DO(merge(closed));
    return put(std::move(closed.node), closed.anchor);
  }

  Result<void> scalar(const fy_event_scalar_data& event) {
    const auto at = start_of(event.value, last_, false);
    SLUICE_DO(check(at, event.tag));
    auto text = scalar_text(event.value);
    const bool quoted = event.value && fy_token_scalar_style(event.value) != FYSS_PLAIN;
    if (wants_key()) return key(std::move(text), at, !quoted);
    Node node;
    node.at = at;
    node.quoted = quoted;
    if (quoted) {
      node.scalar = Value(std::move(text));
    } else {
      auto value = resolve_plain(text);
      if (!value && invalid_ == InvalidScalars::refuse) return refuse(at, value.error());
      node.invalid = !value;
      if (value) node.scalar = std::move(*value);
      if (!node.scalar.is_string()) node.spelling = std::move(text);
    }
    return put(std::move(node), text_of(event.anchor));
  }

  [[nodiscard]] std::string scalar_text(fy_token* token) const {
    if (!token || fy_token_scalar_style(token) != FYSS_SINGLE_QUOTED) return text_of(token);
    const auto* start = fy_token_start_mark(token);
    const auto* end = fy_token_end_mark(token);
    SLUICE_CHECK(start && end && start->input_pos <= end->input_pos && end->input_pos <= source_.size());
    return single_quoted(source_.substr(start->input_pos, end->input_pos - start->input_pos));
  }

  [[nodiscard]] bool wants_key() const {
    return !open_.empty() && open_.back().node.kind == Node::Kind::map && !open_.back().has_key;
  }

  Result<void> key(std::string text, Location at, bool plain) {
    constexpr std::size_t few = 16;
    auto& top = open_.back();
    if (top.node.fields.size() == few)
      for (const auto& field : top.node.fields) top.keys.insert(field.key);
    const bool is_duplicate =
        top.node.fields.size() < few
            ? std::ranges::find(top.node.fields, text, &Node::Field::key) != top.node.fields.end()
            : !top.keys.insert(text).second;
    if (is_duplicate) return refuse(at, "duplicate key `" + text + "`");
    top.has_key = true;
    top.is_merge = plain && text == merge_key;
    top.key = std::move(text);
    top.key_at = at;
    return {};
  }

  Result<void> put(Node node, const std::string& anchor) {
    if (!anchor.empty()) {
      Node copy;
      SLUICE_DO(clone(node, copy, 0));
      anchors_[anchor] = std::move(copy);
    }
    if (open_.empty()) {
      roots_.push_back(std::move(node));
      anchors_.clear();
      return {};
    }
    auto& top = open_.back();
    if (top.node.kind == Node::Kind::list) {
      top.node.items.push_back(std::move(node));
      return {};
    }
    top.has_key = false;
    if (top.is_merge) {
      if (top.merged) return refuse(top.key_at, "duplicate key `<<`");
      top.merged_at = top.node.fields.size();
      top.merged = std::move(node);
      return {};
    }
    top.node.fields.push_back({std::move(top.key), top.key_at, std::make_unique<Node>(std::move(node))});
    return {};
  }

  /// Replaces `<<` by the fields of the maps that it holds, except those that the map has itself; of several
  /// maps the first one takes precedence (YAML 1.1, "merge").
  Result<void> merge(Open& open) {
    auto& fields = open.node.fields;
    auto& merged = *open.merged;
    std::unordered_set<std::string> known;
    for (const auto& field : fields) known.insert(field.key);
    std::vector<Node::Field> added;
    const auto add = [&](Node& map) -> Result<void> {
      if (map.kind != Node::Kind::map)
        return refuse(map.at, "`<<` takes a map or a list of maps, usually aliases, as in `<<: *defaults`");
      for (auto& field : map.fields)
        if (known.insert(field.key).second) added.push_back(std::move(field));
      return {};
    };
    if (merged.kind != Node::Kind::list) SLUICE_DO(add(merged));
    for (auto& map : merged.items) SLUICE_DO(add(map));
    fields.insert(fields.begin() + static_cast<std::ptrdiff_t>(open.merged_at),
                  std::make_move_iterator(added.begin()), std::make_move_iterator(added.end()));
    return {};
  }

  Result<void> alias(fy_token* token) {
    const auto at = start_of(token, last_, true);
    SLUICE_DO(check(at, nullptr));
    const auto name = text_of(token);
    if (wants_key()) return refuse(at, "a key must be a scalar, not an alias");
    const auto anchor = anchors_.find(name);
    if (anchor == anchors_.end()) return refuse(at, "unknown anchor `" + name + "`");
    Node copy;
    SLUICE_DO(clone(anchor->second, copy, open_.size()));
    return put(std::move(copy), {});
  }

  /// The nodes of every copy are counted again, so an alias bomb exceeds the limit.
  Result<void> clone(const Node& from, Node& to, std::size_t depth) {
    SLUICE_DO(count(from.at));
    if (depth > limits_.depth_max)
      return refuse(from.at, "nested more than " + std::to_string(limits_.depth_max) + " deep");
    to.kind = from.kind;
    to.at = from.at;
    to.scalar = from.scalar;
    to.quoted = from.quoted;
    to.invalid = from.invalid;
    to.spelling = from.spelling;
    to.items.resize(from.items.size());
    for (std::size_t i = 0; i < from.items.size(); ++i)
      SLUICE_DO(clone(from.items[i], to.items[i], depth + 1));
    for (const auto& field : from.fields) {
      auto value = std::make_unique<Node>();
      SLUICE_DO(clone(*field.value, *value, depth + 1));
      to.fields.push_back({field.key, field.at, std::move(value)});
    }
    return {};
  }

  const std::string& file_;
  TreeLimits limits_;
  InvalidScalars invalid_;
  std::string_view source_;
  std::vector<Open> open_;
  std::unordered_map<std::string, Node> anchors_;
  std::vector<Node> roots_;
  std::size_t documents_max_;
  std::size_t nodes_ = 0;
  Location last_{1, 1};
};

}  // namespace

Result<Node> read_yaml(std::string_view text, const std::string& file, TreeLimits limits,
                       InvalidScalars invalid) {
  SLUICE_TRY(documents, TreeBuilder(file, limits, invalid).read(text));
  return std::move(documents.front());
}

Result<std::vector<Node>> read_yaml_documents(std::string_view text, const std::string& file,
                                              std::size_t documents_max, TreeLimits limits) {
  return TreeBuilder(file, limits, InvalidScalars::refuse, documents_max).read(text);
}

}  // namespace sluice::syntax
