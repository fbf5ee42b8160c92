#include "sluice/base/pattern.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "sluice/base/numbers.hpp"
#include "sluice/base/words.hpp"

namespace sluice {
namespace {

using Step = Pattern::Step;
using Range = Pattern::Range;
using Kind = Step::Kind;

constexpr char32_t last_character = 0x10ffff;

/// Takes one character of a text in UTF-8; a byte that belongs to none is one of its own.
char32_t take_character(std::string_view& text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto lead = byte(0);
  const std::size_t size = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  char32_t character = size == 1 ? lead : lead & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if (i >= text.size() || (byte(i) & 0xc0U) != 0x80) {
      text.remove_prefix(1);
      return lead;
    }
    character = character << 6U | (byte(i) & 0x3fU);
  }
  text.remove_prefix(size);
  return character;
}

char32_t lower(char32_t c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; }
bool is_digit(char32_t c) { return c >= '0' && c <= '9'; }
/// Every character outside ASCII is taken for a letter, as it is in most scripts.
bool is_word(char32_t c) {
  return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || c == '_' || c >= 0x80;
}

const std::vector<Range>& digits() {
  static const std::vector<Range> ranges{{'0', '9'}};
  return ranges;
}
const std::vector<Range>& words() {
  static const std::vector<Range> ranges{
      {'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}, {0x80, last_character}};
  return ranges;
}
const std::vector<Range>& spaces() {
  static const std::vector<Range> ranges{
      {'\t', '\r'}, {' ', ' '}, {0xa0, 0xa0}, {0x2000, 0x200a}, {0x3000, 0x3000}};
  return ranges;
}

/// All that is in none of these ranges, which are in order.
std::vector<Range> others(const std::vector<Range>& ranges) {
  std::vector<Range> out;
  char32_t next = 0;
  for (const auto& range : ranges) {
    if (range.first > next) out.push_back({next, range.first - 1});
    next = range.last + 1;
  }
  if (next <= last_character) out.push_back({next, last_character});
  return out;
}

/// In order, without overlaps, so that a character is looked up at once.
std::vector<Range> in_order(std::vector<Range> ranges) {
  std::ranges::sort(ranges, {}, &Range::first);
  std::vector<Range> out;
  for (const auto& range : ranges) {
    if (!out.empty() && range.first <= out.back().last)
      out.back().last = std::max(out.back().last, range.last);
    else
      out.push_back(range);
  }
  return out;
}

struct Node {
  enum class Kind { step, sequence, choice, repeat } kind = Kind::sequence;
  Step step = {.kind = Step::Kind::set};
  std::vector<Node> parts = {};
  std::size_t least = 0;
  std::optional<std::size_t> most = {};  ///< nullopt: any number
};

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text), rest_(text) {}

  Result<Node> parse() {
    SLUICE_DO(take_flags());
    SLUICE_TRY(node, choice(0));
    if (!rest_.empty()) return refuse("`)` without its `(`");
    return node;
  }
  [[nodiscard]] bool ignores_case() const { return ignores_case_; }

 private:
  static constexpr std::size_t depth_max = 50;
  static constexpr std::size_t count_max = Pattern::steps_max;

  Fail refuse(std::string_view why) const {
    return Fail(user_error(Code::invalid_argument, "regular expression, byte " +
                                                       std::to_string(text_.size() - rest_.size() + 1) +
                                                       ": " + std::string(why)));
  }
  bool take(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  static Node node_of(Kind kind) { return {.kind = Node::Kind::step, .step = {.kind = kind}}; }
  static Node set_of(std::vector<Range> ranges, bool negated = false) {
    return {.kind = Node::Kind::step,
            .step = {.kind = Kind::set, .ranges = in_order(std::move(ranges)), .negated = negated}};
  }

  Result<void> take_flags() {
    constexpr std::string_view flags = "imsux";
    while (rest_.starts_with("(?") && rest_.size() > 2 && flags.contains(rest_[2])) {
      const auto end = rest_.find(')');
      const auto written = rest_.substr(2, end == std::string_view::npos ? end : end - 2);
      if (end == std::string_view::npos || written.find_first_not_of("imsu") != std::string_view::npos)
        return refuse("only the flags `i`, `m` and `s` are known");
      ignores_case_ = ignores_case_ || written.contains('i');
      by_line_ = by_line_ || written.contains('m');
      any_is_all_ = any_is_all_ || written.contains('s');
      rest_.remove_prefix(end + 1);
    }
    return {};
  }

  // NOLINTNEXTLINE(misc-no-recursion): as deep as the limit
  Result<Node> choice(std::size_t depth) {
    if (depth > depth_max) return refuse("it is nested too deeply");
    Node all{.kind = Node::Kind::choice};
    do {
      Node one;
      while (!rest_.empty() && !rest_.starts_with('|') && !rest_.starts_with(')')) {
        SLUICE_TRY(part, repeated(depth));
        one.parts.push_back(std::move(part));
      }
      all.parts.push_back(std::move(one));
    } while (take("|"));
    return all.parts.size() == 1 ? std::move(all.parts.front()) : std::move(all);
  }

  // NOLINTNEXTLINE(misc-no-recursion): as deep as the limit
  Result<Node> repeated(std::size_t depth) {
    SLUICE_TRY(made, single(depth));
    auto node = std::move(made);
    bool is_repeated = false;
    for (;;) {
      std::size_t least = 0;
      std::optional<std::size_t> most;
      if (take("+")) {
        least = 1;
      } else if (take("?")) {
        most = 1;
      } else if (!take("*")) {
        SLUICE_TRY(counts, take_counts());
        if (!counts) return node;
        least = counts->first;
        most = counts->second;
      }
      if (is_repeated) return refuse("there is nothing to repeat");
      is_repeated = true;
      take("?");  // lazy: what is found is the same
      if (rest_.starts_with('+')) return refuse("a possessive repetition is not known");
      Node repeat{.kind = Node::Kind::repeat, .least = least, .most = most};
      repeat.parts.push_back(std::move(node));
      node = std::move(repeat);
    }
  }

  using Counts = std::pair<std::size_t, std::optional<std::size_t>>;
  /// "{2}", "{2,}", "{,3}", "{2,3}"; anything else is a text.
  Result<std::optional<Counts>> take_counts() {
    const auto end = rest_.find('}');
    if (!rest_.starts_with('{') || end == std::string_view::npos) return std::nullopt;
    const auto inside = rest_.substr(1, end - 1);
    const auto comma = inside.find(',');
    const auto first = inside.substr(0, comma);
    const auto second = comma == std::string_view::npos ? first : inside.substr(comma + 1);
    const auto least = first.empty() ? std::optional<std::size_t>(0) : parse_integer<std::size_t>(first);
    const auto most = parse_integer<std::size_t>(second);
    if (!least || inside.empty() || (!most && !second.empty()) || (first.empty() && second.empty()))
      return std::nullopt;
    if (*least > count_max || (most && (*most > count_max || *most < *least)))
      return refuse("a repetition that is too often, or ends before it begins");
    rest_.remove_prefix(end + 1);
    return Counts{*least, second.empty() ? std::nullopt : most};
  }

  // NOLINTNEXTLINE(misc-no-recursion): as deep as the limit
  Result<Node> single(std::size_t depth) {
    if (take("(")) {
      if (take("?")) {
        if (take("P<")) {
          const auto end = rest_.find('>');
          if (end == std::string_view::npos) return refuse("the name of a group does not end");
          rest_.remove_prefix(end + 1);
        } else if (!take(":")) {
          return refuse("only plain groups are known, and flags in front");
        }
      }
      SLUICE_TRY(inner, choice(depth + 1));
      if (!take(")")) return refuse("`(` without its `)`");
      // A group of its own, so that a repetition means all of it.
      Node group;
      group.parts.push_back(std::move(inner));
      return group;
    }
    if (take(".")) {
      static const std::vector<Range> line_end{{'\n', '\n'}};
      return any_is_all_ ? set_of({}, true) : set_of(line_end, true);
    }
    if (take("^")) return node_of(by_line_ ? Kind::line_begin : Kind::begin);
    if (take("$")) return node_of(by_line_ ? Kind::line_end : Kind::end);
    if (take("[")) return set();
    if (take("\\")) return escape();
    if (rest_.starts_with('*') || rest_.starts_with('+') || rest_.starts_with('?'))
      return refuse("there is nothing to repeat");
    const auto character = take_character(rest_);
    return set_of({{character, character}});
  }

  Result<Node> escape() {
    if (rest_.empty()) return refuse("`\\` at the end");
    switch (rest_.front()) {
      case 'b': rest_.remove_prefix(1); return node_of(Kind::boundary);
      case 'B': rest_.remove_prefix(1); return node_of(Kind::no_boundary);
      case 'A': rest_.remove_prefix(1); return node_of(Kind::begin);
      case 'Z': rest_.remove_prefix(1); return node_of(Kind::end);
      default: break;
    }
    SLUICE_TRY(ranges, escaped_ranges());
    return set_of(std::move(ranges));
  }

  /// What follows a `\`, as a set of characters.
  Result<std::vector<Range>> escaped_ranges() {
    if (rest_.empty()) return refuse("`\\` at the end");
    const auto letter = take_character(rest_);
    switch (letter) {
      case 'd': return digits();
      case 'D': return others(digits());
      case 'w': return words();
      case 'W': return others(words());
      case 's': return spaces();
      case 'S': return others(spaces());
      case 'n': return std::vector<Range>{{'\n', '\n'}};
      case 't': return std::vector<Range>{{'\t', '\t'}};
      case 'r': return std::vector<Range>{{'\r', '\r'}};
      case 'f': return std::vector<Range>{{'\f', '\f'}};
      case 'v': return std::vector<Range>{{'\v', '\v'}};
      case 'x': return coded(2);
      case 'u': return coded(4);
      default: break;
    }
    if (is_digit(letter) || (lower(letter) >= 'a' && lower(letter) <= 'z'))
      return refuse("an escape that is not known, such as a backreference");
    return std::vector<Range>{{letter, letter}};
  }

  Result<std::vector<Range>> coded(std::size_t size) {
    const auto code = parse_integer<std::uint32_t>(rest_.substr(0, size), 16);
    if (rest_.size() < size || !code) return refuse("a character is written with hexadecimal digits");
    rest_.remove_prefix(size);
    return std::vector<Range>{{*code, *code}};
  }

  Result<Node> set() {
    const bool negated = take("^");
    std::vector<Range> ranges;
    for (bool is_first = true; is_first || !rest_.starts_with(']'); is_first = false) {
      if (rest_.empty()) return refuse("`[` without its `]`");
      SLUICE_TRY(one, set_part());
      if (rest_.size() > 1 && rest_[0] == '-' && rest_[1] != ']') {
        rest_.remove_prefix(1);
        SLUICE_TRY(other, set_part());
        const bool are_characters = one.size() == 1 && one[0].first == one[0].last && other.size() == 1 &&
                                    other[0].first == other[0].last;
        if (!are_characters || other[0].first < one[0].first) return refuse("a range that is none");
        ranges.push_back({one[0].first, other[0].first});
        continue;
      }
      ranges.insert(ranges.end(), one.begin(), one.end());
    }
    rest_.remove_prefix(1);
    return set_of(std::move(ranges), negated);
  }
  Result<std::vector<Range>> set_part() {
    if (rest_.empty()) return refuse("`[` without its `]`");
    if (take("\\b")) return std::vector<Range>{{'\b', '\b'}};
    if (take("\\")) return escaped_ranges();
    const auto character = take_character(rest_);
    return std::vector<Range>{{character, character}};
  }

  std::string_view text_;
  std::string_view rest_;
  bool ignores_case_ = false;
  bool by_line_ = false;
  bool any_is_all_ = false;
};

/// Writes the steps; false: there would be too many.
class Writer {
 public:
  // NOLINTNEXTLINE(misc-no-recursion): as deep as the pattern
  bool write(const Node& node) {
    if (steps.size() >= Pattern::steps_max || ++nodes_ > nodes_max) return false;
    switch (node.kind) {
      case Node::Kind::step: steps.push_back(node.step); return true;
      case Node::Kind::sequence:
        return std::ranges::all_of(node.parts, [this](const Node& part) { return write(part); });
      case Node::Kind::choice: return write_choice(node);
      case Node::Kind::repeat: return write_repeat(node);
    }
    return false;
  }
  std::vector<Step> steps;

 private:
  /// Repetitions of what is empty are no steps.
  static constexpr std::size_t nodes_max = 20 * Pattern::steps_max;

  std::size_t add(Kind kind) {
    steps.push_back({.kind = kind});
    return steps.size() - 1;
  }
  // NOLINTNEXTLINE(misc-no-recursion): as deep as the pattern
  bool write_choice(const Node& node) {
    std::vector<std::size_t> jumps;
    for (std::size_t i = 0; i < node.parts.size(); ++i) {
      const bool is_last = i + 1 == node.parts.size();
      const auto fork = is_last ? 0 : add(Kind::fork);
      if (!write(node.parts[i])) return false;
      if (is_last) break;
      jumps.push_back(add(Kind::jump));
      steps[fork].next = fork + 1;
      steps[fork].other = steps.size();
    }
    for (const auto jump : jumps) steps[jump].next = steps.size();
    return true;
  }
  // NOLINTNEXTLINE(misc-no-recursion): as deep as the pattern
  bool write_repeat(const Node& node) {
    const auto& part = node.parts.front();
    for (std::size_t i = 0; i < node.least; ++i)
      if (!write(part)) return false;
    if (!node.most) {
      const auto fork = add(Kind::fork);
      if (!write(part)) return false;
      steps[add(Kind::jump)].next = fork;
      steps[fork].next = fork + 1;
      steps[fork].other = steps.size();
      return true;
    }
    std::vector<std::size_t> forks;
    for (auto i = node.least; i < *node.most; ++i) {
      forks.push_back(add(Kind::fork));
      if (!write(part)) return false;
    }
    for (const auto fork : forks) {
      steps[fork].next = fork + 1;
      steps[fork].other = steps.size();
    }
    return true;
  }

  std::size_t nodes_ = 0;
};

/// Where a search is: all steps that the text so far leads to.
class Places {
 public:
  explicit Places(std::size_t count) : is_in_(count) {}
  bool add(std::size_t step) {
    if (is_in_[step]) return false;
    is_in_[step] = true;
    list_.push_back(step);
    return true;
  }
  void clear() {
    for (const auto step : list_) is_in_[step] = false;
    list_.clear();
  }
  [[nodiscard]] const std::vector<std::size_t>& list() const { return list_; }

 private:
  std::vector<bool> is_in_;
  std::vector<std::size_t> list_;
};

/// The characters around a place.
struct Around {
  std::optional<char32_t> before;
  std::string_view rest;

  [[nodiscard]] bool allows(Kind kind) const {
    const auto after = [&]() -> std::optional<char32_t> {
      auto copy = rest;
      return copy.empty() ? std::nullopt : std::optional(take_character(copy));
    };
    const auto at_boundary = [&] {
      const auto next = after();
      return (before && is_word(*before)) != (next && is_word(*next));
    };
    switch (kind) {
      case Kind::begin: return !before;
      case Kind::end: return rest.empty() || rest == "\n";
      case Kind::line_begin: return !before || *before == '\n';
      case Kind::line_end: return rest.empty() || rest.front() == '\n';
      case Kind::boundary: return at_boundary();
      case Kind::no_boundary: return !at_boundary();
      default: return false;
    }
  }
};

bool fits(const Step& step, char32_t character, bool ignores_case) {
  const auto holds = [&](char32_t c) {
    const auto after = std::ranges::upper_bound(step.ranges, c, {}, &Range::first);
    return after != step.ranges.begin() && std::prev(after)->last >= c;
  };
  bool is_in = holds(character);
  if (!is_in && ignores_case && character < 0x80) {
    const auto small = lower(character);
    is_in = holds(small) || (small >= 'a' && small <= 'z' && holds(small - 'a' + 'A'));
  }
  return is_in != step.negated;
}

/// Adds a step and all that it leads to without a character. True: the pattern is found.
bool follow(const std::vector<Step>& steps, std::size_t from, const Around& around, Places& places,
            std::vector<std::size_t>& open) {
  open.assign(1, from);
  while (!open.empty()) {
    const auto at = open.back();
    open.pop_back();
    if (!places.add(at)) continue;
    const auto& step = steps[at];
    switch (step.kind) {
      case Kind::found: return true;
      case Kind::set: break;
      case Kind::jump: open.push_back(step.next); break;
      case Kind::fork:
        open.push_back(step.next);
        open.push_back(step.other);
        break;
      default:
        if (around.allows(step.kind)) open.push_back(at + 1);
    }
  }
  return false;
}

}  // namespace

Result<Pattern> Pattern::compile(std::string_view pattern) {
  if (pattern.size() > bytes_max)
    return Fail(user_error(Code::invalid_argument,
                           "regular expression: it is longer than " + std::to_string(bytes_max) + " bytes"));
  if (!is_utf8(pattern))
    return Fail(user_error(Code::invalid_argument, "regular expression: it is not UTF-8"));
  Parser parser(pattern);
  SLUICE_TRY(node, parser.parse());
  Writer writer;
  if (!writer.write(node) || writer.steps.size() >= steps_max)
    return Fail(user_error(Code::invalid_argument, "regular expression: it is too large; repeat less"));
  writer.steps.push_back({.kind = Kind::found});
  return Pattern(std::move(writer.steps), parser.ignores_case());
}

bool Pattern::is_in(std::string_view text) const {
  Places now(steps_.size());
  Places next(steps_.size());
  std::vector<std::size_t> open;
  Around around{.before = std::nullopt, .rest = text};
  for (;;) {
    // It may begin anywhere.
    if (follow(steps_, 0, around, now, open)) return true;
    if (around.rest.empty()) return false;
    const auto character = take_character(around.rest);
    around.before = character;
    for (const auto at : now.list())
      if (steps_[at].kind == Kind::set && fits(steps_[at], character, ignores_case_) &&
          follow(steps_, at + 1, around, next, open))
        return true;
    std::swap(now, next);
    next.clear();
  }
}

}  // namespace sluice
