#include "sluice/domain/tracking/search_filter.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include <fmt/format.h>

#include "sluice/base/numbers.hpp"
#include "sluice/base/words.hpp"
#include "sluice/domain/tracking/search_tokens.hpp"

namespace sluice::tracking {
namespace {

using Comparator = ports::SearchCondition::Comparator;
using Operand = ports::SearchCondition::Operand;
using Kind = SearchToken::Kind;
using Values = SearchGrammar::Values;
using Tokens = std::span<const SearchToken>;
using ports::SearchField;

Fail refusal(std::string message) { return Fail(user_error(Code::invalid_argument, std::move(message))); }

/// A condition as it is written.
struct Clause {
  SearchToken left;
  std::string_view comparator;  ///< symbols as they are written, words in upper case
  Tokens value;                 ///< one word, or a list with its parentheses
  std::string_view value_text;
};

/// "'foo bar', '~~'": the words of a clause that is none.
std::string words_text(Tokens tokens) {
  constexpr std::size_t words_shown_max = 20;
  const auto is_name = [](const SearchToken& token) {
    constexpr std::array<std::string_view, 8> keywords{"LIKE", "ILIKE", "RLIKE", "IN",
                                                       "NOT",  "IS",    "NULL",  "OR"};
    return token.kind == Kind::double_quoted ||
           (token.kind == Kind::identifier &&
            std::ranges::none_of(keywords, [&](auto keyword) { return token.is_word(keyword); }));
  };
  std::string text;
  for (std::size_t i = 0; i < std::min(tokens.size(), words_shown_max); ++i) {
    const bool goes_on = i > 0 && is_name(tokens[i]) && is_name(tokens[i - 1]);
    if (goes_on) text.back() = ' ';
    text += fmt::format("{}{}'", goes_on ? "" : text.empty() ? "'" : ", '", shown(tokens[i].text));
  }
  return text + (tokens.size() > words_shown_max ? ", …" : "");
}

/// Splits a text into clauses, whose words make sense in their places; what they say is checked later.
class Clauses {
 public:
  explicit Clauses(Tokens tokens) : rest_(tokens) {}

  Result<std::vector<Clause>> all() {
    std::vector<Clause> clauses;
    while (true) {
      // MLflow needs no AND, and minds none: clients that join parts, one of them empty, depend on it.
      while (!rest_.empty() && rest_.front().is_word("AND")) take();
      if (rest_.empty()) return clauses;
      if (clauses.size() == filter_conditions_max)
        return refusal(fmt::format("Invalid filter: more than {} conditions", filter_conditions_max));
      start_ = rest_;
      SLUICE_TRY(clause, next());
      clauses.push_back(clause);
    }
  }

 private:
  Result<Clause> next() {
    const auto left = take();
    Clause clause{.left = left, .comparator = comparator()};
    if (clause.comparator.empty()) return invalid();
    if (left.kind != Kind::identifier && left.kind != Kind::double_quoted) {
      if (left.kind != Kind::number && left.kind != Kind::single_quoted) return invalid();
      return refusal(
          fmt::format("Invalid comparison clause. Expected 'Identifier' found '{}'", shown(left.text)));
    }
    if (clause.comparator.starts_with("IS ")) return clause;
    const bool is_list = clause.comparator.ends_with("IN");
    clause.value = is_list || is(Kind::open) ? list() : word();
    if (clause.value.empty() || (is_list && clause.value.front().kind != Kind::open)) return invalid();
    clause.value_text = {clause.value.front().text.data(),
                         clause.value.back().text.data() + clause.value.back().text.size()};
    return clause;
  }

  /// Takes a comparator; "" if none is next.
  std::string_view comparator() {
    if (is(Kind::comparator)) return take().text;
    if (take_word("IS"))
      return take_word("NULL") ? "IS NULL" : take_word("NOT") && take_word("NULL") ? "IS NOT NULL" : "";
    if (take_word("NOT"))
      return take_word("IN")      ? "NOT IN"
             : take_word("LIKE")  ? "NOT LIKE"
             : take_word("ILIKE") ? "NOT ILIKE"
             : take_word("RLIKE") ? "NOT RLIKE"
                                  : "";
    return take_word("IN")      ? "IN"
           : take_word("LIKE")  ? "LIKE"
           : take_word("ILIKE") ? "ILIKE"
           : take_word("RLIKE") ? "RLIKE"
                                : "";
  }

  /// Takes one value; nothing if none is next.
  Tokens word() {
    const bool is_value =
        !rest_.empty() && (rest_.front().is_quoted() || rest_.front().kind == Kind::number ||
                           (rest_.front().kind == Kind::identifier && !rest_.front().is_word("AND")));
    const auto word = rest_.first(is_value ? 1 : 0);
    rest_ = rest_.subspan(word.size());
    return word;
  }

  /// Takes everything to the closing parenthesis; nothing if there is none.
  Tokens list() {
    if (!is(Kind::open)) return {};
    const auto end = std::ranges::find(rest_, Kind::close, &SearchToken::kind);
    if (end == rest_.end()) return {};
    const auto list = rest_.first(static_cast<std::size_t>(end - rest_.begin()) + 1);
    rest_ = rest_.subspan(list.size());
    return list;
  }

  /// The error about the clause that began at `start_`.
  Fail invalid() {
    auto end = std::ranges::find_if(start_, [](const SearchToken& token) { return token.is_word("AND"); });
    auto words = start_.first(static_cast<std::size_t>(end - start_.begin()));
    if (words.size() > 1 && words.front().is_word("OR")) words = words.first(1);
    return refusal(fmt::format("Invalid clause(s) in filter string: {}", words_text(words)));
  }

  [[nodiscard]] bool is(Kind kind) const { return !rest_.empty() && rest_.front().kind == kind; }
  SearchToken take() {
    const auto token = rest_.front();
    rest_ = rest_.subspan(1);
    return token;
  }
  bool take_word(std::string_view word) {
    if (rest_.empty() || !rest_.front().is_word(word)) return false;
    take();
    return true;
  }

  Tokens rest_;
  Tokens start_;
};

Fail ill_formed_list() {
  return refusal(
      "While parsing a list in the query, expected a non-empty list of string values, but got ill-formed "
      "list.");
}

void append_utf8(std::string& text, std::uint32_t character) {
  const auto add = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
  if (character < 0x80) return add(character);
  if (character < 0x800) {
    add(0xc0 | (character >> 6));
  } else {
    if (character < 0x10000) {
      add(0xe0 | (character >> 12));
    } else {
      add(0xf0 | (character >> 18));
      add(0x80 | ((character >> 12) & 0x3f));
    }
    add(0x80 | ((character >> 6) & 0x3f));
  }
  add(0x80 | (character & 0x3f));
}

/// Takes what follows a backslash in a text of Python, and appends what it means. Returns false if it is
/// wrong.
bool take_escape(std::string_view& rest, std::string& text) {
  if (rest.empty()) return false;
  const auto kind = rest.front();
  constexpr std::string_view kinds = "\\'\"abfnrtv\n";
  constexpr std::string_view meanings = "\\'\"\a\b\f\n\r\t\v";
  if (const auto at = kinds.find(kind); at != std::string_view::npos) {
    rest.remove_prefix(1);
    if (kind != '\n') text += meanings[at];
    return true;
  }
  const auto hex = kind == 'x' ? 2U : kind == 'u' ? 4U : kind == 'U' ? 8U : 0U;
  if (hex > 0 || (kind >= '0' && kind <= '7')) {
    rest.remove_prefix(hex > 0 ? 1 : 0);
    auto digits =
        rest.substr(0, hex > 0 ? hex : std::min<std::size_t>(3, rest.find_first_not_of("01234567")));
    rest.remove_prefix(digits.size());
    const auto code = parse_integer<std::uint32_t>(digits, hex > 0 ? 16 : 8);
    if (!code || digits.size() < hex || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000)) return false;
    append_utf8(text, *code);
    return true;
  }
  if (kind == 'N') return false;  // names of characters
  text += '\\';
  return true;
}

/// The value of a quoted text in a list, where MLflow has Python read it. Nothing if Python refuses.
std::optional<std::string> python_text(std::string_view rest) {
  const auto quote = rest.front();
  rest = rest.substr(1, rest.size() - 2);
  std::string text;
  while (!rest.empty()) {
    const auto c = rest.front();
    rest.remove_prefix(1);
    if (c == '\\') {
      if (!take_escape(rest, text)) return std::nullopt;
    } else if (c == quote) {
      // The end of one text, and the start of the next. Behind `\\` there may be only one quote.
      if (!rest.starts_with(quote)) return std::nullopt;
      rest.remove_prefix(1);
    } else {
      text += c;
    }
  }
  return text;
}

/// ('a', "b",)
Result<std::vector<std::string>> list_of(const Clause& clause) {
  const auto inside = clause.value.subspan(1, clause.value.size() - 2);
  if (inside.empty())
    return refusal(
        "While parsing a list in the query, expected a non-empty list of string values, but got empty list");
  std::vector<std::string> list;
  bool is_behind_text = false;
  for (const auto& token : inside) {
    if (token.kind == Kind::number)
      return refusal(
          fmt::format("While parsing a list in the query, expected string value, punctuation, or "
                      "whitespace, but got different type in list: {}",
                      shown(clause.value_text)));
    if (token.kind == Kind::comma && is_behind_text) {
      is_behind_text = false;
      continue;
    }
    if (!token.is_quoted()) return ill_formed_list();
    auto text = python_text(token.text);
    if (!text) return ill_formed_list();
    if (is_behind_text) {
      list.back() += *text;
      continue;
    }
    if (list.size() == filter_list_max)
      return refusal(fmt::format("Invalid filter: a list of more than {} values", filter_list_max));
    list.push_back(std::move(*text));
    is_behind_text = true;
  }
  return list;
}

/// An integer as far as 64 bits hold it, else a double.
std::optional<Operand> number_of(std::string_view text) {
  if (const auto integer = parse_integer<std::int64_t>(text)) return *integer;
  if (const auto number = parse_number(text)) return *number;
  return std::nullopt;
}

std::string quoted_value_expected(const SearchGrammar::Target& target, std::string_view value) {
  const auto field = target.field->field;
  if (field == SearchField::attribute || field == SearchField::dataset)
    return fmt::format("Expected a quoted string value for {}attributes. Got value {}",
                       field == SearchField::dataset ? "dataset " : "", shown(value));
  return fmt::format("Expected a quoted string value for {} (e.g. 'my-value'). Got value {}",
                     target.field->name, shown(value));
}

/// The keys of a field that have lists: "['run_id']".
std::string keys_with_lists(const SearchGrammar::Field& field) {
  std::vector<std::string_view> keys;
  for (const auto& key : field.keys)
    if (key.comparators.contains(Comparator::in)) keys.push_back(key.name);
  std::ranges::sort(keys);
  return keys.empty() ? "[]" : fmt::format("['{}']", fmt::join(keys, "', '"));
}

Result<Operand> operand_list(const SearchGrammar::Target& target, const Clause& clause) {
  if (!target.comparators.contains(Comparator::in) || !clause.comparator.ends_with("IN")) {
    if (target.field->field != SearchField::attribute || !clause.comparator.ends_with("IN"))
      return refusal(quoted_value_expected(target, clause.value_text));
    return refusal(fmt::format("Only {} attributes support comparison with a list of quoted string values.",
                               keys_with_lists(*target.field)));
  }
  SLUICE_TRY(list, list_of(clause));
  return list;
}

Result<Operand> operand_text(const SearchGrammar& grammar, const SearchGrammar::Target& target,
                             const Clause& clause) {
  const auto& token = clause.value.front();
  if (token.is_quoted()) return std::string(token.unquoted());
  if (grammar.has_bare_texts) return std::string(token.text);
  if (token.kind == Kind::number || token.is_word("NULL"))
    return refusal(quoted_value_expected(target, token.text));
  return refusal(
      fmt::format("Parameter value is either not quoted or unidentified quote types used for string "
                  "value {}. Use either single or double quotes.",
                  shown(token.text)));
}

Result<Operand> operand_number(const SearchGrammar& grammar, const SearchGrammar::Target& target,
                               const Clause& clause) {
  const auto& token = clause.value.front();
  const bool is_metric = target.field->field == SearchField::metric;
  const bool may_be_quoted = grammar.has_quoted_numbers && token.is_quoted();
  if (token.kind != Kind::number && !may_be_quoted)
    return refusal(fmt::format("Expected numeric value type for {}. Found {}",
                               is_metric ? "metric" : "numeric attribute: " + target.written,
                               shown(clause.value_text)));
  const auto number = number_of(may_be_quoted ? token.unquoted() : token.text);
  if (!number || (target.values == Values::whole && !std::holds_alternative<std::int64_t>(*number)))
    return refusal(fmt::format("Invalid value for numeric {} '{}': {}", is_metric ? "metric" : "attribute",
                               shown(target.written), shown(token.text)));
  if (const auto* integer = std::get_if<std::int64_t>(&*number); integer && is_metric)
    return static_cast<double>(*integer);
  return *number;
}

/// Of feedback and expectations.
Result<Operand> operand_judgment(const SearchGrammar& grammar, const SearchGrammar::Target& target,
                                 const Clause& clause) {
  if (!clause.comparator.starts_with('<') && !clause.comparator.starts_with('>'))
    return operand_text(grammar, target, clause);
  const auto number = clause.value.front().kind == Kind::number ? number_of(clause.value_text) : std::nullopt;
  if (!number)
    return refusal(fmt::format("Expected a numeric value for {} when using comparator '{}'. Got value {}",
                               target.field->name, clause.comparator, shown(clause.value_text)));
  return *number;
}

Result<void> check_ids(const Operand& operand) {
  const auto* list = std::get_if<std::vector<std::string>>(&operand);
  const auto ids = list ? std::span(*list) : std::span(&std::get<std::string>(operand), 1);
  for (const auto& id : ids)
    if (!parse_integer<std::int64_t>(id))
      return refusal(
          fmt::format("Invalid experiment ID '{}'. Experiment ID must be a valid integer.", shown(id)));
  return {};
}

/// Which version of a prompt a trace used is not looked up by a pattern.
Result<void> check_prompt(const Clause& clause, const Operand& operand) {
  if (clause.comparator != "=")
    return refusal(
        fmt::format("Invalid comparator '{}' for prompts filter. Only '=' is supported with format: "
                    "prompt = \"name/version\"",
                    shown(clause.comparator)));
  const auto& prompt = std::get<std::string>(operand);
  if (std::ranges::count(prompt, '/') == 1) return {};
  return refusal(fmt::format("Invalid prompts filter value '{}'. Expected format: prompt = \"name/version\"",
                             shown(prompt)));
}

Result<Operand> operand_of(const SearchGrammar& grammar, const SearchGrammar::Target& target,
                           const Clause& clause) {
  if (clause.value.empty()) return std::monostate();
  const bool is_number = target.values == Values::number || target.values == Values::whole;
  if (is_number) return operand_number(grammar, target, clause);
  if (clause.value.front().kind == Kind::open) return operand_list(target, clause);
  if (target.values == Values::judgment) return operand_judgment(grammar, target, clause);
  return operand_text(grammar, target, clause);
}

std::optional<Comparator> comparator_of(std::string_view text, Comparators allowed) {
  const auto comparator = comparator_named(text);
  return comparator && allowed.contains(*comparator) ? comparator : std::nullopt;
}

Result<ports::SearchCondition> condition_of(const SearchGrammar& grammar, const Clause& clause) {
  SLUICE_TRY(target, grammar.target_of(clause.left.text, SearchGrammar::Use::filter));
  if (target.values == Values::judgment && target.key.empty())
    return refusal("Assessment field name cannot be empty");
  const auto comparator = comparator_of(clause.comparator, target.comparators);
  if (!comparator && clause.comparator.starts_with("IS ") && !grammar.null_shown.empty())
    return refusal(fmt::format("IS NULL / IS NOT NULL is only supported for {}, not for {} '{}'",
                               grammar.null_shown, target.field->name, shown(target.written)));
  SLUICE_TRY(operand, operand_of(grammar, target, clause));
  if (&grammar == &trace_search() && target.key == "mlflow.linkedPrompts" && target.meant == SearchField::tag)
    SLUICE_DO(check_prompt(clause, operand));
  if (!comparator)
    return refusal(fmt::format("Invalid comparator '{}' not one of '{}'", shown(clause.comparator),
                               target.comparators.text()));
  if (target.values == Values::id) SLUICE_DO(check_ids(operand));
  if (const auto* pattern = std::get_if<std::string>(&operand);
      pattern && clause.comparator.ends_with("LIKE") && pattern->size() > filter_pattern_bytes_max)
    return refusal(fmt::format("Invalid pattern of {}: longer than {} bytes", clause.comparator,
                               filter_pattern_bytes_max));
  return ports::SearchCondition{.field = target.meant,
                                .key = std::move(target.key),
                                .comparator = *comparator,
                                .operand = std::move(operand)};
}

}  // namespace

Result<std::vector<ports::SearchCondition>> parse_filter(std::string_view text,
                                                         const SearchGrammar& grammar) {
  if (text.size() > filter_bytes_max)
    return refusal(fmt::format("Invalid filter: longer than {} bytes", filter_bytes_max));
  if (!is_utf8(text)) return refusal("Invalid filter: the text is not UTF-8");
  const auto tokens = search_tokens(text);
  const auto semicolon = std::ranges::find(tokens, ";", &SearchToken::text);
  if (semicolon != tokens.end() && semicolon + 1 != tokens.end())
    return refusal(fmt::format(
        "Search filter contained multiple expression '{}'. Provide AND-ed expression list.", shown(text)));
  SLUICE_TRY(clauses, Clauses(tokens).all());
  std::vector<ports::SearchCondition> conditions;
  for (const auto& clause : clauses) {
    SLUICE_TRY(condition, condition_of(grammar, clause));
    conditions.push_back(std::move(condition));
  }
  return conditions;
}

}  // namespace sluice::tracking
